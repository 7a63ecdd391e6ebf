/** The rules on EventBridge: what they let through, what they start, with what, and whether they may. */
import { isDeepStrictEqual } from 'node:util';
import type { RuleReading, TargetReading } from '../aws/readiness-stack.ts';
import { eventRules } from '../policy/event-rules.ts';
import { DRIFT_CHECK, DRIFT_SCHEDULE } from '../runbook/drift-check.ts';
import { watchRules, type WatchRule } from '../stack/watch.ts';
import {
  arnOf,
  defineCheck,
  deployCommand,
  notReady,
  ok,
  prefixOf,
  revertCommand,
  warning,
  type Check,
  type Room,
  type Verdict,
} from './check.ts';
import { ALIAS } from './functions.ts';
import { granted } from './grants.ts';

interface ExpectedRule extends WatchRule {
  starts: 'responder' | 'watcher';
}

/** A parameter of the stack leaves it out. */
const OPTIONAL = 'canary';

/** Empty where the policies have problems, which are told elsewhere. */
function expectedRules(room: Room): ExpectedRule[] {
  if ('problems' in room.policies) return [];
  return [
    ...eventRules(room.policies.policies).map(({ name, pattern }): ExpectedRule => ({
      name,
      source: { pattern },
      starts: 'responder',
    })),
    { name: 'drift', source: { schedule: DRIFT_SCHEDULE, input: DRIFT_CHECK }, starts: 'responder' },
    ...watchRules(prefixOf(room).slice(0, -1), 'on').map((rule): ExpectedRule => ({ ...rule, starts: 'watcher' })),
  ];
}

/** Those that the stack has to have, and those that it may have, if they are there. */
export async function stackRules(room: Room): Promise<ExpectedRule[]> {
  const found = await room.readings.rules.rules(prefixOf(room));
  return expectedRules(room).filter(({ name }) => name !== OPTIONAL || ruleOf(name, found, room));
}

function ruleOf(name: string, found: RuleReading[], room: Room): RuleReading | undefined {
  return found.find((one) => one.name === `${prefixOf(room)}${name}`);
}

const rules = defineCheck({
  name: 'rules',
  permission: 'events:ListRules',
  read: (room) => room.readings.rules.rules(prefixOf(room)),
  judge(found, room) {
    if ('problems' in room.policies)
      return warning('not compared with the policies, which have problems', 'see policies');
    const expected = expectedRules(room);
    const missing = expected.find(({ name }) => name === OPTIONAL && !ruleOf(name, found, room));
    const wrong = expected.filter((rule) => rule !== missing).flatMap((rule) => judgeRule(rule, found, room));
    const surplus = found
      .filter(({ pattern, name }) => pattern !== null && isDetectorRule(name, room))
      .filter(({ name }) => !expected.some((rule) => `${prefixOf(room)}${rule.name}` === name))
      .map(({ name }) => warning(`rule ${name} is none that the policies compile to`, deployCommand(room)));
    const unwatched = missing
      ? [
          warning(
            `there is no rule ${prefixOf(room)}${missing.name}: no daily sample finding shows that findings come through`,
            `deploy with --param canary=on`,
          ),
        ]
      : [];
    if (wrong.length > 0) return [...wrong, ...unwatched, ...surplus];
    const count = expected.length - unwatched.length;
    return [ok(`${count} rules as the policies and the stack have them, enabled`), ...unwatched, ...surplus];
  },
});

function judgeRule({ name, source }: ExpectedRule, found: RuleReading[], room: Room): Verdict[] {
  const whole = `${prefixOf(room)}${name}`;
  const rule = ruleOf(name, found, room);
  if (!rule) return [notReady(`there is no rule ${whole}`, deployCommand(room))];
  const problems = [];
  if (!rule.isEnabled)
    problems.push(
      notReady(`rule ${whole} is disabled`, `aws events enable-rule --region ${room.region} --name ${whole}`),
    );
  if ('pattern' in source && !isSame(rule.pattern, source.pattern))
    problems.push(notReady(`rule ${whole} admits other events than it is for`, deployCommand(room)));
  if ('schedule' in source && rule.schedule !== source.schedule)
    problems.push(
      notReady(
        `rule ${whole} comes by ${rule.schedule ?? 'no clock'}, not by ${source.schedule}`,
        `aws events put-rule --region ${room.region} --name ${whole} --schedule-expression '${source.schedule}'`,
      ),
    );
  return problems;
}

/** A JSON text, and what it has to say. */
function isSame(text: string | null, wanted: object): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(text ?? ''), JSON.parse(JSON.stringify(wanted)));
  } catch {
    return false;
  }
}

function isDetectorRule(name: string, room: Room): boolean {
  return /^(guardduty|inspector)(-\d+)?$/.test(name.slice(prefixOf(room).length));
}

