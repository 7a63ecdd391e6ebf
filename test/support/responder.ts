/** The responder with policies of one's own, for events with any number of targets. */
import { createResponder, type ResponderOptions } from '../../src/handlers/responder.ts';
import { execute, memoryStore, type DurableHandler, type ExecutionStore } from '../../src/runbook/engine.ts';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import { parsed } from '../policy/policies.ts';
import { assureGranted } from './granted.ts';
import { withoutDwell } from './quick-policies.ts';
import { budgetsFor } from './budgets.ts';
import type { IncidentRoom } from './incident-room.ts';

export interface RunOptions extends Pick<ResponderOptions, 'dryRun'> {
  /** What follows `version` and `mode: enforce` in default.yml; connections are cut without a dwell unless it says so. */
  policy: string;
  store?: ExecutionStore;
  env?: Record<string, string>;
  /** An execution's in Lambda. */
  arn?: string;
}

export async function run(room: IncidentRoom, event: unknown, options: RunOptions): Promise<IncidentResult[]> {
  Object.assign(process.env, room.env);
  const { policies } = parsed([{ file: 'default.yml', text: `version: 1\nmode: enforce\n${options.policy}` }]);
  const handler = createResponder({
    policies: options.policy.includes('dwellSeconds') ? policies : withoutDwell(policies),
    budgets: budgetsFor(room.account),
    env: { ...room.env, ...options.env },
    ...(options.dryRun === undefined ? {} : { dryRun: options.dryRun }),
  }) as unknown as DurableHandler;
  const { account, region } = room.world;
  const start = room.account.proxy.calls.length;
  const { incidents } = (await execute(handler, event, {
    store: options.store ?? memoryStore(),
    account,
    region,
    ...(options.arn === undefined ? {} : { arn: options.arn }),
  })) as { incidents: IncidentResult[] };
  assureGranted('responder', room.account.proxy.calls.slice(start));
  return incidents;
}
