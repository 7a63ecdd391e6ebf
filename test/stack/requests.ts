/**
 * Calls of several services, with what they send and what they make of an answer. A test bundles this file twice and runs both.
 * Nothing leaves the process.
 */
// oxlint-disable no-restricted-imports -- the serialisers themselves are under test
import { Readable } from 'node:stream';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateSecurityGroupCommand,
  CreateSnapshotsCommand,
  DescribeInstancesCommand,
  EC2Client,
  ModifyNetworkInterfaceAttributeCommand,
  RevokeSecurityGroupEgressCommand,
} from '@aws-sdk/client-ec2';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

export interface Exchange {
  call: string;
  sent: { method: string; path: string; query: unknown; headers: Record<string, string>; body: string };
  /** What the client made of the answer, or the error that it threw. */
  result: unknown;
}

interface Answer {
  statusCode: number;
  headers?: Record<string, string>;
  body: string;
}

interface Sent {
  method: string;
  path: string;
  query: unknown;
  headers: Record<string, string>;
  body?: string | Uint8Array;
}

/** Different in every request, whoever makes it. */
const CHANGING_HEADERS = ['amz-sdk-invocation-id'];

async function exchange(call: string, answer: Answer, run: (config: object) => Promise<object>): Promise<Exchange> {
  let sent: Exchange['sent'] | undefined;
  const config = {
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIA', secretAccessKey: 'secret' },
    maxAttempts: 1,
    // A signature changes with the time.
    signer: { sign: (request: object) => Promise.resolve(request) },
    requestHandler: {
      handle({ method, path, query, headers, body }: Sent) {
        const kept = Object.entries(headers).filter(([name]) => !CHANGING_HEADERS.includes(name));
        const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
        sent = { method, path, query, headers: Object.fromEntries(kept), body: text };
        const { statusCode, headers: answerHeaders = {} } = answer;
        return Promise.resolve({
          response: { statusCode, headers: answerHeaders, body: Readable.from([Buffer.from(answer.body)]) },
        });
      },
    },
  };
  const result = await run(config).catch((error: Error) =>
    Object.assign({ name: error.name, message: error.message }, error),
  );
  if (!sent) throw new Error(`${call}: nothing was sent: ${JSON.stringify(result)}`);
  return { call, sent, result };
}

const ec2 = (config: object) => new EC2Client(config);

const INSTANCES = `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>
<reservationSet><item><reservationId>r-1</reservationId><ownerId>111122223333</ownerId><instancesSet><item>
<instanceId>i-0123456789abcdef0</instanceId><instanceState><code>16</code><name>running</name></instanceState>
<launchTime>2026-11-01T10:00:00.000Z</launchTime><ebsOptimized>true</ebsOptimized>
<groupSet><item><groupId>sg-1</groupId><groupName>web</groupName></item></groupSet>
<blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-1</volumeId><deleteOnTermination>true</deleteOnTermination></ebs></item></blockDeviceMapping>
<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId><ipv6AddressesSet><item><ipv6Address>2001:db8::1</ipv6Address></item></ipv6AddressesSet></item></networkInterfaceSet>
<tagSet><item><key>Name</key><value>a &amp; b</value></item></tagSet></item></instancesSet></item></reservationSet>
<nextToken>more</nextToken></DescribeInstancesResponse>`;

