/** Evidence from the control plane: asked for all at once, before the first change, each collector a step of its own. */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import type { Prior } from '../aws/ledger-claim.ts';
import { collect, type CollectResult } from '../evidence/collect.ts';
import { collectors } from '../evidence/index.ts';
import { osTriage } from '../evidence/os-triage.ts';
import type { EvidenceResult } from './incident.ts';
import type { IncidentContext } from './runbook.ts';

export interface Preserved {
  /** AWS has answered every collector, or has failed to. In memory only: wait for it inside a step. */
  taken: Promise<unknown>;
  results: Promise<CollectResult[]>;
}

/** `prior`: what an earlier run of the incident has is not taken again. */
export function preserve(ctx: DurableContext, incident: IncidentContext, prior: Prior['result']): Preserved {
  const { aws, target, event, deps, incidentId, run, prefix } = incident;
  const had = (name: string) =>
    prior?.evidence.find(({ collector, status }) => collector === name && status !== 'failed' && name !== 'finding');
  const openers = new Map<string, () => void>();
  const gates = collectors.map(({ name }) => new Promise<void>((resolve) => openers.set(name, resolve)));
  const results = ctx.runInChildContext('preserve', (child) =>
    Promise.all(
      collectors.map((collector) => {
        const open = openers.get(collector.name) ?? (() => {});
        const kept = had(collector.name);
        if (kept && prior) {
          open();
          return Promise.resolve({
            evidence: kept,
            snapshots: collector.name === 'ebs-snapshots' ? prior.snapshots : [],
          });
        }
        return child
          .step(collector.name, () =>
            collect(
              collector,
              aws,
              { target, incidentId, event },
              {
                prefix,
                run,
                budgetMs: deps.budgets.collectorMs,
                now: deps.now,
                onTaken: open,
              },
            ),
          )
          .then((result) => {
            // A step that an earlier invocation completed is not run again: its result opens the gate.
            open();
            return result;
          });
      }),
    ),
  );
  // All of it may have been completed by an earlier invocation: then none of it runs again, and its result opens the gates.
  return { taken: Promise.race([Promise.all(gates), results]), results };
}

/** What a dry run says of each collector. */
export const plannedEvidence = (): EvidenceResult[] =>
  [...collectors, osTriage].map(({ name }) => ({
    collector: name,
    status: 'skipped',
    reason: 'dry run',
    artifacts: [],
  }));

/** What an earlier run of the incident brought from the host whole: it is not taken again. */
export const doneOnHost = (prior: Prior['result']): EvidenceResult | null =>
  prior?.evidence.find(({ collector, status }) => collector === osTriage.name && status === 'done') ?? null;
