/** An AWS that never answers, and runs as a Lambda's in which it takes seconds to find that out. */
import { withDurableExecution, type DurableContext } from '@aws/durable-execution-sdk-js';
import type { Aws } from '../../src/aws/connect.ts';
import { defaultBudgets, type Budgets } from '../../src/runbook/budgets.ts';
import { execute, memoryStore } from '../../src/runbook/engine.ts';

/** A hundredth of the budgets, so that what never answers costs seconds. */
export const small = Object.fromEntries(
  Object.entries(defaultBudgets).map(([name, value]) => [name, name.endsWith('Ms') ? value / 100 : value]),
) as unknown as Budgets;

export const target = { account: '111122223333', region: 'eu-west-1', instanceId: 'i-0123456789abcdef0' };
const arn = `arn:aws:lambda:${target.region}:${target.account}:function:f:1/durable-execution/one/two`;

/** What a run of it is given. */
export const deps = {
  budgets: small,
  account: target.account,
  now: Date.now,
  modeCeiling: undefined,
  dryRun: false,
  executionArn: arn,
  local: false,
  startedAt: Date.now(),
} as const;

/** Gateways of which nothing ever answers but what is given. */
export function hanging(given: { [gateway: string]: object } = {}): Aws {
  const gateway = (own: object) =>
    new Proxy(own, { get: (_, name) => (Reflect.get(own, name) as unknown) ?? (() => new Promise(() => {})) });
  const plain = { collection: {}, homeRegion: target.region, dropBox: null };
  const gateways = { vault: { bucket: 'vault' }, ...given };
  return new Proxy(plain, {
    get: (_, name) =>
      name in plain ? (Reflect.get(plain, name) as unknown) : gateway((Reflect.get(gateways, name) as object) ?? {}),
  }) as unknown as Aws;
}

/** Runs it as a Lambda's. @returns how long each step took, by name. */
export async function measured(work: (ctx: DurableContext) => Promise<unknown>): Promise<Record<string, number>> {
  const store = memoryStore();
  const handler = withDurableExecution(async (_event: unknown, ctx: DurableContext) => void (await work(ctx)));
  await execute(handler, {}, { store, arn });
  return Object.fromEntries(
    (store.load()?.operations ?? [])
      .filter(({ Type }) => Type === 'STEP')
      .map(({ Name = '', StartTimestamp = 0, EndTimestamp = 0 }) => [
        Name,
        new Date(EndTimestamp).getTime() - new Date(StartTimestamp).getTime(),
      ]),
  );
}
