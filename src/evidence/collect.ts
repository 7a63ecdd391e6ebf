/** Runs one collector: takes, hashes, stores. Never rejects: what failed is in the result. */
import type { Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { Artifact, EvidenceResult, Snapshot } from '../runbook/incident.ts';
import type { Collector, CollectorContext } from './collector.ts';
import { numbered } from './manifest.ts';

export interface CollectOptions {
  /** `evidence/<account>/<region>/<instance>/<incident>/`. */
  prefix: string;
  /** Which run of the incident this is; a later run writes beside what an earlier one left. */
  run: number;
  budgetMs: number;
  now: () => number;
  /** Called once AWS has answered, or has failed to: the evidence can no longer be spoiled by a change. */
  onTaken: () => void;
}

export interface CollectResult {
  evidence: EvidenceResult;
  snapshots: Snapshot[];
}

export async function collect(
  collector: Collector,
  aws: Aws,
  context: CollectorContext,
  options: CollectOptions,
): Promise<CollectResult> {
  // By a clock that nobody can set: one that is put forward would leave no time to store what was taken.
  const started = performance.now();
  const artifacts: Artifact[] = [];
  const base = { collector: collector.name, artifacts };
  const taking = await attempt(options.budgetMs, collector.title, () => collector.take(aws, context));
  options.onTaken();
  if (!taking.ok) return { evidence: { ...base, status: 'failed', reason: taking.error }, snapshots: [] };

  const { taken, snapshots = [], missing: gaps = [], skipped } = taking.value;
  const missing = [...gaps];
  const takenAt = new Date(options.now()).toISOString();
  const left = Math.max(1, options.budgetMs - (performance.now() - started));
  const stored = await Promise.all(
    taken.map((object) =>
      attempt(left, `storing ${object.name}`, () =>
        aws.vault.put(options.prefix + numbered(object.name, options.run), object.body, object.contentType),
      ),
    ),
  );
  for (const [index, outcome] of stored.entries()) {
    if (outcome.ok) {
      const { key, sha256, bytes } = outcome.value;
      artifacts.push({ key, sha256, bytes, collector: collector.name, takenAt });
    } else missing.push(`${taken[index]?.name} could not be stored: ${outcome.error}`);
  }
  if (missing.length > 0) return { evidence: { ...base, status: 'failed', reason: missing.join('; ') }, snapshots };
  if (skipped !== undefined) return { evidence: { ...base, status: 'skipped', reason: skipped }, snapshots };
  return { evidence: { ...base, status: 'done' }, snapshots };
}
