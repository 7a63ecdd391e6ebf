/** An account in which everything is ready for responses, made by API as the stack would make it: for the tests of the doctor. */
import {
  CreateTableCommand,
  DynamoDBClient,
  UpdateContinuousBackupsCommand,
  type CreateTableCommandInput,
} from '@aws-sdk/client-dynamodb';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { CreateDetectorCommand, GuardDutyClient } from '@aws-sdk/client-guardduty';
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  IAMClient,
} from '@aws-sdk/client-iam';
import {
  AddPermissionCommand,
  CreateAliasCommand,
  CreateFunctionCommand,
  LambdaClient,
  type CreateFunctionCommandInput,
} from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, SQSClient, type QueueAttributeName } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { randomBytes } from 'node:crypto';
import { jsonCalls, type JsonCall, type JsonService } from '../../src/aws/json-call.ts';
import { loadPolicies } from '../../src/cli/policies-dir.ts';
import { labConfig, required } from '../../src/lab/client.ts';
import { eventRules } from '../../src/policy/event-rules.ts';
import { DRIFT_CHECK, DRIFT_SCHEDULE } from '../../src/runbook/drift-check.ts';
import { alarms } from '../../src/stack/alarms.ts';
import { watchRules } from '../../src/stack/watch.ts';
import { createDocument, DOCUMENT, PROFILE } from './host.ts';
import type { TestAccount } from './local-aws.ts';

export const PREFIX = 'secresponse-dev-';
const REGION = 'us-east-1';
/** That a service may take a role. */
export function trustIn(Service: string, Condition?: object): string {
  const statement = { Effect: 'Allow', Principal: { Service }, Action: 'sts:AssumeRole', Condition };
  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
}
/** Names of the functions, and their roles'. */
const FUNCTIONS = ['responder', 'release', 'session-denier', 'watcher'];

/** What is made otherwise, or not at all, in one test. */
export interface Planted {
  bucket?: { objectLock?: false; retention?: false; encryption?: 'AES256' | false };
  table?: Partial<CreateTableCommandInput>;
  recovery?: false;
  subscribe?: { Protocol: string; Endpoint: string }[];
  trust?: string;
  document?: object | null;
  detector?: { Enable: boolean; FindingPublishingFrequency?: 'SIX_HOURS' | 'ONE_HOUR' } | null;
  functions?: Record<string, Partial<CreateFunctionCommandInput> | null>;
  alias?: false;
  /** By function: the rules that may invoke it. */
  invokedBy?: Record<string, string>;
}

export interface ReadyAccount {
  account: TestAccount;
  env: Record<string, string>;
  /** The part of it that the functions share. */
  places: Record<string, string>;
  clients: ReturnType<typeof clientsAt>;
  /** ARNs of the keys, by what they are for. */
  keys: Record<'vault' | 'ledger' | 'messages', string>;
}

export async function readyAccount(account: TestAccount, planted: Planted = {}): Promise<ReadyAccount> {
  const clients = clientsAt(account.endpoint);
  const suffix = randomBytes(4).toString('hex');
  const [bucket, dropBox, topic, table] = [
    `vault-${suffix}`,
    `drop-box-${suffix}`,
    `notices-${suffix}`,
    `ledger-${suffix}`,
  ];
  const kms = callsIn(account, 'kms');
  const [vaultKey, ledgerKey, messageKey] = await Promise.all([1, 2, 3].map(() => makeKey(kms)));
  const keys = {
    vault: required(vaultKey, 'a key'),
    ledger: required(ledgerKey, 'a key'),
    messages: required(messageKey, 'a key'),
  };
  const queues = { letters: arnOf(account, 'sqs', 'letters'), undelivered: arnOf(account, 'sqs', 'undelivered') };
  const [topicArn] = await Promise.all([
    makeTopic(clients, topic, keys.messages, planted),
    makeVault(clients, bucket, keys.vault, planted),
    makeDropBox(clients, dropBox),
    makeTable(clients, table, keys.ledger, planted),
    makeQueues(clients, queues, keys.messages),
    makeProfile(clients, planted),
    planted.document === null ? null : createDocument(account.endpoint, planted.document),
    planted.detector === null
      ? null
      : clients.guardDuty.send(
          new CreateDetectorCommand(
            planted.detector ?? { Enable: true, FindingPublishingFrequency: 'FIFTEEN_MINUTES' },
          ),
        ),
  ]);
  const places = {
    EVIDENCE_BUCKET: bucket,
    NOTIFICATION_TOPIC_ARN: topicArn,
    INCIDENT_TABLE: table,
    COLLECTION_INSTANCE_PROFILE: PROFILE,
    COLLECTION_DOCUMENT: DOCUMENT,
    DROP_BOX_BUCKET: dropBox,
  };
  const shared = { ...places, DEAD_LETTER_QUEUE_URL: queues.letters };
  await makeFunctions(account, clients, { ...shared, SECRESPONSE_MODE: 'enforce' }, queues.letters, planted);
  await Promise.all([makeRules(account, clients, queues.undelivered), makeAlarms(account, topicArn)]);
  const env = {
    ...places,
    AWS_REGION: REGION,
    AWS_ENDPOINT_URL: account.endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };
  return { account, env, places: shared, clients, keys };
}

