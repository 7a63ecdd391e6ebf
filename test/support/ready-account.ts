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
import { SSMClient } from '@aws-sdk/client-ssm';
import { randomBytes } from 'node:crypto';
import { loadPolicies } from '../../src/cli/policies-dir.ts';
import { labConfig, required } from '../../src/lab/client.ts';
import { createRules } from '../../src/lab/event-bus.ts';
import { eventRules } from '../../src/policy/event-rules.ts';
import { watchRules } from '../../src/stack/watch.ts';
import { createDocument, DOCUMENT, PROFILE } from './host.ts';
import type { TestAccount } from './local-aws.ts';

export const PREFIX = 'secresponse-dev-';
const REGION = 'us-east-1';
const TRUST =
  '{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}';

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
}

export interface ReadyAccount {
  account: TestAccount;
  env: Record<string, string>;
  /** The part of it that the functions share. */
  places: Record<string, string>;
  clients: ReturnType<typeof clientsAt>;
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
  const [topicArn] = await Promise.all([
    makeTopic(clients, topic, planted),
    makeVault(clients, bucket, planted),
    makeDropBox(clients, dropBox),
    makeTable(clients, table, planted),
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
  await makeFunctions(clients, { ...places, SECRESPONSE_MODE: 'enforce' }, planted);
  await makeRules(account);
  const env = {
    ...places,
    AWS_REGION: REGION,
    AWS_ENDPOINT_URL: account.endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };
  return { account, env, places, clients };
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

async function makeVault({ s3 }: Clients, Bucket: string, { bucket = {} }: Planted): Promise<void> {
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
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: bucket.encryption ?? 'aws:kms' } }],
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

async function makeTopic({ sns }: Clients, Name: string, { subscribe }: Planted): Promise<string> {
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name }));
  const subscriptions = subscribe ?? [{ Protocol: 'sqs', Endpoint: `arn:aws:sqs:${REGION}:111122223333:pager` }];
  for (const one of subscriptions) await sns.send(new SubscribeCommand({ TopicArn, ...one }));
  return required(TopicArn, 'a topic ARN');
}

async function makeTable({ dynamo }: Clients, TableName: string, { table, recovery }: Planted): Promise<void> {
  await dynamo.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
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

async function makeProfile({ iam }: Clients, { trust = TRUST }: Planted): Promise<void> {
  await iam.send(new CreateRoleCommand({ RoleName: PROFILE, AssumeRolePolicyDocument: trust }));
  await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: PROFILE }));
  await iam.send(new AddRoleToInstanceProfileCommand({ RoleName: PROFILE, InstanceProfileName: PROFILE }));
}

async function makeFunctions(
  { iam, lambda }: Clients,
  Variables: Record<string, string>,
  planted: Planted,
): Promise<void> {
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: 'functions', AssumeRolePolicyDocument: '{}' }));
  for (const name of ['responder', 'release', 'session-denier', 'watcher']) {
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
        ...(isDurable ? { DurableConfig: { ExecutionTimeout: 60 } } : {}),
        ...change,
      }),
    );
    if (planted.alias !== false && isDurable)
      await lambda.send(new CreateAliasCommand({ FunctionName, Name: 'durable', FunctionVersion: '$LATEST' }));
  }
}

function targetOf({ account }: TestAccount): string {
  return `arn:aws:lambda:${REGION}:${account}:function:${PREFIX}responder:durable`;
}

async function makeRules(account: TestAccount): Promise<void> {
  const { policies } = loadPolicies(process.cwd());
  const rules = eventRules(policies).map(({ name, pattern }) => ({ name: `${PREFIX}${name}`, pattern }));
  await createRules({ endpoint: account.endpoint, rules, targetArn: targetOf(account) });
  const events = new EventBridgeClient(labConfig(account));
  await events.send(new PutRuleCommand({ Name: `${PREFIX}drift`, ScheduleExpression: 'rate(15 minutes)' }));
  const Targets = [{ Id: 'responder', Arn: targetOf(account) }];
  await events.send(new PutTargetsCommand({ Rule: `${PREFIX}drift`, Targets }));
  const watcher = `arn:aws:lambda:${REGION}:${account.account}:function:${PREFIX}watcher`;
  for (const { name, source } of watchRules(PREFIX.slice(0, -1), 'on')) {
    const Rule = `${PREFIX}${name}`;
    const when =
      'pattern' in source ? { EventPattern: JSON.stringify(source.pattern) } : { ScheduleExpression: source.schedule };
    await events.send(new PutRuleCommand({ Name: Rule, ...when }));
    await events.send(new PutTargetsCommand({ Rule, Targets: [{ Id: 'watcher', Arn: watcher }] }));
  }
}
