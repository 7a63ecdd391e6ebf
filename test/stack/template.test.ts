/** Functions, rules, queues, topic and outputs, as `sls package` makes them of serverless.yml. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { LISTED } from '../../src/aws/ledger-items.ts';
import { loadPolicies } from '../../src/cli/policies-dir.ts';
import { isCollectionDocument } from '../../src/evidence/os/document.ts';
import { eventRules } from '../../src/policy/event-rules.ts';
import { DRIFT_CHECK } from '../../src/runbook/drift-check.ts';
import { arnOf, NOTHING, packaged, ref, ROOT, sub, type Template } from './packaged.ts';

let template: Template;
beforeAll(async () => {
  template = await packaged();
}, 60_000);

const durableAlias = { 'Fn::Join': [':', [arnOf('ResponderLambdaFunction'), 'durable']] };

describe('the functions', () => {
  test('are four, each with a role of its own', () => {
    const roles = template.ofType('AWS::Lambda::Function').map(([, { Properties }]) => Properties);
    expect(roles.map(({ FunctionName, Role }) => [FunctionName, Role])).toEqual([
      ['secresponse-dev-responder', arnOf('ResponderRole')],
      ['secresponse-dev-release', arnOf('ReleaseRole')],
      ['secresponse-dev-session-denier', arnOf('SessionDenierRole')],
      ['secresponse-dev-watcher', arnOf('WatcherRole')],
    ]);
    for (const role of roles) expect(role).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'] });
  });

  test('are durable where they change something', () => {
    expect(template.properties('ResponderLambdaFunction')).toMatchObject({
      Handler: 'src/handlers/responder.handler',
      Timeout: 900,
      DurableConfig: { ExecutionTimeout: 604800, RetentionPeriodInDays: 30 },
    });
    expect(template.properties('ResponderDurableLambdaAlias')).toMatchObject({ Name: 'durable' });
    expect(template.properties('ReleaseLambdaFunction')).toMatchObject({
      Handler: 'src/handlers/release.handler',
      Timeout: 900,
      DurableConfig: { ExecutionTimeout: 86400, RetentionPeriodInDays: 30 },
    });
    expect(template.properties('ReleaseDurableLambdaAlias')).toMatchObject({ Name: 'durable' });
    expect(template.properties('SessionDashdenierLambdaFunction')).not.toHaveProperty('DurableConfig');
  });

  test.each(['responder', 'release', 'session-denier', 'watcher'])(
    '%s carries its bundle and nothing else',
    async (name) => {
      expect(await template.fileNames(`${name}.zip`)).toEqual([`src/handlers/${name}.mjs`]);
    },
  );

  test('are told where things are, and observe unless the stack is armed', () => {
    const service = { POWERTOOLS_SERVICE_NAME: 'secresponse-dev' };
    const places = {
      ...service,
      EVIDENCE_BUCKET: ref('Vault'),
      NOTIFICATION_TOPIC_ARN: ref('Topic'),
      DEAD_LETTER_QUEUE_URL: ref('DeadLetters'),
      INCIDENT_TABLE: ref('Ledger'),
      COLLECTION_INSTANCE_PROFILE: ref('CollectionProfile'),
      SESSION_DENIER_FUNCTION: { 'Fn::If': ['DeniesSessions', ref('SessionDashdenierLambdaFunction'), NOTHING] },
    };
    expect(template.environment('ResponderLambdaFunction')).toEqual({
      ...places,
      SECRESPONSE_MODE: 'observe',
      COLLECTION_DOCUMENT: ref('CollectionDocument'),
      DROP_BOX_BUCKET: ref('DropBox'),
    });
    expect(template.environment('ReleaseLambdaFunction')).toEqual(places);
    expect(template.environment('WatcherLambdaFunction')).toEqual(service);
    // Never empty: it refuses to work without a list.
    expect(template.environment('SessionDashdenierLambdaFunction')).toEqual({
      PROTECTED_ROLES: sub(
        ['Responder', 'Release', 'SessionDenier', 'Api', 'Watcher']
          .map((name) => `\${AWS::StackName}-${name}Role-*`)
          .join(','),
      ),
    });
    expect(template.properties('SessionDashdenierLambdaFunction')['ReservedConcurrentExecutions']).toEqual(NOTHING);
    expect(template.Outputs['Mode']?.Value).toBe('observe');
  });

  test('keep their logs for a year, encrypted with the key of the messages', () => {
    expect(template.ofType('AWS::Logs::LogGroup').map(([, { Properties }]) => Properties)).toEqual(
      ['responder', 'release', 'session-denier', 'watcher'].map((name) => ({
        LogGroupName: `/aws/lambda/secresponse-dev-${name}`,
        RetentionInDays: 365,
        KmsKeyId: arnOf('MessageKey'),
      })),
    );
  });
});

test('the responder is invoked by every pattern that the policies compile to, and by the clock', () => {
  const expected = eventRules(loadPolicies(ROOT, 'policies').policies);
  expect(expected.length).toBeGreaterThan(0);
  const invoking = ([, { Properties }]: [string, { Properties: object }]) =>
    JSON.stringify(Properties).includes('ResponderLambdaFunction');
  const rules = template.ofType('AWS::Events::Rule').filter(invoking);
  expect(rules.map(([, { Properties }]) => Properties)).toEqual(
    [
      ...expected.map(({ name, pattern }) => ({ name, source: { EventPattern: pattern }, input: {} })),
      {
        name: 'drift',
        source: { ScheduleExpression: 'rate(15 minutes)' },
        input: { Input: JSON.stringify(DRIFT_CHECK) },
      },
    ].map(({ name, source, input }) => ({
      Name: `secresponse-dev-${name}`,
      State: 'ENABLED',
      ...source,
      Targets: [
        {
          Id: `secresponse-dev-${name}-target`,
          Arn: durableAlias,
          ...input,
          RetryPolicy: { MaximumEventAgeInSeconds: 86400, MaximumRetryAttempts: 185 },
          DeadLetterConfig: { Arn: arnOf('UndeliveredFindings') },
        },
      ],
    })),
  );
  const permissions = template.ofType('AWS::Lambda::Permission').filter(invoking);
  expect(permissions.map(([, { Properties }]) => Properties)).toEqual(
    [...expected, { name: 'drift' }].map(({ name }) => ({
      Action: 'lambda:InvokeFunction',
      FunctionName: durableAlias,
      Principal: 'events.amazonaws.com',
      SourceArn: {
        'Fn::Join': [
          ':',
          [
            'arn',
            ref('AWS::Partition'),
            'events',
            ref('AWS::Region'),
            ref('AWS::AccountId'),
            { 'Fn::Join': ['/', ['rule', `secresponse-dev-${name}`]] },
          ],
        ],
      },
    })),
  );
});

test('the ledger lists what is open by an index of its own, which the responder may ask and nobody scan', () => {
  expect(template.properties('Ledger')).toMatchObject({
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: LISTED.attribute, AttributeType: 'S' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: LISTED.index,
        KeySchema: [{ AttributeName: LISTED.attribute, KeyType: 'HASH' }],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ],
  });
  expect(template.statement('ResponderRole', 'ListOpen')).toMatchObject({
    Action: 'dynamodb:Query',
    Resource: sub('${Ledger.Arn}/index/open'),
  });
  for (const role of ['ResponderRole', 'ReleaseRole']) expect(template.granted(role)).not.toContain('dynamodb:Scan');
});

describe('the dead-letter queues', () => {
  test.each(['DeadLetters', 'UndeliveredFindings'])('%s keeps for 14 days, encrypted', (queue) => {
    expect(template.properties(queue)).toEqual({
      MessageRetentionPeriod: 1209600,
      KmsMasterKeyId: arnOf('MessageKey'),
    });
    expect(template.properties(`${queue}Policy`)['Queues']).toEqual([ref(queue)]);
    expect(template.statement(`${queue}Policy`, 'TlsOnly')).toMatchObject({
      Effect: 'Deny',
      Principal: '*',
      Action: 'sqs:*',
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    });
    expect(template.statements(`${queue}Policy`)).toHaveLength(2);
  });

  test('one takes what the functions failed on, sent with their roles', () => {
    for (const name of ['Responder', 'Release']) {
      const { DeadLetterConfig } = template.properties(`${name}LambdaFunction`);
      expect(DeadLetterConfig).toEqual({ TargetArn: arnOf('DeadLetters') });
      expect(template.statement(`${name}Role`, 'SendDeadLetters')).toMatchObject({
        Action: 'sqs:SendMessage',
        Resource: arnOf('DeadLetters'),
      });
    }
    expect(template.statement('DeadLettersPolicy', 'FailedFunctions')).toMatchObject({
      Principal: { AWS: [arnOf('ResponderRole'), arnOf('ReleaseRole')] },
      Action: 'sqs:SendMessage',
      Resource: arnOf('DeadLetters'),
    });
  });

  test("one takes from EventBridge what the stack's own rules could not deliver", () => {
    const ownRules = {
      ArnLike: {
        'aws:SourceArn': sub('arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/secresponse-dev-*'),
      },
    };
    expect(template.statement('UndeliveredFindingsPolicy', 'UndeliveredEvents')).toEqual({
      Sid: 'UndeliveredEvents',
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: arnOf('UndeliveredFindings'),
      Condition: ownRules,
    });
    expect(template.statement('MessageKey', 'UndeliveredEvents')).toEqual({
      Sid: 'UndeliveredEvents',
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
      Resource: '*',
    });
  });
});

test("the topic is encrypted and takes messages over TLS only, and from the stack's own alarms", () => {
  const ownAlarms = {
    StringEquals: { 'aws:SourceAccount': ref('AWS::AccountId') },
    ArnLike: {
      'aws:SourceArn': sub('arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:secresponse-dev-*'),
    },
  };
  expect(template.statement('MessageKey', 'Alarms')).toEqual({
    Sid: 'Alarms',
    Effect: 'Allow',
    Principal: { Service: 'cloudwatch.amazonaws.com' },
    Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
    Resource: '*',
    Condition: ownAlarms,
  });
  expect(template.properties('Topic')).toMatchObject({ KmsMasterKeyId: arnOf('MessageKey') });
  expect(template.properties('TopicPolicy')['Topics']).toEqual([ref('Topic')]);
  expect(template.statements('TopicPolicy')).toEqual([
    {
      Sid: 'TlsOnly',
      Effect: 'Deny',
      Principal: '*',
      Action: 'sns:Publish',
      Resource: ref('Topic'),
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
    {
      Sid: 'Alarms',
      Effect: 'Allow',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Action: 'sns:Publish',
      Resource: ref('Topic'),
      Condition: ownAlarms,
    },
  ]);
});

describe('the commands for hosts', () => {
  test('are the document of the collection, to the letter: the responder would refuse any other', () => {
    const { Content, ...rest } = template.properties('CollectionDocument');
    const text = JSON.stringify(Content, (_key, value: unknown) => {
      const join = (value as { 'Fn::Join'?: [string, string[]] } | null)?.['Fn::Join'];
      return join ? join[1].join(join[0]) : value;
    });
    expect(isCollectionDocument(text)).toBe(true);
    expect(rest).toEqual({
      DocumentType: 'Command',
      DocumentFormat: 'JSON',
      TargetType: '/AWS::EC2::Instance',
      UpdateMethod: 'Replace',
    });
  });

  test('have variables that only the host resolves', () => {
    expect(JSON.stringify(template.properties('CollectionDocument'))).not.toContain('${');
  });
});

test('the outputs name what a person needs', () => {
  expect(template.Outputs).toMatchObject({
    ManualRun: { Value: `sls invoke -f responder -q durable --type Event --data '{"instance_id":"i-…"}'` },
    ReleaseRun: { Value: expect.stringContaining('sls invoke -f release -q durable') },
    VaultName: { Value: ref('Vault') },
    VaultLock: { Value: 'GOVERNANCE 90' },
    AccessLogsName: { Value: ref('AccessLogs') },
    DropBoxName: { Value: ref('DropBox') },
    TopicArn: { Value: ref('Topic') },
    LedgerName: { Value: ref('Ledger') },
    DeadLettersUrl: { Value: ref('DeadLetters') },
    UndeliveredFindingsUrl: { Value: ref('UndeliveredFindings') },
    CollectionProfileName: { Value: ref('CollectionProfile') },
    CollectionDocumentName: { Value: ref('CollectionDocument') },
    Responder: { Value: ref('ResponderLambdaFunction') },
    Release: { Value: ref('ReleaseLambdaFunction') },
    Watcher: { Value: ref('WatcherLambdaFunction') },
    DashboardName: { Value: ref('Dashboard') },
  });
});

test('there is no API unless it is asked for', () => {
  expect(Object.values(template.Resources).filter(({ Type }) => Type.startsWith('AWS::ApiGateway'))).toEqual([]);
});