/** What a rule has to start: the function by its alias, where it is durable. */
function functionOf(room: Room, starts: ExpectedRule['starts']): { name: string; alias: string | null; arn: string } {
  const name = `${prefixOf(room)}${starts}`;
  const alias = starts === 'responder' ? ALIAS : null;
  return { name, alias, arn: arnOf(room, 'lambda', ['function', name, ...(alias === null ? [] : [alias])].join(':')) };
}

const targets = defineCheck({
  name: 'rule-targets',
  permission: 'events:ListRules, events:ListTargetsByRule',
  async read(room) {
    const found = await room.readings.rules.rules(prefixOf(room));
    const there = expectedRules(room).filter(({ name }) => ruleOf(name, found, room));
    return Promise.all(
      there.map(async (rule) => ({ rule, has: await room.readings.rules.targets(`${prefixOf(room)}${rule.name}`) })),
    );
  },
  judge(found, room) {
    if (found.length === 0) return [];
    const wrong = found.flatMap(({ rule, has }) => judgeTargets(rule, has, room));
    if (wrong.length > 0) return wrong;
    return ok('each rule starts its function, gives it what it is for, and keeps what it cannot bring to it');
  },
});

function judgeTargets({ name, source, starts }: ExpectedRule, has: TargetReading[], room: Room): Verdict[] {
  const rule = `rule ${prefixOf(room)}${name}`;
  const { arn } = functionOf(room, starts);
  const own = has.filter((target) => target.arn === arn);
  if (own.length === 0) {
    const others = has.map((target) => target.arn).join(', ');
    return [notReady(`${rule} does not start ${arn}${others === '' ? '' : `, but ${others}`}`, revertCommand(room))];
  }
  const wanted = 'input' in source ? source.input : null;
  const right = own.filter((target) => isGiven(target, wanted));
  const [wrong] = own;
  if (right.length === 0 && wrong)
    return [
      notReady(
        `${rule} gives ${prefixOf(room)}${starts} ${given(wrong)} instead of ${wanted === null ? 'the event' : JSON.stringify(wanted)}: what it is for does not come through`,
        revertCommand(room),
      ),
    ];
  if (right.every(({ deadLetters }) => deadLetters === null))
    return [
      notReady(`${rule} has no dead-letter queue: what it cannot bring to its function is lost`, revertCommand(room)),
    ];
  return [];
}

function isGiven({ input, reshapedBy }: TargetReading, wanted: object | null): boolean {
  if (reshapedBy !== null) return false;
  return wanted === null ? input === null : isSame(input, wanted);
}

function given({ input, reshapedBy }: TargetReading): string {
  if (reshapedBy !== null) return `what an ${reshapedBy} makes of the event`;
  return input === null ? 'the event' : `the constant Input ${input}`;
}

/** `needs`: the check without which there is nothing to invoke. */
function permission(starts: ExpectedRule['starts'], needs: string): Check {
  return defineCheck({
    name: `permission-${starts}`,
    permission: 'lambda:GetPolicy, events:ListRules',
    needs,
    async read(room) {
      const { name, alias } = functionOf(room, starts);
      if ((await room.readings.functions.configuration(name)) === null) return null;
      const found = await room.readings.rules.rules(prefixOf(room));
      const starting = expectedRules(room).filter((rule) => rule.starts === starts && ruleOf(rule.name, found, room));
      return { starting, policy: (await room.readings.functions.policy(name, alias)) ?? '' };
    },
    judge(reading, room) {
      if (reading === null || reading.starting.length === 0) return [];
      const { name, alias, arn } = functionOf(room, starts);
      const grantOf = (rule: string) =>
        granted(reading.policy, {
          service: 'events.amazonaws.com',
          action: 'lambda:InvokeFunction',
          resource: arn,
          context: {
            'aws:sourcearn': arnOf(room, 'events', `rule/${prefixOf(room)}${rule}`),
            'aws:sourceaccount': room.account,
          },
        });
      const grants = reading.starting.map((rule) => ({
        rule: `${prefixOf(room)}${rule.name}`,
        grant: grantOf(rule.name),
      }));
      const of = (which: string): string =>
        grants
          .filter(({ grant }) => grant === which)
          .map(({ rule }) => rule)
          .join(', ');
      const todo =
        `aws lambda add-permission --region ${room.region} --function-name ${name} ` +
        `${alias === null ? '' : `--qualifier ${alias} `}--statement-id rules --action lambda:InvokeFunction ` +
        `--principal events.amazonaws.com --source-arn '${arnOf(room, 'events', `rule/${prefixOf(room)}*`)}'`;
      const what = alias === null ? name : `${name}:${alias}`;
      if (of('no') !== '') return notReady(`EventBridge may not invoke ${what} for ${of('no')}`, todo);
      if (of('unclear') !== '')
        return warning(
          `EventBridge may invoke ${what} for ${of('unclear')} under a condition that was not looked at`,
          todo,
        );
      return ok(`EventBridge may invoke ${what}`);
    },
  });
}

export const eventBridge: Check[] = [
  rules,
  targets,
  permission('responder', 'alias-responder'),
  permission('watcher', 'function-watcher'),
];
