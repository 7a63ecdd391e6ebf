/** What `sls package` makes of serverless.yml, offline and without credentials, property by property. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadPolicies } from '../../src/cli/policies-dir.ts';
import { actions } from '../../src/containment/index.ts';
import { collectors } from '../../src/evidence/index.ts';
import { eventRules } from '../../src/policy/event-rules.ts';

interface Resource {
  Type: string;
  Condition?: string;
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
  Properties: Record<string, unknown>;
}

interface Template {
  Resources: Record<string, Resource>;
  Conditions: Record<string, unknown>;
  Outputs: Record<string, { Value: unknown }>;
}

interface Statement {
  Sid: string;
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: unknown;
}

const ROOT = process.cwd();
let dir: string;
let template: Template;
let zip: Buffer;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'secresponse-stack-'));
  template = await packaged('defaults');
  zip = await readFile(join(dir, 'defaults', 'responder.zip'));
}, 60_000);

afterAll(async () => {
  await rm(dir, { recursive: true });
});

/** Nothing of the caller's environment gets in: no credentials, no region, no home with profiles. */
async function sls(...args: string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: dir, AWS_EC2_METADATA_DISABLED: 'true' };
  const bin = join(ROOT, 'node_modules/serverless/bin/serverless.js');
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [bin, ...args], {
    cwd: ROOT,
    env,
    timeout: 50_000,
  });
  return stdout + stderr;
}

async function packaged(name: string, ...params: string[]): Promise<Template> {
  const folder = join(dir, name);
  await sls('package', '--package', folder, ...params.flatMap((param) => ['--param', param]));
  return JSON.parse(await readFile(join(folder, 'cloudformation-template-update-stack.json'), 'utf8')) as Template;
}

function ofType(type: string): Resource[] {
  return Object.values(template.Resources).filter(({ Type }) => Type === type);
}

function properties(name: string): Record<string, unknown> {
  const resource = template.Resources[name];
  if (!resource) throw new Error(`the template has no ${name}`);
  return resource.Properties;
}

const arnOf = (name: string) => ({ 'Fn::GetAtt': [name, 'Arn'] });
const ref = (name: string) => ({ Ref: name });
const durableAlias = { 'Fn::Join': [':', [arnOf('ResponderLambdaFunction'), 'durable']] };

