/** All readings of one look, each made once: several checks share some. */
import { accountReadings } from '../aws/readiness-account.ts';
import { alarmReadings, keyReadings, queueReadings } from '../aws/readiness-messages.ts';
import { functionReadings, ruleReadings } from '../aws/readiness-stack.ts';
import { bucketReadings, tableReadings, topicReadings } from '../aws/readiness-stores.ts';
import type { Places } from '../aws/connect.ts';
import type { Budgets } from '../runbook/budgets.ts';

export type Readings = ReturnType<typeof readingsOf>;

export function readingsOf(places: Places, budgets: Budgets) {
  const home = { region: places.homeRegion, budgets };
  return {
    vault: once(bucketReadings(places.bucket, home)),
    dropBox: once(bucketReadings(places.dropBox ?? '', home)),
    topic: once(topicReadings(places.topicArn, home)),
    table: once(tableReadings(places.table, home)),
    functions: once(functionReadings(home)),
    rules: once(ruleReadings(home)),
    account: once(accountReadings(home)),
    keys: once(keyReadings(home)),
    alarms: once(alarmReadings(home)),
    queues: once(queueReadings(home)),
  };
}

/** The same readings, each made once for what it is given. */
function once<Group extends object>(readings: Group): Group {
  const made = new Map<string, unknown>();
  const entries = Object.entries(readings).map(([name, read]: [string, (...given: unknown[]) => unknown]) => [
    name,
    (...given: unknown[]): unknown => {
      const key = JSON.stringify([name, given]);
      if (!made.has(key)) made.set(key, read(...given));
      return made.get(key);
    },
  ]);
  return Object.fromEntries(entries) as Group;
}
