/** Whether people hear of it: what the subscriptions let through, the alarms, and what keeps that which nobody took. */
import { alarms as stackAlarms } from '../stack/alarms.ts';
import {
  arnOf,
  defineCheck,
  notReady,
  ok,
  prefixOf,
  revertCommand,
  SERVICE,
  warning,
  type Check,
  type Room,
  type Verdict,
} from './check.ts';
import { FUNCTIONS } from './functions.ts';
import { granted } from './grants.ts';
import { stackRules } from './rules.ts';

const filters = defineCheck({
  name: 'subscription-filter',
  permission: 'sns:ListSubscriptionsByTopic, sns:GetSubscriptionAttributes',
  needs: 'topic',
  async read({ readings }) {
    const found = await readings.topic.subscriptions();
    return Promise.all(
      found.flatMap(({ arn, protocol, endpoint }) =>
        arn === null
          ? []
          : [readings.topic.filter(arn).then((filter) => ({ arn, name: `${protocol} ${endpoint}`, filter }))],
      ),
    );
  },
  judge(subscriptions, { settings: { places } }) {
    if (subscriptions.length === 0) return [];
    const filtered = subscriptions.filter(({ filter }) => filter !== null);
    if (filtered.length === 0) return ok('what is published reaches every confirmed subscription');
    const region = places.topicArn.split(':')[3] ?? '';
    const isAll = filtered.length === subscriptions.length;
    return filtered.map(({ arn, name, filter }) =>
      (isAll ? notReady : warning)(
        `${name} gets only what passes its filter policy ${filter}${isAll ? ', and so does everybody: the rest, the alarms most likely among it, is heard by nobody' : ''}`,
        `aws sns set-subscription-attributes --region ${region} --subscription-arn ${arn} --attribute-name FilterPolicy --attribute-value '{}'`,
      ),
    );
  },
});

const alarms = defineCheck({
  name: 'alarms',
  permission: 'cloudwatch:DescribeAlarms, events:ListRules',
  needs: ['function-responder', 'topic'],
  async read(room) {
    const rules = (await stackRules(room)).map(({ name }) => name);
    const names = FUNCTIONS.map(({ name }) => name);
    const there = await Promise.all(
      names.map((name) => room.readings.functions.configuration(`${prefixOf(room)}${name}`)),
    );
    const functions = Object.fromEntries(names.filter((_, at) => there[at] !== null).map((name) => [name, name]));
    return { rules, functions, found: await room.readings.alarms.alarms(prefixOf(room)) };
  },
  judge({ rules, functions, found }, room) {
    const { places } = room.settings;
    const canary = rules.includes('canary') ? 'on' : 'off';
    const stack = { service: SERVICE, stage: room.stage, canary, rules, functions };
    const expected = Object.values(stackAlarms(stack)).map(
      (alarm) => (alarm as { Properties: { AlarmName: string } }).Properties.AlarmName,
    );
    const byName = new Map(found.map((alarm) => [alarm.name, alarm]));
    const missing = expected.filter((name) => !byName.has(name));
    const own = expected.flatMap((name) => byName.get(name) ?? []);
    const silent = own.filter(({ acts }) => !acts).map(({ name }) => name);
    const unheard = own.filter(({ actions }) => !actions.includes(places.topicArn)).map(({ name }) => name);
    const wrong = [
      ...(missing.length === 0 ? [] : [notReady(`alarms are missing: ${missing.join(', ')}`, revertCommand(room))]),
      ...(silent.length === 0
        ? []
        : [
            notReady(
              `alarms whose actions are disabled, so that nobody hears of them: ${silent.join(', ')}`,
              `aws cloudwatch enable-alarm-actions --region ${room.region} --alarm-names ${silent.join(' ')}`,
            ),
          ]),
      ...(unheard.length === 0
        ? []
        : [notReady(`alarms that do not tell ${places.topicArn}: ${unheard.join(', ')}`, revertCommand(room))]),
    ];
    return wrong.length > 0 ? wrong : ok(`${expected.length} alarms, all of which tell the topic`);
  },
});

/** Queues that functions and rules name. ARNs, each once. */
export async function deadLetterQueues(room: Room): Promise<string[]> {
  return [...new Set([...(await functionQueues(room)).map(({ arn }) => arn), ...(await ruleQueues(room))])].flatMap(
    (arn) => arn ?? [],
  );
}

/** Of the functions that have to have one and are there. */
async function functionQueues(room: Room): Promise<{ name: string; arn: string | null }[]> {
  const durable = FUNCTIONS.filter(({ isDurable }) => isDurable).map(({ name }) => `${prefixOf(room)}${name}`);
  const found = await Promise.all(
    durable.map(async (name) => ({ name, reading: await room.readings.functions.configuration(name) })),
  );
  return found.flatMap(({ name, reading }) => (reading === null ? [] : [{ name, arn: reading.deadLetters }]));
}

async function ruleQueues(room: Room): Promise<string[]> {
  const found = await room.readings.rules.rules(prefixOf(room));
  const targets = await Promise.all(found.map(({ name }) => room.readings.rules.targets(name)));
  return targets.flat().flatMap(({ deadLetters }) => deadLetters ?? []);
}

const deadLetters = defineCheck({
  name: 'dead-letters',
  permission:
    'lambda:GetFunctionConfiguration, events:ListRules, events:ListTargetsByRule, sqs:GetQueueUrl, sqs:GetQueueAttributes',
  async read(room) {
    const ofRules = new Set(await ruleQueues(room));
    const queues = (await deadLetterQueues(room)).map(async (arn) => ({
      arn,
      isOfRules: ofRules.has(arn),
      reading: await room.readings.queues.queue(arn),
    }));
    const functions = await functionQueues(room);
    const responder = await room.readings.functions.configuration(`${prefixOf(room)}responder`);
    return { functions, queues: await Promise.all(queues), url: responder?.environment['DEAD_LETTER_QUEUE_URL'] };
  },
  judge({ functions, queues, url }, room) {
    const todo = revertCommand(room);
    const wrong: Verdict[] = [
      ...functions.flatMap(({ name, arn }) =>
        arn === null ? [notReady(`${name} has no dead-letter queue: an event that it fails on is lost`, todo)] : [],
      ),
      ...(functions.length > 0 && !url
        ? [warning('DEAD_LETTER_QUEUE_URL is not set: a message that the topic does not take is lost', todo)]
        : []),
      ...queues.flatMap(({ arn, isOfRules, reading }) => {
        if (reading === null) return [notReady(`queue ${arn} does not exist: what is to be kept there is lost`, todo)];
        if (!isOfRules || mayKeep(arn, reading.policy, room)) return [];
        return [notReady(`EventBridge may not send to queue ${arn}: what it cannot deliver is lost`, todo)];
      }),
    ];
    if (wrong.length > 0 || queues.length === 0) return wrong;
    return ok('what could not be delivered or answered is kept');
  },
});

/** Whether a rule of the stack may, for all that can be seen. */
function mayKeep(queue: string, policy: string, room: Room): boolean {
  const rule = arnOf(room, 'events', `rule/${prefixOf(room)}drift`);
  const context = { 'aws:sourcearn': rule, 'aws:sourceaccount': room.account, 'aws:securetransport': 'true' };
  return (
    granted(policy, { service: 'events.amazonaws.com', action: 'sqs:SendMessage', resource: queue, context }) !== 'no'
  );
}

export const messages: Check[] = [filters, alarms, deadLetters];
