/** Probes of the mends of Lambda, and of a subscription that waits for its answer. */
import {
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
  type CreateFunctionCommandInput,
} from '@aws-sdk/client-lambda';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { CreateTopicCommand, ListSubscriptionsByTopicCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { randomUUID } from 'node:crypto';
import { labConfig } from '../../../src/lab/client.ts';
import type { Lab, Probe } from './probe.ts';

async function configuration(lab: Lab, more: Partial<CreateFunctionCommandInput>) {
  const name = `f-${randomUUID()}`;
  const { Role } = await lab.iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: '{}' }));
  const lambda = new LambdaClient({ ...labConfig(lab), maxAttempts: 1 });
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: Role?.Arn,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Code: { ZipFile: Buffer.from('code') },
      ...more,
    }),
  );
  return lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
}

export const probes: Probe[] = [
  {
    mend: 'awslambda.durable_config',
    holds: 'a durable function says that it is one',
    run: async (lab) => (await configuration(lab, { DurableConfig: { ExecutionTimeout: 60 } })).DurableConfig,
    answer: { ExecutionTimeout: 60 },
  },
  {
    mend: 'awslambda.dead_letter_config',
    holds: 'a function says where what it fails on is kept',
    async run(lab) {
      const TargetArn = 'arn:aws:sqs:us-east-1:111122223333:letters';
      return (await configuration(lab, { DeadLetterConfig: { TargetArn } })).DeadLetterConfig;
    },
    answer: { TargetArn: 'arn:aws:sqs:us-east-1:111122223333:letters' },
  },
  {
    mend: 'awslambda.state_by_tags',
    holds: 'tags play a function that does not work',
    async run(lab) {
      const Tags = { 'lambda:state': 'Failed', 'lambda:last-update': 'InProgress' };
      const { State, LastUpdateStatus } = await configuration(lab, { Tags });
      return [State, LastUpdateStatus];
    },
    answer: ['Failed', 'InProgress'],
  },
  {
    mend: 'sns.unconfirmed_mail',
    holds: 'a mail address that has not answered is not subscribed yet',
    async run({ sns }) {
      const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 'notices' }));
      await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'email', Endpoint: 'mia@example.com' }));
      const { Subscriptions = [] } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
      return Subscriptions.map(({ SubscriptionArn }) => SubscriptionArn);
    },
    answer: ['PendingConfirmation'],
  },
];
