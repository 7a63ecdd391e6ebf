/** Planted in what people hear: topic, subscriptions, alarms, and queues for what nobody took. */
import { UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import {
  ListSubscriptionsByTopicCommand,
  SetSubscriptionAttributesCommand,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import { DeleteQueueCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { ReadyAccount } from '../../support/ready-account.ts';
import { callsIn, PREFIX } from '../../support/ready-stack.ts';
import { type Row, idOf } from './plant.ts';

const many = [{ Protocol: 'email', Endpoint: 'mia@example.com' }];

const pager = { Protocol: 'sqs', Endpoint: 'arn:aws:sqs:us-east-1:111122223333:pager' };

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

const queueUrl = ({ account: { account, endpoint } }: ReadyAccount, name: string) => `${endpoint}/${account}/${name}`;

export const messages: Row[] = [
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
    'a disabled key of topic and queues',
    'message-key',
    'not-ready',
    /the key of .*:letters, \S+:undelivered, \S+, is disabled/,
    ({ account, keys }) => callsIn(account, 'kms')('DisableKey', { KeyId: idOf(keys.messages) }),
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
];
