/** An account in which everything is ready for responses, made by API as the stack would make it: for the tests of the doctor. */
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  UpdateContinuousBackupsCommand,
} from '@aws-sdk/client-dynamodb';
import { CreateDetectorCommand } from '@aws-sdk/client-guardduty';
import { AddRoleToInstanceProfileCommand, CreateInstanceProfileCommand, CreateRoleCommand } from '@aws-sdk/client-iam';
import {
  CreateBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { CreateTopicCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { randomBytes } from 'node:crypto';
import { type JsonCall } from '../../src/aws/json-call.ts';
import { required } from '../../src/lab/client.ts';
import { createDocument, DOCUMENT, PROFILE } from './host.ts';
import { type TestAccount } from './local-aws.ts';
import {
  arnOf,
  callsIn,
  clientsAt,
  makeAlarms,
  makeFunctions,
  makeQueues,
  makeRules,
  REGION,
  trustIn,
  type Clients,
  type PlantedInStack,
} from './ready-stack.ts';

/** What is made otherwise, or not at all, in one test. */
export interface Planted extends PlantedInStack {
  bucket?: { objectLock?: false; retention?: false; encryption?: 'AES256' | false };
  table?: Partial<CreateTableCommandInput>;
  recovery?: false;
  subscribe?: { Protocol: string; Endpoint: string }[];
  trust?: string;
  document?: object | null;
  detector?: { Enable: boolean; FindingPublishingFrequency?: 'SIX_HOURS' | 'ONE_HOUR' } | null;
}

export interface ReadyAccount {
  account: TestAccount;
  env: Record<string, string>;
  /** The part of it that the functions share. */
  places: Record<string, string>;
  clients: Clients;
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

async function makeKey(call: JsonCall): Promise<string> {
  const made = (await call('CreateKey', {})) as { KeyMetadata: { Arn: string } };
  return made.KeyMetadata.Arn;
}

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
