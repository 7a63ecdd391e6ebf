/** What the doctor calls ready is what the template makes: its tests' account has the same rules and alarms. */
import { beforeAll, expect, test } from '@jest/globals';
import { alarmReadings } from '../../src/aws/readiness-messages.ts';
import { ruleReadings } from '../../src/aws/readiness-stack.ts';
import { labConfig } from '../../src/lab/client.ts';
import { smallBudgets } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { readyAccount } from '../support/ready-account.ts';
import { PREFIX } from '../support/ready-stack.ts';
import { packaged, type Template } from './packaged.ts';

const local = useLocalAws();
let stack: Template;
beforeAll(async () => {
  stack = await packaged();
}, 120_000);

test('rules, what they come by and give, and alarms', async () => {
  const { account } = await readyAccount(await local.newAccount());
  const settings = { ...labConfig(account), budgets: { ...smallBudgets, callTimeoutMs: 15_000 } };
  const reading = ruleReadings(settings);
  const rules = await Promise.all(
    (await reading.rules(PREFIX)).map(async ({ name, schedule }) => {
      const [target] = await reading.targets(name);
      return { name, schedule, input: target?.input ?? null, isKept: target?.deadLetters !== null };
    }),
  );
  const made = stack.ofType('AWS::Events::Rule').map(([, { Properties }]) => {
    const [target] = Properties['Targets'] as { Input?: string; DeadLetterConfig?: object }[];
    return {
      name: Properties['Name'],
      schedule: Properties['ScheduleExpression'] ?? null,
      input: target?.Input ?? null,
      isKept: target?.DeadLetterConfig !== undefined,
    };
  });
  expect(new Set(rules)).toEqual(new Set(made));

  const alarms = (await alarmReadings(settings).alarms(PREFIX)).map(({ name }) => name);
  // The template has the API's where the API is on.
  const own = alarms.filter((name) => !name.startsWith(`${PREFIX}api-`));
  expect(new Set(own)).toEqual(
    new Set(stack.ofType('AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties['AlarmName'])),
  );
});
