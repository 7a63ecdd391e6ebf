/** `doctor` finds each planted misconfiguration, and nothing but that. */
import { expect, test } from '@jest/globals';
import {
  DeleteRuleCommand,
  DisableRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  type Target,
} from '@aws-sdk/client-eventbridge';
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  DeleteRoleCommand,
  RemoveRoleFromInstanceProfileCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import {
  AddPermissionCommand,
  PutFunctionConcurrencyCommand,
  RemovePermissionCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import {
  DeleteBucketLifecycleCommand,
  PutBucketEncryptionCommand,
  PutBucketVersioningCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import {
  ListSubscriptionsByTopicCommand,
  SetSubscriptionAttributesCommand,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import { DeleteQueueCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { checks } from '../../src/doctor/index.ts';
import { createWorld } from '../../src/lab/world.ts';
import { PROFILE } from '../support/host.ts';
import { useLocalAws } from '../support/local-aws.ts';
import {
  callsIn,
  CLOSED,
  functionArn,
  PREFIX,
  readyAccount,
  trustIn,
  type Planted,
  type ReadyAccount,
} from '../support/ready-account.ts';
import { diagnosed } from '../support/doctor.ts';

const local = useLocalAws();

/** `rule`: the one that it changes. */
type Plant = Planted | (((room: ReadyAccount) => Promise<unknown>) & { rule?: string });
type Row = [name: string, check: string, level: 'not-ready' | 'warning', says: RegExp, plant: Plant, env?: object];

const vault = ({ env }: ReadyAccount) => env['EVIDENCE_BUCKET'];
const many = [{ Protocol: 'email', Endpoint: 'mia@example.com' }];
const pager = { Protocol: 'sqs', Endpoint: 'arn:aws:sqs:us-east-1:111122223333:pager' };
const strings = [{ AttributeName: 'pk', AttributeType: 'S' as const }];

function ruleIs(rule: string, change: (room: ReadyAccount, Name: string) => Promise<unknown>): Plant {
  return Object.assign((room: ReadyAccount) => change(room, `${PREFIX}${rule}`), { rule });
}

/** The rule's target, otherwise. */
function targetIs(rule: string, change: (room: ReadyAccount) => Partial<Target>): Plant {
  return ruleIs(rule, (room, Rule) => {
    const watches = ['canary', 'executions', 'tampering'].includes(rule);
    const Arn = functionArn(room.account, watches ? 'watcher' : 'responder:durable');
    const DeadLetterConfig = { Arn: Arn.replace(/:lambda:(.*):function:.*/, ':sqs:$1:undelivered') };
    const Targets = [{ Id: 'function', Arn, DeadLetterConfig, ...change(room) }];
    return room.clients.events.send(new PutTargetsCommand({ Rule, Targets }));
  });
}

/** Among the subscriptions, the one of the pager is the first that is confirmed. */
async function filterPager({ clients, env }: ReadyAccount): Promise<unknown> {
  const TopicArn = env['NOTIFICATION_TOPIC_ARN'];
  const { Subscriptions = [] } = await clients.sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
  return clients.sns.send(
    new SetSubscriptionAttributesCommand({
      SubscriptionArn: Subscriptions.find(({ Endpoint }) => Endpoint === pager.Endpoint)?.SubscriptionArn,
      AttributeName: 'FilterPolicy',
      AttributeValue: '{"severity":["CRITICAL"]}',
    }),
  );
}

/** The alarm on failed runs, otherwise. */
const alarmIs = (change: object) => (room: ReadyAccount) =>
  callsIn(room.account, 'cloudwatch')('PutMetricAlarm', {
    AlarmName: `${PREFIX}executions-lost`,
    Namespace: 'Secresponse',
    MetricName: 'ExecutionsLost',
    Statistic: 'Sum',
    Period: 300,
    EvaluationPeriods: 1,
    Threshold: 1,
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    ActionsEnabled: true,
    AlarmActions: [room.env['NOTIFICATION_TOPIC_ARN']],
    ...change,
  });

const idOf = (key: string): string => key.split('/').at(-1) ?? '';

const queueUrl = ({ account: { account, endpoint } }: ReadyAccount, name: string) => `${endpoint}/${account}/${name}`;

const rows: Row[] = [
  ['no vault', 'vault', 'not-ready', /s3:\/\/nowhere does not exist/, {}, { EVIDENCE_BUCKET: 'nowhere' }],
  [
    'versioning off',
    'vault-versioning',
    'not-ready',
    /versioning is off/,
    (room) =>
      room.clients.s3.send(
        new PutBucketVersioningCommand({ Bucket: vault(room), VersioningConfiguration: { Status: 'Suspended' } }),
      ),
  ],
  ['no default retention', 'vault-lock', 'not-ready', /no default retention/, { bucket: { retention: false } }],
  [
    'open to the public in part',
    'vault-public-access',
    'not-ready',
    /not blocked \(BlockPublicPolicy\)/,
    (room) =>
      room.clients.s3.send(
        new PutPublicAccessBlockCommand({
          Bucket: vault(room),
          PublicAccessBlockConfiguration: { ...CLOSED, BlockPublicPolicy: false },
        }),
      ),
  ],
  ['encrypted without a key', 'vault-encryption', 'warning', /AES256/, { bucket: { encryption: 'AES256' } }],
  ['not encrypted', 'vault-encryption', 'not-ready', /no encryption/, { bucket: { encryption: false } }],
  [
    'no topic',
    'topic',
    'not-ready',
    /arn:aws:sns:us-east-1:111122223333:nowhere does not exist/,
    {},
    { NOTIFICATION_TOPIC_ARN: 'arn:aws:sns:us-east-1:111122223333:nowhere' },
  ],
  ['nobody subscribed', 'subscription', 'not-ready', /nobody is subscribed/, { subscribe: [] }],
  ['nobody has confirmed', 'subscription', 'not-ready', /nobody hears.*email mia@example\.com/, { subscribe: many }],
  [
    'one of two has not confirmed',
    'subscription',
    'warning',
    /not confirmed yet: email mia@example\.com/,
    { subscribe: [...many, pager] },
  ],
  [
    'the only subscription is filtered',
    'subscription-filter',
    'not-ready',
    /sqs arn:\S+:pager gets only what passes its filter policy \{"severity":\["CRITICAL"\]\}, and so does everybody/,
    filterPager,
  ],
  [
    'one of two subscriptions is filtered',
    'subscription-filter',
    'warning',
    /pager gets only what passes its filter policy \{"severity":\["CRITICAL"\]\}$/,
    async (room) => {
      const TopicArn = room.env['NOTIFICATION_TOPIC_ARN'];
      await room.clients.sns.send(new SubscribeCommand({ ...pager, TopicArn, Endpoint: `${pager.Endpoint}-too` }));
      await filterPager(room);
    },
  ],
  [
    'a disabled key of the vault',
    'vault-key',
    'not-ready',
    /the key of s3:\/\/vault-\w+, arn:aws:kms:\S+, is disabled/,
    ({ account, keys }) => callsIn(account, 'kms')('DisableKey', { KeyId: idOf(keys.vault) }),
  ],
  [
    'a key of the vault that is gone',
    'vault-key',
    'not-ready',
    /the key of s3:\/\/vault-\w+, \S+, does not exist/,
    (room) => {
      const encryption = {
        SSEAlgorithm: 'aws:kms',
        KMSMasterKeyID: room.keys.vault.replace(/.{8}$/, '00000000'),
      } as const;
      const Rules = [{ ApplyServerSideEncryptionByDefault: encryption }];
      return room.clients.s3.send(
        new PutBucketEncryptionCommand({ Bucket: vault(room), ServerSideEncryptionConfiguration: { Rules } }),
      );
    },
  ],
  [
    'a key of the ledger that is to be deleted',
    'ledger-key',
    'not-ready',
    /the key of table ledger-\w+, \S+, is pending deletion: .*all is lost on \d{4}-\d\d-\d\dT/,
    ({ account, keys }) =>
      callsIn(account, 'kms')('ScheduleKeyDeletion', { KeyId: idOf(keys.ledger), PendingWindowInDays: 7 }),
  ],
  [
    'a disabled key of topic and queues',
    'message-key',
    'not-ready',
    /the key of .*:letters, \S+:undelivered, \S+, is disabled/,
    ({ account, keys }) => callsIn(account, 'kms')('DisableKey', { KeyId: idOf(keys.messages) }),
  ],
  ['no table', 'ledger', 'not-ready', /table nowhere does not exist/, {}, { INCIDENT_TABLE: 'nowhere' }],
  [
    'no index',
    'ledger-index',
    'not-ready',
    /no index "open"/,
    { table: { AttributeDefinitions: strings, GlobalSecondaryIndexes: undefined } },
  ],
  ['no recovery', 'ledger-recovery', 'not-ready', /point-in-time recovery is off/, { recovery: false }],
  ['no drop box', 'drop-box', 'not-ready', /s3:\/\/nowhere does not exist/, {}, { DROP_BOX_BUCKET: 'nowhere' }],
  [
    'drop box open to the public',
    'drop-box-public-access',
    'not-ready',
    /not blocked \(RestrictPublicBuckets\)/,
    ({ clients, env }) =>
      clients.s3.send(
        new PutPublicAccessBlockCommand({
          Bucket: env['DROP_BOX_BUCKET'],
          PublicAccessBlockConfiguration: { ...CLOSED, RestrictPublicBuckets: false },
        }),
      ),
  ],
  [
    'uploads stay',
    'drop-box-expiry',
    'warning',
    /stays for ever/,
    ({ clients, env }) => clients.s3.send(new DeleteBucketLifecycleCommand({ Bucket: env['DROP_BOX_BUCKET'] })),
  ],
  ['no collection profile set', 'collection', 'warning', /PROFILE is not set/, {}, { COLLECTION_INSTANCE_PROFILE: '' }],
  ['no document set', 'collection', 'warning', /DOCUMENT is not set/, {}, { COLLECTION_DOCUMENT: '' }],
  [
    'no such profile',
    'collection-profile',
    'not-ready',
    /instance profile nowhere does not exist/,
    {},
    { COLLECTION_INSTANCE_PROFILE: 'nowhere' },
  ],
  [
    'an empty profile',
    'collection-profile',
    'not-ready',
    /has no role/,
    ({ clients }) =>
      clients.iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName: PROFILE, RoleName: PROFILE })),
  ],
  ['a role that EC2 may not take', 'collection-profile', 'not-ready', /EC2 may not take role/, { trust: '{}' }],
  [
    'a role with more than it needs',
    'collection-role',
    'not-ready',
    /more than the agent needs.*:policy\/everything/,
    async ({ clients }) => {
      const PolicyDocument = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}';
      const { Policy } = await clients.iam.send(new CreatePolicyCommand({ PolicyName: 'everything', PolicyDocument }));
      await clients.iam.send(new AttachRolePolicyCommand({ RoleName: PROFILE, PolicyArn: Policy?.Arn }));
    },
  ],
  ['no document', 'collection-document', 'not-ready', /does not exist/, { document: null }],
  [
    'another document',
    'collection-document',
    'not-ready',
    /not the one of this version/,
    { document: { schemaVersion: '2.2', mainSteps: [] } },
  ],
  ['no detector', 'guardduty', 'not-ready', /no detector in us-east-1/, { detector: null }],
  ['a suspended detector', 'guardduty', 'not-ready', /is suspended/, { detector: { Enable: false } }],
  [
    'a slow detector',
    'guardduty',
    'warning',
    /only every 6 hours/,
    { detector: { Enable: true, FindingPublishingFrequency: 'SIX_HOURS' } },
  ],
  [
    'a failed function',
    'function-release',
    'not-ready',
    /release is Failed/,
    { functions: { release: tagged('state', 'Failed') } },
  ],
  [
    'a failed update',
    'function-session-denier',
    'not-ready',
    /last update of .*session-denier: Failed/,
    { functions: { 'session-denier': tagged('last-update', 'Failed') } },
  ],
  [
    'a function that is not durable',
    'function-responder',
    'not-ready',
    /responder is not durable/,
    { functions: { responder: { DurableConfig: undefined } } },
  ],
  [
    'no session denier',
    'function-session-denier',
    'not-ready',
    /there is no function/,
    { functions: { 'session-denier': null } },
  ],
  [
    'switched off by concurrency',
    'concurrency-responder',
    'not-ready',
    /reserved concurrency of secresponse-dev-responder is 0/,
    ({ clients }) =>
      clients.lambda.send(
        new PutFunctionConcurrencyCommand({ FunctionName: `${PREFIX}responder`, ReservedConcurrentExecutions: 0 }),
      ),
  ],
  [
    'another drop box in the function',
    'settings',
    'not-ready',
    /DROP_BOX_BUCKET is drop-box-\w+ there/,
    {},
    { DROP_BOX_BUCKET: '' },
  ],
  [
    'a disabled rule',
    'rules',
    'not-ready',
    /rule secresponse-dev-guardduty is disabled/,
    ruleIs('guardduty', ({ clients }, Name) => clients.events.send(new DisableRuleCommand({ Name }))),
  ],
  [
    'a rule that admits something else',
    'rules',
    'not-ready',
    /guardduty-2 admits other events/,
    ruleIs('guardduty-2', ({ clients }, Name) =>
      clients.events.send(new PutRuleCommand({ Name, EventPattern: '{"source":["aws.guardduty"]}' })),
    ),
  ],
  [
    'a disabled rule of the watcher',
    'rules',
    'not-ready',
    /rule secresponse-dev-tampering is disabled/,
    ruleIs('tampering', ({ clients }, Name) => clients.events.send(new DisableRuleCommand({ Name }))),
  ],
  [
    'a drift check that hardly ever comes',
    'rules',
    'not-ready',
    /rule secresponse-dev-drift comes by rate\(1000 days\), not by rate\(15 minutes\)/,
    ruleIs('drift', ({ clients }, Name) =>
      clients.events.send(new PutRuleCommand({ Name, ScheduleExpression: 'rate(1000 days)' })),
    ),
  ],
  [
    'a sample finding that hardly ever comes',
    'rules',
    'not-ready',
    /rule secresponse-dev-canary comes by cron\(17 6 1 1 \? \*\), not by cron\(17 6 \* \* \? \*\)/,
    ruleIs('canary', ({ clients }, Name) =>
      clients.events.send(new PutRuleCommand({ Name, ScheduleExpression: 'cron(17 6 1 1 ? *)' })),
    ),
  ],
  [
    'no daily sample finding',
    'rules',
    'warning',
    /there is no rule secresponse-dev-canary/,
    ruleIs('canary', async ({ clients }, Name) => {
      await clients.events.send(new RemoveTargetsCommand({ Rule: Name, Ids: ['function'] }));
      await clients.events.send(new DeleteRuleCommand({ Name }));
    }),
  ],
  [
    'a rule of other policies',
    'rules',
    'warning',
    /guardduty-99 is none that the policies compile to/,
    ruleIs('guardduty-99', ({ clients }, Name) =>
      clients.events.send(new PutRuleCommand({ Name, EventPattern: '{"source":["aws.guardduty"]}' })),
    ),
  ],
  [
    'a rule that starts nothing',
    'rule-targets',
    'not-ready',
    /guardduty does not start arn:aws:lambda:us-east-1:\d+:function:secresponse-dev-responder:durable$/,
    ruleIs('guardduty', ({ clients }, Rule) =>
      clients.events.send(new RemoveTargetsCommand({ Rule, Ids: ['function'] })),
    ),
  ],
  [
    'a rule that does not start the watcher',
    'rule-targets',
    'not-ready',
    /executions does not start arn:\S+:secresponse-dev-watcher$/,
    ruleIs('executions', ({ clients }, Rule) =>
      clients.events.send(new RemoveTargetsCommand({ Rule, Ids: ['function'] })),
    ),
  ],
  [
    'a constant Input for findings',
    'rule-targets',
    'not-ready',
    /guardduty-2 gives secresponse-dev-responder the constant Input \{\} instead of the event/,
    targetIs('guardduty-2', () => ({ Input: '{}' })),
  ],
  [
    'a part of the finding only',
    'rule-targets',
    'not-ready',
    /guardduty-3 gives secresponse-dev-responder what an InputPath makes of the event instead/,
    targetIs('guardduty-3', () => ({ InputPath: '$.detail' })),
  ],
  [
    'something made of the finding',
    'rule-targets',
    'not-ready',
    /inspector gives secresponse-dev-responder what an InputTransformer makes of the event instead/,
    targetIs('inspector', () => ({ InputTransformer: { InputTemplate: '"a finding"' } })),
  ],
  [
    'a drift check that does not say so',
    'rule-targets',
    'not-ready',
    /drift gives secresponse-dev-responder the event instead of \{"secresponse":"drift"\}/,
    targetIs('drift', () => ({})),
  ],
  [
    'a rule that starts a function of another account',
    'rule-targets',
    'not-ready',
    /tampering does not start arn:\S+, but arn:aws:lambda:us-east-1:111122223333:function:secresponse-dev-watcher$/,
    targetIs('tampering', () => ({ Arn: 'arn:aws:lambda:us-east-1:111122223333:function:secresponse-dev-watcher' })),
  ],
  [
    'a rule that starts a function of another Region',
    'rule-targets',
    'not-ready',
    /guardduty does not start arn:\S+, but arn:aws:lambda:eu-west-1:/,
    targetIs('guardduty', ({ account }) => ({
      Arn: functionArn(account, 'responder:durable').replace('us-east-1', 'eu-west-1'),
    })),
  ],
  [
    'a rule that starts a version',
    'rule-targets',
    'not-ready',
    /inspector does not start arn:\S+:durable, but arn:\S+:secresponse-dev-responder:7$/,
    targetIs('inspector', ({ account }) => ({ Arn: functionArn(account, 'responder:7') })),
  ],
  [
    'a rule without a dead-letter queue',
    'rule-targets',
    'not-ready',
    /guardduty-2 has no dead-letter queue: what it cannot bring to its function is lost/,
    targetIs('guardduty-2', () => ({ DeadLetterConfig: undefined })),
  ],
  [
    'rules that may not invoke the responder',
    'permission-responder',
    'not-ready',
    /may not invoke secresponse-dev-responder:durable for secresponse-dev-inspector, secresponse-dev-drift$/,
    { invokedBy: { responder: `${PREFIX}guardduty*` } },
  ],
  [
    'rules that may invoke the responder, who knows when',
    'permission-responder',
    'warning',
    /may invoke secresponse-dev-responder:durable for secresponse-dev-guardduty, .* under a condition/,
    async ({ clients }) => {
      const of = { FunctionName: `${PREFIX}responder`, Qualifier: 'durable' };
      await clients.lambda.send(new RemovePermissionCommand({ ...of, StatementId: 'rules' }));
      const may = {
        Action: 'lambda:InvokeFunction',
        Principal: 'events.amazonaws.com',
        PrincipalOrgID: 'o-1234567890',
      };
      await clients.lambda.send(new AddPermissionCommand({ ...of, ...may, StatementId: 'organisation' }));
    },
  ],
  [
    'rules that may not invoke the watcher',
    'permission-watcher',
    'not-ready',
    /may not invoke secresponse-dev-watcher for .*secresponse-dev-executions, secresponse-dev-tampering$/,
    ({ clients }) =>
      clients.lambda.send(new RemovePermissionCommand({ FunctionName: `${PREFIX}watcher`, StatementId: 'rules' })),
  ],
  [
    'a role that is gone',
    'role-responder',
    'not-ready',
    /role responder of secresponse-dev-responder does not exist/,
    ({ clients }) => clients.iam.send(new DeleteRoleCommand({ RoleName: 'responder' })),
  ],
  [
    'a role that Lambda may not take',
    'role-session-denier',
    'not-ready',
    /Lambda may not take role session-denier of secresponse-dev-session-denier/,
    ({ clients }) =>
      clients.iam.send(
        new UpdateAssumeRolePolicyCommand({
          RoleName: 'session-denier',
          PolicyDocument: trustIn('ec2.amazonaws.com'),
        }),
      ),
  ],
  [
    'a role that Lambda may take, who knows when',
    'role-release',
    'warning',
    /Lambda may take role release of secresponse-dev-release under a condition/,
    ({ clients }) =>
      clients.iam.send(
        new UpdateAssumeRolePolicyCommand({
          RoleName: 'release',
          PolicyDocument: trustIn('lambda.amazonaws.com', {
            DateLessThan: { 'aws:CurrentTime': '2030-01-01T00:00:00Z' },
          }),
        }),
      ),
  ],
  [
    'an API whose function failed',
    'function-api',
    'not-ready',
    /secresponse-dev-api is Failed/,
    { functions: { api: tagged('state', 'Failed') } },
  ],
  [
    'an alarm is missing',
    'alarms',
    'not-ready',
    /alarms are missing: secresponse-dev-executions-lost$/,
    ({ account }) => callsIn(account, 'cloudwatch')('DeleteAlarms', { AlarmNames: [`${PREFIX}executions-lost`] }),
  ],
  [
    'an alarm whose actions are disabled',
    'alarms',
    'not-ready',
    /actions are disabled, so that nobody hears of them: secresponse-dev-executions-lost$/,
    alarmIs({ ActionsEnabled: false }),
  ],
  [
    'an alarm that tells somebody else',
    'alarms',
    'not-ready',
    /alarms that do not tell arn:aws:sns:\S+: secresponse-dev-executions-lost$/,
    alarmIs({ AlarmActions: ['arn:aws:sns:us-east-1:111122223333:other'] }),
  ],
  [
    'a function without a dead-letter queue',
    'dead-letters',
    'not-ready',
    /secresponse-dev-release has no dead-letter queue/,
    { functions: { release: { DeadLetterConfig: undefined } } },
  ],
  [
    'a dead-letter queue that is gone',
    'dead-letters',
    'not-ready',
    /queue arn:aws:sqs:us-east-1:\d+:undelivered does not exist/,
    (room) => room.clients.sqs.send(new DeleteQueueCommand({ QueueUrl: queueUrl(room, 'undelivered') })),
  ],
  [
    'a dead-letter queue that takes nothing',
    'dead-letters',
    'not-ready',
    /EventBridge may not send to queue \S+:undelivered/,
    (room) => {
      const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [] });
      return room.clients.sqs.send(
        new SetQueueAttributesCommand({ QueueUrl: queueUrl(room, 'undelivered'), Attributes: { Policy } }),
      );
    },
  ],
  [
    'no queue for messages',
    'dead-letters',
    'warning',
    /DEAD_LETTER_QUEUE_URL is not set/,
    ({ clients, places }) => {
      const { DEAD_LETTER_QUEUE_URL: _, ...Variables } = places;
      const FunctionName = `${PREFIX}responder`;
      const Environment = { Variables: { ...Variables, SECRESPONSE_MODE: 'enforce' } };
      return clients.lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment }));
    },
  ],
  [
    'no watcher',
    'function-watcher',
    'not-ready',
    /there is no function secresponse-dev-watcher/,
    { functions: { watcher: null } },
  ],
  [
    'a VPC without endpoints',
    'endpoints',
    'warning',
    /^vpc-\w+ \(1 instance\) has no endpoints/,
    (room) => createWorld(room.account),
  ],
  ['a key for signing', 'signing-key', 'warning', /signs no manifest/, {}, { SIGNING_KEY_ID: 'alias/evidence' }],
];