function arnOf({ account }: TestAccount, service: string, resource: string): string {
  return `arn:aws:${service}:${REGION}:${account}:${resource}`;
}

/** Services for which there is no client. */
export function callsIn({ endpoint }: TestAccount, service: JsonService): JsonCall {
  const settings = { ...labConfig({ endpoint }), budgets: { callTimeoutMs: 15_000, attempts: 1 } };
  return jsonCalls(service, settings);
}

async function makeKey(call: JsonCall): Promise<string> {
  const made = (await call('CreateKey', {})) as { KeyMetadata: { Arn: string } };
  return made.KeyMetadata.Arn;
}

async function makeQueues({ sqs }: Clients, arns: Record<string, string>, KmsMasterKeyId: string): Promise<void> {
  for (const Resource of Object.values(arns)) {
    const Statement = [
      { Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Action: 'sqs:SendMessage', Resource },
    ];
    const Attributes: Partial<Record<QueueAttributeName, string>> = {
      KmsMasterKeyId,
      Policy: JSON.stringify({ Version: '2012-10-17', Statement }),
    };
    await sqs.send(new CreateQueueCommand({ QueueName: Resource.split(':').at(-1), Attributes }));
  }
}

async function makeAlarms(account: TestAccount, topicArn: string): Promise<void> {
  const { policies } = loadPolicies(process.cwd());
  const rules = [...eventRules(policies), { name: 'drift' }, ...watchRules(PREFIX.slice(0, -1), 'on')];
  const made = alarms({
    service: 'secresponse',
    stage: 'dev',
    canary: 'on',
    rules: rules.map(({ name }) => name),
    functions: Object.fromEntries([...FUNCTIONS, 'api'].map((name) => [name, name])),
  });
  const call = callsIn(account, 'cloudwatch');
  await Promise.all(
    Object.values(made).map((alarm) =>
      call('PutMetricAlarm', {
        ...(alarm as { Properties: object }).Properties,
        Dimensions: [],
        ActionsEnabled: true,
        AlarmActions: [topicArn],
        OKActions: [topicArn],
      }),
    ),
  );
}

function clientsAt(endpoint: string) {
  const config = labConfig({ endpoint });
  return {
    dynamo: new DynamoDBClient(config),
    ec2: new EC2Client(config),
    events: new EventBridgeClient(config),
    guardDuty: new GuardDutyClient(config),
    iam: new IAMClient(config),
    lambda: new LambdaClient(config),
    s3: new S3Client({ ...config, forcePathStyle: true }),
    sns: new SNSClient(config),
    sqs: new SQSClient({ ...config, useQueueUrlAsEndpoint: false }),
    ssm: new SSMClient(config),
  };
}

type Clients = ReadyAccount['clients'];

export const CLOSED = {
  BlockPublicAcls: true,
  BlockPublicPolicy: true,
  IgnorePublicAcls: true,
  RestrictPublicBuckets: true,
};

async function makeVault({ s3 }: Clients, Bucket: string, key: string, { bucket = {} }: Planted): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: bucket.objectLock ?? true }));
  if (bucket.objectLock !== false && bucket.retention !== false)
    await s3.send(
      new PutObjectLockConfigurationCommand({
        Bucket,
        ObjectLockConfiguration: {
          ObjectLockEnabled: 'Enabled',
          Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 90 } },
        },
      }),
    );
  await s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: CLOSED }));
  if (bucket.encryption === false) return;
  await s3.send(
    new PutBucketEncryptionCommand({
      Bucket,
      ServerSideEncryptionConfiguration: {
        Rules: [
          {
            ApplyServerSideEncryptionByDefault: bucket.encryption
              ? { SSEAlgorithm: bucket.encryption }
              : { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key },
          },
        ],
      },
    }),
  );
}

async function makeDropBox({ s3 }: Clients, Bucket: string): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: CLOSED }));
  const rule = { ID: 'expiry', Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 7 } } as const;
  await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [rule] } }));
}

