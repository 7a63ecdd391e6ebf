/** A process that runs the responder for whoever started it, so that it can be killed like a Lambda. Speaks over IPC. */
import { loadPolicies } from '../../cli/policies-dir.ts';
import { createResponder } from '../../handlers/responder.ts';
import { execute, fileStore, memoryStore, type DurableHandler } from '../../runbook/engine.ts';
import type { IncidentResult } from '../../runbook/incident.ts';
import type { Policy } from '../../policy/policy.ts';
import { sweepBudgets } from './budgets.ts';

export interface Job {
  event: unknown;
  env: Record<string, string>;
  account: string;
  region: string;
  /** File with the execution's state, which a killed run leaves. Absent: in memory. */
  stateFile?: string;
  /**
   * The process kills itself once this many checkpoints have been stored, or after the last one: what runs side by side may
   * share a checkpoint, so that one run has a few less than another.
   */
  killAtCheckpoint?: number;
  /** The clock jumps by these milliseconds once this many checkpoints have been stored. */
  jump?: { atCheckpoint: number; ms: number };
}

export type Answer =
  | {
      incidents: IncidentResult[];
      checkpoints: number;
      /** Steps that had begun and not ended at one of the checkpoints: what begins and ends within one cannot be cut. */
      open: string[];
    }
  | { error: string };

const COLLECTION: Policy['collection'] = { os: 'on', budgetSeconds: 12 };
/** What the clock is off by. Whoever has got hold of `Date.now` meanwhile is told the same. */
let offsetMs = 0;
const ownClock = Date.now;
Date.now = () => ownClock() + offsetMs;

process.on('message', (job: Job) => {
  void answer(job).then((told) => process.send?.(told));
});

async function answer(job: Job): Promise<Answer> {
  // The gateways read the endpoint and the credentials where the SDK does.
  Object.assign(process.env, job.env);
  offsetMs = 0;
  let checkpoints = 0;
  const open = new Set<string>();
  const store = job.stateFile === undefined ? memoryStore() : fileStore(job.stateFile);
  try {
    const { incidents } = (await execute(responder(job.env), job.event, {
      store: {
        load: () => store.load(),
        save(state) {
          for (const { Type, Name, Status } of state.operations)
            if (Type === 'STEP' && Status === 'STARTED') open.add(Name ?? '');
          store.save(state);
        },
      },
      account: job.account,
      region: job.region,
      onCheckpoint: () => {
        checkpoints += 1;
        if (checkpoints === job.killAtCheckpoint) process.kill(process.pid, 'SIGKILL');
        const { jump } = job;
        if (checkpoints === jump?.atCheckpoint) offsetMs = jump.ms;
      },
    })) as { incidents: IncidentResult[] };
    if (job.killAtCheckpoint !== undefined) process.kill(process.pid, 'SIGKILL');
    return { incidents, checkpoints, open: [...open] };
  } catch (error) {
    return { error: String(error) };
  }
}

function responder(env: Record<string, string>): DurableHandler {
  const { policies } = loadPolicies(process.cwd());
  const own = policies.default;
  const ours = {
    ...policies,
    default: { ...own, collection: COLLECTION, containment: { ...own.containment, dwellSeconds: 0 } },
  };
  return createResponder({ policies: ours, budgets: sweepBudgets, env });
}
