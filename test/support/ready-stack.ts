/** The stack's part of an account in which everything is ready, made by API: functions, rules, alarms, queues. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { GuardDutyClient } from '@aws-sdk/client-guardduty';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  AddPermissionCommand,
  CreateAliasCommand,
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { CreateQueueCommand, type QueueAttributeName, SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { type JsonCall, jsonCalls, type JsonService } from '../../src/aws/json-call.ts';
import { loadPolicies } from '../../src/cli/policies-dir.ts';
import { labConfig } from '../../src/lab/client.ts';
import { eventRules } from '../../src/policy/event-rules.ts';
import { DRIFT_CHECK, DRIFT_SCHEDULE } from '../../src/runbook/drift-check.ts';
import { alarms } from '../../src/stack/alarms.ts';
import { watchRules } from '../../src/stack/watch.ts';
import { type TestAccount } from './local-aws.ts';

export const PREFIX = 'secresponse-dev-';
export const REGION = 'us-east-1';
/** Names of the functions, and their roles'. */
const FUNCTIONS = ['responder', 'release', 'session-denier', 'watcher'];

/** What of it is made otherwise, or not at all, in one test. */
export interface PlantedInStack {
  functions?: Record<string, Partial<CreateFunctionCommandInput> | null>;
  alias?: false;
  /** By function: the rules that may invoke it. */
  invokedBy?: Record<string, string>;
}

export function clientsAt(endpoint: string) {
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

export type Clients = ReturnType<typeof clientsAt>;

/** That a service may take a role. */
export function trustIn(Service: string, Condition?: object): string {
  const statement = { Effect: 'Allow', Principal: { Service }, Action: 'sts:AssumeRole', Condition };
  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
}

export function arnOf({ account }: TestAccount, service: string, resource: string): string {
  return `arn:aws:${service}:${REGION}:${account}:${resource}`;
}

/** Services for which there is no client. */
export function callsIn({ endpoint }: TestAccount, service: JsonService): JsonCall {
  const settings = { ...labConfig({ endpoint }), budgets: { callTimeoutMs: 15_000, attempts: 1 } };
  return jsonCalls(service, settings);
}

export async function makeQueues(
  { sqs }: Clients,
  arns: Record<string, string>,
  KmsMasterKeyId: string,
): Promise<void> {
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

export async function makeAlarms(account: TestAccount, topicArn: string): Promise<void> {
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

export async function makeFunctions(
  account: TestAccount,
  { iam, lambda }: Clients,
  Variables: Record<string, string>,
  letters: string,
  planted: PlantedInStack,
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

export async function makeRules(account: TestAccount, { events }: Clients, deadLetters: string): Promise<void> {
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