async function makeTopic({ sns }: Clients, Name: string, key: string, { subscribe }: Planted): Promise<string> {
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name, Attributes: { KmsMasterKeyId: key } }));
  const subscriptions = subscribe ?? [{ Protocol: 'sqs', Endpoint: `arn:aws:sqs:${REGION}:111122223333:pager` }];
  for (const one of subscriptions) await sns.send(new SubscribeCommand({ TopicArn, ...one }));
  return required(TopicArn, 'a topic ARN');
}

async function makeTable(
  { dynamo }: Clients,
  TableName: string,
  key: string,
  { table, recovery }: Planted,
): Promise<void> {
  await dynamo.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: { Enabled: true, SSEType: 'KMS', KMSMasterKeyId: key },
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'listed', AttributeType: 'S' },
      ],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'open',
          KeySchema: [{ AttributeName: 'listed', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
      ...table,
    }),
  );
  if (recovery === false) return;
  await dynamo.send(
    new UpdateContinuousBackupsCommand({
      TableName,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    }),
  );
}

async function makeProfile({ iam }: Clients, { trust = trustIn('ec2.amazonaws.com') }: Planted): Promise<void> {
  await iam.send(new CreateRoleCommand({ RoleName: PROFILE, AssumeRolePolicyDocument: trust }));
  await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: PROFILE }));
  await iam.send(new AddRoleToInstanceProfileCommand({ RoleName: PROFILE, InstanceProfileName: PROFILE }));
}

async function makeFunctions(
  account: TestAccount,
  { iam, lambda }: Clients,
  Variables: Record<string, string>,
  letters: string,
  planted: Planted,
): Promise<void> {
  const AssumeRolePolicyDocument = trustIn('lambda.amazonaws.com');
  // The stack's API is off, unless a test has something to say about it.
  for (const name of [...FUNCTIONS, ...(planted.functions?.['api'] ? ['api'] : [])]) {
    const { Role } = await iam.send(
      new CreateRoleCommand({ RoleName: name, Path: '/stack/', AssumeRolePolicyDocument }),
    );
    const change = planted.functions?.[name];
    if (change === null) continue;
    const isDurable = name === 'responder' || name === 'release';
    const FunctionName = `${PREFIX}${name}`;
    await lambda.send(
      new CreateFunctionCommand({
        FunctionName,
        Role: Role?.Arn,
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Code: { ZipFile: Buffer.from('code') },
        Environment: { Variables },
        ...(isDurable ? { DurableConfig: { ExecutionTimeout: 60 }, DeadLetterConfig: { TargetArn: letters } } : {}),
        ...change,
      }),
    );
    if (planted.alias !== false && isDurable)
      await lambda.send(new CreateAliasCommand({ FunctionName, Name: 'durable', FunctionVersion: '$LATEST' }));
    if (!['responder', 'watcher'].includes(name) || (isDurable && planted.alias === false)) continue;
    await lambda.send(
      new AddPermissionCommand({
        FunctionName,
        ...(isDurable ? { Qualifier: 'durable' } : {}),
        StatementId: 'rules',
        Action: 'lambda:InvokeFunction',
        Principal: 'events.amazonaws.com',
        SourceArn: arnOf(account, 'events', `rule/${planted.invokedBy?.[name] ?? `${PREFIX}*`}`),
      }),
    );
  }
}

export function functionArn(account: TestAccount, name: string): string {
  return arnOf(account, 'lambda', `function:${PREFIX}${name}`);
}

async function makeRules(account: TestAccount, { events }: Clients, deadLetters: string): Promise<void> {
  const { policies } = loadPolicies(process.cwd());
  const responder = functionArn(account, 'responder:durable');
  const rules = [
    ...eventRules(policies).map(({ name, pattern }) => ({ name, source: { pattern }, target: responder })),
    { name: 'drift', source: { schedule: DRIFT_SCHEDULE, input: DRIFT_CHECK }, target: responder },
    ...watchRules(PREFIX.slice(0, -1), 'on').map((rule) => ({ ...rule, target: functionArn(account, 'watcher') })),
  ];
  for (const { name, source, target } of rules) {
    const Rule = `${PREFIX}${name}`;
    const when =
      'pattern' in source ? { EventPattern: JSON.stringify(source.pattern) } : { ScheduleExpression: source.schedule };
    await events.send(new PutRuleCommand({ Name: Rule, ...when }));
    const Input = 'input' in source ? { Input: JSON.stringify(source.input) } : {};
    const Targets = [{ Id: 'function', Arn: target, DeadLetterConfig: { Arn: deadLetters }, ...Input }];
    await events.send(new PutTargetsCommand({ Rule, Targets }));
  }
}