function tagged(name: 'state' | 'last-update', value: string) {
  return { Tags: { [`lambda:${name}`]: value } };
}

/** Rows that do not get in one another's way share an account, since making one takes a second. Rows about settings take a place away from others. */
function batches(): Row[][] {
  const needed = new Map(checks.map(({ name, needs }) => [name, [needs ?? []].flat()]));
  const needs = (one: string, other: string): boolean => needed.get(one)?.includes(other) ?? false;
  const apart = ([, one, , , plant]: Row, [, other, , , beside]: Row): boolean => {
    const [rule, another] = [ruleOf(plant), ruleOf(beside)];
    if (rule !== undefined && another !== undefined) return rule === another;
    return subjects(one).some((what) => subjects(other).includes(what)) || needs(one, other) || needs(other, one);
  };
  const made: Row[][] = [];
  for (const row of rows) {
    const fits = made.find((batch) => batch.every((other) => !apart(row, other)));
    if (fits) fits.push(row);
    else made.push([row]);
  }
  return made;
}

/** What only one row can be about at a time. */
function subjects(check: string): string[] {
  if (check === 'collection') return ['profile', 'document'];
  if (/^collection-(profile|role)$/.test(check)) return ['profile'];
  if (check === 'collection-document') return ['document'];
  if (/^(settings|drop-box)/.test(check)) return ['drop-box'];
  if (/^subscription/.test(check)) return ['subscription'];
  if (/^vault-(key|encryption)$/.test(check)) return ['vault-key'];
  if (check === 'ledger-key') return ['ledger'];
  return [check.replace(/^(function|role|alias|concurrency|permission)-/, '')];
}

