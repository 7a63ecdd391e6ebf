/** From the detectors to the function: what finds, what passes it on, and what decides. */
import { isDeepStrictEqual } from 'node:util';
import type { Policies } from '../policy/policy.ts';
import { runPolicyTests } from '../policy/run-tests.ts';
import { eventRules } from '../policy/event-rules.ts';
import { formatProblem } from '../policy/problems.ts';
import type { RuleReading } from '../aws/readiness-stack.ts';
import { watchRules } from '../stack/watch.ts';
import {
  defineCheck,
  deployCommand,
  notReady,
  ok,
  prefixOf,
  warning,
  type Check,
  type Room,
  type Verdict,
} from './check.ts';
import { ALIAS } from './functions.ts';

const guardDuty = defineCheck({
  name: 'guardduty',
  permission: 'guardduty:GetDetector',
  read: ({ readings }) => readings.account.detectors(),
  judge(detectors, { region }) {
    if (detectors.length === 0)
      return notReady(`GuardDuty has no detector in ${region}: it finds nothing`, `enable GuardDuty in ${region}`);
    return detectors.map(({ detectorId, isEnabled, frequency }) => {
      if (!isEnabled)
        return notReady(`GuardDuty detector ${detectorId} is suspended: it finds nothing`, `enable it in ${region}`);
      if (frequency === 'FIFTEEN_MINUTES')
        return ok(`GuardDuty detector ${detectorId} repeats findings every 15 minutes`);
      return warning(
        `GuardDuty detector ${detectorId} tells of a finding's further occurrences only every ${frequency === 'ONE_HOUR' ? 'hour' : '6 hours'}`,
        `aws guardduty update-detector --region ${region} --detector-id ${detectorId} --finding-publishing-frequency FIFTEEN_MINUTES`,
      );
    });
  },
});

const policies: Check = {
  name: 'policies',
  permission: '',
  run: async (room) => {
    if ('problems' in room.policies) {
      const { problems } = room.policies;
      return problems.map((problem) => notReady(formatProblem(problem), 'npx secresponse policy check'));
    }
    const failures = runPolicyTests(room.policies.policies, room.policies.tests);
    if (failures.length > 0)
      return failures.map((failure) => notReady(formatProblem(failure), 'npx secresponse policy check'));
    const { limits } = room.policies.policies.default;
    const of = (count: number | null, what: string): string => `${count === null ? 'any number of' : count} ${what}`;
    return [
      ok(
        `valid, their tests pass; limits: ${of(limits.quarantinesPerHour, 'quarantines an hour')}, ` +
          `${of(limits.quarantinesPerDay, 'a day')}, ${of(limits.collectionsPerHour, 'collections an hour')}, ` +
          `${limits.groupShare} % of a group, ${limits.reservePerHour} more an hour for critical findings`,
      ),
    ];
  },
};

interface Rules {
  rules: RuleReading[];
  targets: Map<string, string[]>;
}

const rules = defineCheck<Rules>({
  name: 'rules',
  permission: 'events:ListRules, events:ListTargetsByRule',
  async read(room) {
    const found = await room.readings.rules.rules(prefixOf(room));
    const targets = found.map(async ({ name }) => [name, await room.readings.rules.targets(name)] as const);
    return { rules: found, targets: new Map(await Promise.all(targets)) };
  },
  judge(found, room) {
    if ('problems' in room.policies)
      return warning('not compared with the policies, which have problems', 'see policies');
    const expected = expectedRules(room, room.policies.policies);
    const missing = expected.find(({ isOptional, name }) => isOptional && !ruleOf(name, found, room));
    const wrong = expected.filter((rule) => rule !== missing).flatMap((rule) => judgeRule(rule, found, room));
    const surplus = found.rules
      .filter(
        ({ pattern, name }) => pattern !== null && isDetectorRule(name, room) && !isExpected(name, expected, room),
      )
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
    return [
      ok(`${count} rules as the policies and the stack have them, enabled, each with its function as target`),
      ...unwatched,
      ...surplus,
    ];
  },
});

interface ExpectedRule {
  name: string;
  /** Null: it comes by the clock. */
  pattern: object | null;
  /** How its target ends. */
  target: string;
  /** A parameter of the stack leaves it out. */
  isOptional?: true;
}

function expectedRules(room: Room, compiled: Policies): ExpectedRule[] {
  const prefix = prefixOf(room);
  const responder = `:function:${prefix}responder:${ALIAS}`;
  return [
    ...eventRules(compiled).map(({ name, pattern }) => ({ name, pattern, target: responder })),
    { name: 'drift', pattern: null, target: responder },
    ...watchRules(prefix.slice(0, -1), 'on').map(({ name, source }): ExpectedRule => {
      const target = `:function:${prefix}watcher`;
      return 'pattern' in source
        ? { name, pattern: source.pattern, target }
        : { name, pattern: null, target, isOptional: true };
    }),
  ];
}

function ruleOf(name: string, found: Rules, room: Room): RuleReading | undefined {
  return found.rules.find((one) => one.name === `${prefixOf(room)}${name}`);
}

function judgeRule({ name, pattern, target }: ExpectedRule, found: Rules, room: Room): Verdict[] {
  const whole = `${prefixOf(room)}${name}`;
  const rule = ruleOf(name, found, room);
  if (!rule) return [notReady(`there is no rule ${whole}`, deployCommand(room))];
  const problems = [];
  if (!rule.isEnabled)
    problems.push(
      notReady(`rule ${whole} is disabled`, `aws events enable-rule --region ${room.region} --name ${whole}`),
    );
  if (pattern === null ? rule.schedule === null : !isPattern(rule.pattern, pattern))
    problems.push(notReady(`rule ${whole} admits other events than it is for`, deployCommand(room)));
  if (!(found.targets.get(whole) ?? []).some((arn) => arn.endsWith(target)))
    problems.push(notReady(`rule ${whole} does not start ${target.replace(':function:', '')}`, deployCommand(room)));
  return problems;
}

function isPattern(text: string | null, pattern: object): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(text ?? ''), JSON.parse(JSON.stringify(pattern)));
  } catch {
    return false;
  }
}

function isDetectorRule(name: string, room: Room): boolean {
  return /^(guardduty|inspector)(-\d+)?$/.test(name.slice(prefixOf(room).length));
}

function isExpected(name: string, expected: { name: string }[], room: Room): boolean {
  return expected.some((rule) => `${prefixOf(room)}${rule.name}` === name);
}

const stopFlag = defineCheck({
  name: 'stop-flag',
  permission: 'dynamodb:GetItem',
  needs: 'ledger',
  read: ({ aws }) => aws.ledger.control(),
  judge: ({ stopped }) =>
    stopped === null
      ? ok('findings are responded to')
      : notReady(
          `stopped since ${stopped.at} by ${stopped.by} (${stopped.reason}): new findings are parked`,
          'npx secresponse resume, then npx secresponse replay',
        ),
});

export const detection: Check[] = [guardDuty, policies, rules, stopFlag];
