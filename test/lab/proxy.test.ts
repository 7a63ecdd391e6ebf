import { DescribeInstancesCommand, CreateVpcCommand, DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { GetRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { ListTopicsCommand, SNSClient } from '@aws-sdk/client-sns';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { labConfig } from '../../src/lab/client.ts';
import { startProxy, type FaultKind, type Proxy } from '../../src/lab/proxy.ts';
import { useLocalAws } from '../support/local-aws.ts';

const { newAccount } = useLocalAws();

interface Answered {
  name: string;
  $metadata?: { httpStatusCode?: number; attempts?: number };
}

/** The error that the call fails with; null where it succeeds. */
async function errorOf(call: Promise<unknown>): Promise<Answered | null> {
  return call.then(
    () => null,
    (error: Answered) => error,
  );
}

function operations({ calls }: Proxy): string[] {
  return calls.map(({ service, operation, status }) => `${service}:${operation} ${status}`);
}

// The first EC2 call of a server takes longer than the others.
beforeAll(async () => {
  const { endpoint } = await newAccount();
  await new EC2Client(labConfig({ endpoint })).send(new DescribeVpcsCommand({}));
}, 30_000);

describe('errors have the name that the SDK of each protocol expects', () => {
  const once = (endpoint: string) => ({ ...labConfig({ endpoint }), maxAttempts: 1 });
  const services: [string, (endpoint: string) => Promise<unknown>, Record<'throttle' | 'error' | 'denied', string>][] =
    [
      [
        'EC2',
        (endpoint) => new EC2Client(once(endpoint)).send(new DescribeVpcsCommand({})),
        { throttle: 'RequestLimitExceeded', error: 'InternalError', denied: 'UnauthorizedOperation' },
      ],
      [
        'IAM',
        (endpoint) => new IAMClient(once(endpoint)).send(new GetRoleCommand({ RoleName: 'role' })),
        { throttle: 'Throttling', error: 'InternalError', denied: 'AccessDenied' },
      ],
      [
        'SNS',
        (endpoint) => new SNSClient(once(endpoint)).send(new ListTopicsCommand({})),
        { throttle: 'Throttling', error: 'InternalErrorException', denied: 'AuthorizationErrorException' },
      ],
      [
        'DynamoDB',
        (endpoint) => new DynamoDBClient(once(endpoint)).send(new ListTablesCommand({})),
        { throttle: 'ThrottlingException', error: 'InternalServerError', denied: 'AccessDeniedException' },
      ],
      [
        'S3',
        (endpoint) => new S3Client(once(endpoint)).send(new ListObjectsV2Command({ Bucket: 'vault' })),
        { throttle: 'SlowDown', error: 'InternalError', denied: 'AccessDenied' },
      ],
    ];

  test.each(services)('%s', async (_, call, names) => {
    const { endpoint, proxy } = await newAccount();
    for (const kind of ['throttle', 'error', 'denied'] as const) {
      const remove = proxy.fault({ operation: '*', kind });
      expect((await errorOf(call(endpoint)))?.name).toBe(names[kind]);
      remove();
    }
  });
});

describe('the SDK meets each fault as it meets it in AWS', () => {
  const quick = (endpoint: string, maxAttempts: number) =>
    new EC2Client({
      ...labConfig({ endpoint }),
      maxAttempts,
      requestHandler: new NodeHttpHandler({ requestTimeout: 1_000, throwOnRequestTimeout: true }),
    });

  test('throttled twice, a call succeeds on the third attempt', async () => {
    const { endpoint, proxy } = await newAccount();
    proxy.fault({ service: 'ec2', operation: 'Describe*', kind: 'throttle', times: 2 });
    await quick(endpoint, 3).send(new DescribeVpcsCommand({}));
    expect(operations(proxy)).toEqual(['ec2:DescribeVpcs 503', 'ec2:DescribeVpcs 503', 'ec2:DescribeVpcs 200']);
  });

  test('an access that is denied is not tried again', async () => {
    const { endpoint, proxy } = await newAccount();
    proxy.fault({ operation: 'DescribeVpcs', kind: 'denied' });
    expect(await errorOf(quick(endpoint, 3).send(new DescribeVpcsCommand({})))).toMatchObject({
      $metadata: { httpStatusCode: 403, attempts: 1 },
    });
  });

  test('a fault lets others pass, and the first calls where it is told to', async () => {
    const { endpoint, proxy } = await newAccount();
    const ec2 = quick(endpoint, 1);
    proxy.fault({ operation: 'DescribeVpcs', kind: 'error', skip: 1, times: 1 });
    await ec2.send(new DescribeInstancesCommand({}));
    await ec2.send(new DescribeVpcsCommand({}));
    expect((await errorOf(ec2.send(new DescribeVpcsCommand({}))))?.name).toBe('InternalError');
    await ec2.send(new DescribeVpcsCommand({}));
  });

  // The SDK names both the same.
  test.each<[FaultKind, RegExp]>([
    ['hang', /did not receive|timed? ?out|exceeded/i],
    ['reset', /socket hang up|ECONNRESET/],
  ])('%s: the call is never made', async (kind, says) => {
    const { endpoint, proxy } = await newAccount();
    proxy.fault({ operation: 'CreateVpc', kind });
    const ec2 = quick(endpoint, 1);
    const error = await errorOf(ec2.send(new CreateVpcCommand({ CidrBlock: '10.9.0.0/16' })));
    expect(error).toMatchObject({ name: 'TimeoutError', message: expect.stringMatching(says) });
    const { Vpcs } = await ec2.send(new DescribeVpcsCommand({ Filters: [{ Name: 'cidr', Values: ['10.9.0.0/16'] }] }));
    expect(Vpcs).toEqual([]);
    expect(operations(proxy)).toEqual(['ec2:CreateVpc null', 'ec2:DescribeVpcs 200']);
  });

  test('lost-response: the call is made, and made again by the retry', async () => {
    const { endpoint, proxy } = await newAccount();
    proxy.fault({ operation: 'CreateVpc', kind: 'lost-response', times: 1 });
    const ec2 = quick(endpoint, 2);
    await ec2.send(new CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
    const { Vpcs } = await ec2.send(new DescribeVpcsCommand({ Filters: [{ Name: 'cidr', Values: ['10.9.0.0/16'] }] }));
    expect(Vpcs).toHaveLength(2);
  });

  test('whoever is told of a strike finds the call made, and is waited for; calls that do not match go through', async () => {
    const { endpoint, proxy } = await newAccount();
    const ec2 = new EC2Client({ ...labConfig({ endpoint }), maxAttempts: 1 });
    const cidrs: (string | undefined)[] = [];
    proxy.fault({
      operation: 'CreateVpc',
      kind: 'lost-response',
      matching: ({ request }) => request.includes('10.8'),
      async onStrike() {
        const { Vpcs = [] } = await ec2.send(new DescribeVpcsCommand({}));
        cidrs.push(...Vpcs.map(({ CidrBlock }) => CidrBlock));
      },
    });
    await ec2.send(new CreateVpcCommand({ CidrBlock: '10.7.0.0/16' }));
    await expect(ec2.send(new CreateVpcCommand({ CidrBlock: '10.8.0.0/16' }))).rejects.toThrow(/hang up|ECONNRESET/);
    expect(cidrs).toContain('10.7.0.0/16');
    expect(cidrs).toContain('10.8.0.0/16');
  });
});

test('S3 operations are told apart', async () => {
  const { endpoint, proxy } = await newAccount();
  const s3 = new S3Client(labConfig({ endpoint }));
  const [Bucket, Key] = [`vault-${Date.now()}`, 'incident/a b.json'];
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  await s3.send(new HeadBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'evidence', IfNoneMatch: '*' }));
  const again = new PutObjectCommand({ Bucket, Key, Body: 'evidence', IfNoneMatch: '*' });
  expect((await errorOf(s3.send(again)))?.name).toBe('PreconditionFailed');
  await s3.send(new HeadObjectCommand({ Bucket, Key }));
  const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
  expect(await got.Body?.transformToString()).toBe('evidence');
  await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'incident/' }));
  expect(operations(proxy)).toEqual([
    's3:CreateBucket 200',
    's3:PutBucketVersioning 200',
    's3:HeadBucket 200',
    's3:PutObject 200',
    's3:PutObject 412',
    's3:HeadObject 200',
    's3:GetObject 200',
    's3:ListObjectsV2 200',
  ]);
});

test('latency delays the calls that it is for, and is recorded', async () => {
  const { endpoint, proxy } = await newAccount({ latencyMs: 20 });
  proxy.latency(150, { operation: 'DescribeVpcs' });
  const ec2 = new EC2Client(labConfig({ endpoint }));
  await ec2.send(new DescribeInstancesCommand({}));
  await ec2.send(new DescribeVpcsCommand({}));
  const [instances = 0, vpcs = 0] = proxy.calls.map(({ startedAt, endedAt }) => endedAt - startedAt);
  expect(instances).toBeGreaterThanOrEqual(19);
  expect(vpcs).toBeGreaterThanOrEqual(149);
});

test('stopping ends the calls that hang', async () => {
  const { endpoint } = await newAccount();
  const proxy = await startProxy({ upstream: endpoint });
  proxy.fault({ operation: '*', kind: 'hang' });
  const ec2 = new EC2Client({ ...labConfig({ endpoint: proxy.endpoint }), maxAttempts: 1 });
  const hanging = errorOf(ec2.send(new DescribeVpcsCommand({})));
  while (proxy.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await proxy.stop();
  expect(await hanging).not.toBeNull();
});
