/** All readings of one look, each made once: several checks share some. */
import { accountReadings } from '../aws/readiness-account.ts';
import { functionReadings, ruleReadings } from '../aws/readiness-stack.ts';
import { bucketReadings, tableReadings, topicReadings } from '../aws/readiness-stores.ts';
import type { Places } from '../aws/connect.ts';
import type { Budgets } from '../runbook/budgets.ts';

export type Readings = ReturnType<typeof readingsOf>;

export function readingsOf(places: Places, budgets: Budgets) {
  const home = { region: places.homeRegion, budgets };
  const functions = functionReadings(home);
  const table = tableReadings(places.table, home);
  return {
    vault: bucketReadings(places.bucket, home),
    dropBox: bucketReadings(places.dropBox ?? '', home),
    topic: topicReadings(places.topicArn, home),
    table: { ...table, description: once(() => table.description()) },
    functions: { ...functions, configuration: once((name: string) => functions.configuration(name)) },
    rules: ruleReadings(home),
    account: accountReadings(home),
  };
}

function once<Given extends string[], Answer>(read: (...given: Given) => Promise<Answer>) {
  const made = new Map<string, Promise<Answer>>();
  return (...given: Given): Promise<Answer> => {
    const name = given.join(' ');
    const answer = made.get(name) ?? read(...given);
    made.set(name, answer);
    return answer;
  };
}