async function exchanges(): Promise<Exchange[]> {
  const tags = [{ Key: 'secresponse:group', Value: 'quarantine' }];
  return Promise.all([
    exchange('DescribeInstances', { statusCode: 200, body: INSTANCES }, (config) =>
      ec2(config).send(
        new DescribeInstancesCommand({
          InstanceIds: ['i-0123456789abcdef0'],
          Filters: [{ Name: 'tag:Name', Values: ['a', 'b'] }],
          NextToken: 'n',
        }),
      ),
    ),
    exchange(
      'CreateSecurityGroup',
      { statusCode: 200, body: '<CreateSecurityGroupResponse><groupId>sg-2</groupId></CreateSecurityGroupResponse>' },
      (config) =>
        ec2(config).send(
          new CreateSecurityGroupCommand({
            GroupName: 'quarantine',
            Description: 'no rules',
            VpcId: 'vpc-1',
            TagSpecifications: [{ ResourceType: 'security-group', Tags: tags }],
          }),
        ),
    ),
    exchange(
      'RevokeSecurityGroupEgress',
      {
        statusCode: 400,
        body: '<Response><Errors><Error><Code>InvalidPermission.NotFound</Code><Message>no such rule</Message></Error></Errors><RequestID>r</RequestID></Response>',
      },
      (config) =>
        ec2(config).send(
          new RevokeSecurityGroupEgressCommand({
            GroupId: 'sg-2',
            IpPermissions: [
              {
                IpProtocol: '-1',
                IpRanges: [{ CidrIp: '0.0.0.0/0' }],
                Ipv6Ranges: [{ CidrIpv6: '::/0', Description: 'all' }],
                UserIdGroupPairs: [{ GroupId: 'sg-3', UserId: '111122223333' }],
              },
            ],
          }),
        ),
    ),
    exchange(
      'ModifyNetworkInterfaceAttribute',
      {
        statusCode: 200,
        body: '<ModifyNetworkInterfaceAttributeResponse><return>true</return></ModifyNetworkInterfaceAttributeResponse>',
      },
      (config) =>
        ec2(config).send(
          new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: 'eni-1', Groups: ['sg-2', 'sg-4'] }),
        ),
    ),
    exchange(
      'CreateSnapshots',
      {
        statusCode: 200,
        body: '<CreateSnapshotsResponse><snapshotSet><item><snapshotId>snap-1</snapshotId><state>pending</state><volumeSize>8</volumeSize></item></snapshotSet></CreateSnapshotsResponse>',
      },
      (config) =>
        ec2(config).send(
          new CreateSnapshotsCommand({
            InstanceSpecification: { InstanceId: 'i-0123456789abcdef0', ExcludeBootVolume: false },
            CopyTagsFromSource: 'volume',
            TagSpecifications: [{ ResourceType: 'snapshot', Tags: tags }],
          }),
        ),
    ),
    exchange('PutObject', { statusCode: 200, headers: { etag: '"e"', 'x-amz-version-id': 'v' }, body: '' }, (config) =>
      new S3Client(config).send(
        new PutObjectCommand({
          Bucket: 'vault',
          Key: 'evidence/a b/ä.json',
          Body: '{}',
          ContentType: 'application/json',
          ChecksumSHA256: 'RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=',
          IfNoneMatch: '*',
          Metadata: { taken: 'now' },
        }),
      ),
    ),
    exchange('GetObject', { statusCode: 404, body: '<Error><Code>NoSuchKey</Code><Key>k</Key></Error>' }, (config) =>
      new S3Client(config).send(new GetObjectCommand({ Bucket: 'vault', Key: 'k', VersionId: 'v' })),
    ),
    exchange(
      'Publish',
      {
        statusCode: 200,
        body: '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>',
      },
      (config) =>
        new SNSClient(config).send(
          new PublishCommand({
            TopicArn: 'arn:aws:sns:eu-central-1:111122223333:topic',
            Message: '{"default":"text & more"}',
            MessageStructure: 'json',
            MessageAttributes: { severity: { DataType: 'String', StringValue: 'HIGH' } },
          }),
        ),
    ),
    exchange(
      'UpdateItem',
      {
        statusCode: 400,
        headers: { 'content-type': 'application/x-amz-json-1.0' },
        body: '{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no","Item":{"pk":{"S":"target#1"},"run":{"N":"2"}}}',
      },
      (config) =>
        new DynamoDBClient(config).send(
          new UpdateItemCommand({
            TableName: 'ledger',
            Key: { pk: { S: 'target#1' } },
            UpdateExpression: 'SET a = :a',
            ExpressionAttributeValues: { ':a': { M: { list: { L: [{ BOOL: true }, { NULL: true }] } } } },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        ),
    ),
    exchange(
      'GetCallerIdentity',
      {
        statusCode: 200,
        body: '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>',
      },
      (config) => new STSClient(config).send(new GetCallerIdentityCommand({})),
    ),
  ]);
}

process.stdout.write(JSON.stringify(await exchanges()));
