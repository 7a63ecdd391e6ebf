/** What the responder needs beside the target, made by API: local CloudFormation would drop half of it. */
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { randomBytes } from 'node:crypto';
import { DEFAULT_REGION, labConfig, required, type Place } from './client.ts';

export interface Deployment {
  /** Versioned. */
  bucket: string;
  topicArn: string;
  /** On demand, with the string hash key pk. */
  table: string;
  /** Hears the topic, raw: shows what was sent. */
  queueUrl: string;
  /** What could not be delivered. */
  deadLetterUrl: string;
}

export async function createDeployment(place: Place): Promise<Deployment> {
  const suffix = randomBytes(4).toString('hex');
  const [bucket, table, { topicArn, queueUrl }, deadLetterUrl] = await Promise.all([
    createBucket(place, `secresponse-vault-${suffix}`),
    createTable(place, `secresponse-ledger-${suffix}`),
    createTopic(place, `secresponse-notices-${suffix}`),
    createQueue(place, `secresponse-dead-letters-${suffix}`),
  ]);
  return { bucket, topicArn, table, queueUrl, deadLetterUrl };
}

async function createBucket(place: Place, bucket: string): Promise<string> {
  const s3 = new S3Client(labConfig(place));
  const region = place.region ?? DEFAULT_REGION;
  // S3 refuses its oldest region as a location constraint.
  const location = region === 'us-east-1' ? {} : { CreateBucketConfiguration: { LocationConstraint: region as never } };
  await s3.send(new CreateBucketCommand({ Bucket: bucket, ...location }));
  await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  return bucket;
}

async function createTable(place: Place, table: string): Promise<string> {
  await new DynamoDBClient(labConfig(place)).send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    }),
  );
  return table;
}

async function createTopic(place: Place, name: string): Promise<{ topicArn: string; queueUrl: string }> {
  const sns = new SNSClient(labConfig(place));
  const sqs = new SQSClient(labConfig(place));
  const [topic, queueUrl] = await Promise.all([
    sns.send(new CreateTopicCommand({ Name: name })),
    createQueue(place, name),
  ]);
  const topicArn = required(topic.TopicArn, 'a topic ARN');
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn'] }),
  );
  await sns.send(
    new SubscribeCommand({
      TopicArn: topicArn,
      Protocol: 'sqs',
      Endpoint: Attributes?.['QueueArn'],
      Attributes: { RawMessageDelivery: 'true' },
    }),
  );
  return { topicArn, queueUrl };
}

async function createQueue(place: Place, name: string): Promise<string> {
  const queue = await new SQSClient(labConfig(place)).send(new CreateQueueCommand({ QueueName: name }));
  return queueUrlAt(place, required(queue.QueueUrl, 'a queue URL'));
}

/** The URL as the caller reaches it: the local AWS names itself, which would bypass a proxy in front of it. */
export function queueUrlAt({ endpoint }: Place, url: string): string {
  return new URL(new URL(url).pathname, endpoint).href;
}

export interface ReceivedMessage {
  body: string;
  attributes: Record<string, string>;
}

/** Takes everything out of the queue that is in it now. */
export async function receiveMessages(place: Place & { queueUrl: string }): Promise<ReceivedMessage[]> {
  const sqs = new SQSClient(labConfig(place));
  const received: ReceivedMessage[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: place.queueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return received;
    for (const { Body = '', MessageAttributes = {} } of Messages) {
      const attributes = Object.entries(MessageAttributes).map(([name, { StringValue }]) => [name, StringValue ?? '']);
      received.push({ body: Body, attributes: Object.fromEntries(attributes) as Record<string, string> });
    }
    await sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: place.queueUrl,
        Entries: Messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle })),
      }),
    );
  }
}