function ruleOf(plant: Plant): string | undefined {
  return typeof plant === 'function' ? plant.rule : undefined;
}

function merged(plants: Plant[]): Planted {
  return plants.reduce<object>((all, plant) => (typeof plant === 'function' ? all : both(all, plant)), {});
}

function both(one: object, other: object): object {
  const values: Record<string, unknown> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const before = values[key];
    values[key] = isGroup(before) && isGroup(value) ? both(before, value) : value;
  }
  return values;
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const names = (batch: Row[]): string => batch.map(([name]) => name).join(', ');

test.each(batches().map((batch) => [names(batch), batch] as const))(
  '%s: each is found, and nothing else',
  async (_names, batch) => {
    const room = await readyAccount(await local.newAccount(), merged(batch.map((row) => row[4])));
    for (const [, , , , plant] of batch) if (typeof plant === 'function') await plant(room);
    const { code, wrong } = await diagnosed(
      room,
      [],
      Object.assign({}, ...batch.map((row) => row[5] ?? {})) as Record<string, string>,
    );
    const expected = batch.map(([, check, level, says]) =>
      expect.objectContaining({ check, level, says: expect.stringMatching(says) }),
    );
    // A place that is not the function's own is told beside it.
    const beside = wrong.filter(({ check }) => check !== 'settings' || batch.some((row) => row[1] === 'settings'));
    expect(beside).toHaveLength(expected.length);
    for (const one of expected) expect(beside).toContainEqual(one);
    expect(code).toBe(wrong.some(({ level }) => level === 'not-ready') ? 1 : 0);
  },
);