describe('the responder', () => {
  test('is a durable function on Node 24 and arm64', () => {
    expect(properties('ResponderLambdaFunction')).toMatchObject({
      FunctionName: 'secresponse-dev-responder',
      Handler: 'src/handlers/responder.handler',
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Timeout: 900,
      DurableConfig: { ExecutionTimeout: 604800, RetentionPeriodInDays: 30 },
      Role: arnOf('ResponderRole'),
    });
    expect(properties('ResponderDurableLambdaAlias')).toMatchObject({ Name: 'durable' });
  });

  test('carries its bundle and nothing else', () => {
    expect(fileNames(zip)).toEqual(['src/handlers/responder.mjs']);
  });

  test('is told its vault, topic, ledger and mode, and observes unless it is armed', () => {
    expect(properties('ResponderLambdaFunction')['Environment']).toEqual({
      Variables: {
        EVIDENCE_BUCKET: ref('Vault'),
        NOTIFICATION_TOPIC_ARN: ref('Topic'),
        INCIDENT_TABLE: ref('Ledger'),
        SECRESPONSE_MODE: 'observe',
      },
    });
    expect(template.Outputs['Mode']?.Value).toBe('observe');
  });

  test('keeps its log for a year', () => {
    expect(properties('ResponderLogGroup')).toEqual({
      LogGroupName: '/aws/lambda/secresponse-dev-responder',
      RetentionInDays: 365,
    });
  });

  test('is invoked by every pattern that the policies compile to', () => {
    const expected = eventRules(loadPolicies(ROOT, 'policies').policies);
    expect(expected.length).toBeGreaterThan(0);
    expect(ofType('AWS::Events::Rule').map(({ Properties }) => Properties)).toEqual(
      expected.map(({ name, pattern }) => ({
        Name: `secresponse-dev-${name}`,
        State: 'ENABLED',
        EventPattern: pattern,
        Targets: [
          {
            Id: `secresponse-dev-${name}-target`,
            Arn: durableAlias,
            RetryPolicy: { MaximumEventAgeInSeconds: 86400, MaximumRetryAttempts: 185 },
            DeadLetterConfig: { Arn: arnOf('DeadLetters') },
          },
        ],
      })),
    );
    expect(ofType('AWS::Lambda::Permission').map(({ Properties }) => Properties)).toEqual(
      expected.map(({ name }) => ({
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
});

describe('the dead-letter queue', () => {
  test('keeps for 14 days what the function and the rules could not handle', () => {
    expect(properties('DeadLetters')).toEqual({ MessageRetentionPeriod: 1209600, SqsManagedSseEnabled: true });
    expect(properties('ResponderLambdaFunction')['DeadLetterConfig']).toEqual({ TargetArn: arnOf('DeadLetters') });
    expect(statement('SendDeadLetters')).toMatchObject({ Action: 'sqs:SendMessage', Resource: arnOf('DeadLetters') });
  });

  test("admits EventBridge for the stack's own rules only", () => {
    expect(properties('DeadLettersPolicy')).toEqual({
      Queues: [ref('DeadLetters')],
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'UndeliveredEvents',
            Effect: 'Allow',
            Principal: { Service: 'events.amazonaws.com' },
            Action: 'sqs:SendMessage',
            Resource: arnOf('DeadLetters'),
            Condition: {
              ArnLike: {
                'aws:SourceArn': {
                  'Fn::Sub': 'arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/secresponse-dev-*',
                },
              },
            },
          },
          expect.objectContaining({
            Effect: 'Deny',
            Principal: '*',
            Action: 'sqs:*',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ],
      },
    });
  });
});

describe('the vault', () => {
  test('is versioned, encrypted and closed to the public', () => {
    expect(properties('Vault')).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    });
  });

  test('never loses an object to its lifecycle', () => {
    expect(properties('Vault')['LifecycleConfiguration']).toEqual({
      Rules: [
        { Id: 'unfinished-uploads', Status: 'Enabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
      ],
    });
  });

  test('answers over TLS only', () => {
    expect(properties('VaultPolicy')).toMatchObject({
      Bucket: ref('Vault'),
      PolicyDocument: {
        Statement: [
          {
            Effect: 'Deny',
            Principal: '*',
            Action: 's3:*',
            Resource: [arnOf('Vault'), { 'Fn::Sub': '${Vault.Arn}/*' }],
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
        ],
      },
    });
  });
});

test('the ledger has one key, point-in-time recovery and an expiry', () => {
  expect(properties('Ledger')).toEqual({
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
  });
});

test('evidence, ledger and undelivered findings stay when the stack goes', () => {
  const kept = Object.entries(template.Resources).filter(([, { DeletionPolicy }]) => DeletionPolicy === 'Retain');
  expect(kept.filter(([, { UpdateReplacePolicy }]) => UpdateReplacePolicy === 'Retain').map(([name]) => name)).toEqual([
    'Vault',
    'VaultPolicy',
    'Ledger',
    'DeadLetters',
  ]);
});

test('the outputs name what a person needs', () => {
  expect(template.Outputs).toMatchObject({
    VaultName: { Value: ref('Vault') },
    TopicArn: { Value: ref('Topic') },
    LedgerName: { Value: ref('Ledger') },
    DeadLettersUrl: { Value: ref('DeadLetters') },
  });
});

describe("the responder's role", () => {
  test('is for Lambda and has the statements that are written here, nothing from elsewhere', () => {
    expect(properties('ResponderRole')).toMatchObject({
      AssumeRolePolicyDocument: {
        Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      },
    });
    expect(properties('ResponderRole')).not.toHaveProperty('ManagedPolicyArns');
    expect(ofType('AWS::IAM::Role')).toHaveLength(1);
    expect(ofType('AWS::IAM::Policy')).toHaveLength(0);
  });

  test('gives a reason for every statement', async () => {
    const lines = (await readFile(join(ROOT, 'serverless.yml'), 'utf8')).split('\n');
    const reasons = statements().map(({ Sid }) => lines[lines.findIndex((line) => line.includes(`Sid: ${Sid}`)) - 1]);
    expect(reasons).toHaveLength(statements().length);
    for (const reason of reasons) expect(reason).toMatch(/^ +# .{20,}/);
  });

  test('names every action in full', () => {
    for (const action of granted()) expect(action).toMatch(/^[a-z0-9-]+:[A-Za-z]+$/);
  });

  test('can neither terminate, stop, delete, unlock nor pass a role', () => {
    const forbidden = granted().filter((action) =>
      /^(iam|kms|sts):|:(Terminate|Stop|Reboot|Delete|Unlock|Bypass|Deregister)/.test(action),
    );
    expect(forbidden).toEqual(['dynamodb:DeleteItem']);
    // The one exception: a claim, which is no record of anything.
    expect(statement('EndClaim')).toEqual({
      Sid: 'EndClaim',
      Effect: 'Allow',
      Action: 'dynamodb:DeleteItem',
      Resource: arnOf('Ledger'),
      Condition: {
        'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': 'target#*' },
        Null: { 'dynamodb:LeadingKeys': 'false' },
      },
    });
  });

  test.each([...actions, ...collectors].map(({ name, permissions }) => ({ name, permissions })))(
    'grants what $name needs',
    ({ permissions }) => {
      expect(permissions.filter((permission) => !granted().includes(permission))).toEqual([]);
    },
  );

  test('is unrestricted in resources only where AWS knows none', () => {
    const everywhere = statements().filter(({ Resource }) => Resource === '*');
    expect(everywhere.map(({ Sid }) => Sid)).toEqual(['ReadInstance']);
    expect(listed(statement('ReadInstance').Action).every((action) => action.startsWith('ec2:Describe'))).toBe(true);
  });

  test("makes and empties groups that carry the quarantine tag, nobody else's", () => {
    expect(statement('CreateQuarantineGroup').Condition).toEqual({
      StringEquals: { 'aws:RequestTag/secresponse:group': 'quarantine' },
    });
    expect(statement('EmptyQuarantineGroup').Condition).toEqual({
      StringEquals: { 'aws:ResourceTag/secresponse:group': 'quarantine' },
    });
  });

  test('tags only what it is making', () => {
    expect(statement('TagWhatIsMade').Condition).toEqual({
      StringEquals: { 'ec2:CreateAction': ['CreateSecurityGroup', 'CreateSnapshot', 'CreateSnapshots'] },
    });
  });

  test('writes evidence where evidence belongs, and keeps the checkpoints of its own function', () => {
    expect(statement('StoreEvidence').Resource).toEqual({ 'Fn::Sub': '${Vault.Arn}/evidence/*' });
    expect(statement('KeepCheckpoints')).toMatchObject({
      Action: ['lambda:CheckpointDurableExecution', 'lambda:GetDurableExecutionState'],
      Resource: {
        'Fn::Sub': 'arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:secresponse-dev-responder:*',
      },
    });
    expect(statement('Notify')).toMatchObject({ Action: 'sns:Publish', Resource: ref('Topic') });
    expect(statement('KeepLedger').Resource).toEqual(arnOf('Ledger'));
  });
});

describe('parameters', () => {
  const given = (value: string) => ({ 'Fn::Not': [{ 'Fn::Equals': [value, ''] }] });

  test('unset, nobody is subscribed and AWS makes up the names', () => {
    expect(template.Conditions).toEqual({ HasEmail: given(''), HasBucketName: given(''), HasTopicName: given('') });
    expect(template.Resources['EmailSubscription']?.Condition).toBe('HasEmail');
  });

  test('set, they are used', async () => {
    const set = await packaged(
      'set',
      'email=soc@example.com',
      'bucketName=the-vault',
      'topicName=alerts',
      'mode=enforce',
    );
    expect(set.Conditions).toEqual({
      HasEmail: given('soc@example.com'),
      HasBucketName: given('the-vault'),
      HasTopicName: given('alerts'),
    });
    expect(set.Resources['EmailSubscription']?.Properties).toEqual({
      TopicArn: ref('Topic'),
      Protocol: 'email',
      Endpoint: 'soc@example.com',
    });
    const orMadeUp = (condition: string, name: string) => ({ 'Fn::If': [condition, name, ref('AWS::NoValue')] });
    expect(set.Resources['Vault']?.Properties['BucketName']).toEqual(orMadeUp('HasBucketName', 'the-vault'));
    expect(set.Resources['Topic']?.Properties['TopicName']).toEqual(orMadeUp('HasTopicName', 'alerts'));
    expect(set.Resources['ResponderLambdaFunction']?.Properties['Environment']).toMatchObject({
      Variables: { SECRESPONSE_MODE: 'enforce' },
    });
    expect(set.Outputs['Mode']?.Value).toBe('enforce');
  }, 30_000);

  test('a mode that does not exist stops the packaging with one line', async () => {
    expect(await refusal('--param', 'mode=enforced')).toBe('mode is enforced: it takes observe or enforce\n');
  }, 30_000);

  test('a broken policy stops the packaging with its places and nothing else', async () => {
    const policies = join(dir, 'broken');
    await mkdir(policies);
    await writeFile(join(policies, 'default.yml'), 'version: 1\nmode: obzerve\nrule: []\n');
    const lines = (await refusal('--param', `policies=${policies}`)).trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/default\.yml:\d+:\d+ \S/);
  }, 30_000);
});

async function refusal(...args: string[]): Promise<string> {
  const failure: unknown = await sls('package', '--package', join(dir, 'refused'), ...args).catch(
    (error: unknown) => error,
  );
  const { code, stdout, stderr } = failure as { code: number; stdout: string; stderr: string };
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  return stderr;
}

function statements(): Statement[] {
  const [policy] = properties('ResponderRole')['Policies'] as { PolicyDocument: { Statement: Statement[] } }[];
  return policy?.PolicyDocument.Statement ?? [];
}

function statement(sid: string): Statement {
  const found = statements().find(({ Sid }) => Sid === sid);
  if (!found) throw new Error(`the role has no statement ${sid}`);
  return found;
}

function granted(): string[] {
  return statements().flatMap(({ Effect, Action }) => (Effect === 'Allow' ? listed(Action) : []));
}

function listed<Item>(value: Item | Item[]): Item[] {
  return Array.isArray(value) ? value : [value];
}

/** From the central directory of a zip file: signature, 42 bytes with the name's length at 28, the name. */
function fileNames(archive: Buffer): string[] {
  const names: string[] = [];
  const signature = Buffer.from('PK\u0001\u0002', 'latin1');
  for (let at = archive.indexOf(signature); at >= 0; at = archive.indexOf(signature, at + 46)) {
    names.push(archive.toString('utf8', at + 46, at + 46 + archive.readUInt16LE(at + 28)));
  }
  return names;
}
