/** The seal: one document with the hash of every object of evidence. Pure. */
import type { Target } from '../finding/finding.ts';
import type { Artifact, EvidenceResult, Snapshot } from '../runbook/incident.ts';

export interface Manifest {
  version: 1;
  incidentId: string;
  /** ISO 8601, UTC. */
  sealedAt: string;
  artifacts: Artifact[];
  snapshots: Snapshot[];
  /** Evidence that was asked for and is not here, with the reason: the manifest names its own gaps. */
  gaps: { collector: string; status: 'skipped' | 'failed'; reason: string }[];
  /** The seal before this one; absent on the first. */
  previous?: { key: string; sha256: string };
}

export function manifest(input: {
  incidentId: string;
  sealedAt: string;
  evidence: EvidenceResult[];
  snapshots: Snapshot[];
  previous?: { key: string; sha256: string };
}): Manifest {
  return {
    version: 1,
    incidentId: input.incidentId,
    sealedAt: input.sealedAt,
    artifacts: input.evidence.flatMap(({ artifacts }) => artifacts),
    snapshots: input.snapshots,
    gaps: input.evidence.flatMap(({ collector, status, reason }) =>
      status === 'done' ? [] : [{ collector, status, reason: reason ?? 'no reason given' }],
    ),
    ...(input.previous ? { previous: input.previous } : {}),
  };
}

/** `manifest.json`, then `manifest.2.json` and so on. */
export function numbered(name: string, run: number): string {
  if (run <= 1) return name;
  const dot = name.lastIndexOf('.');
  return `${name.slice(0, dot)}.${run}${name.slice(dot)}`;
}

/** Where everything of an incident lies. */
export function evidencePrefix({ account, region, instanceId }: Target, incidentId: string): string {
  return `evidence/${account}/${region}/${instanceId}/${incidentId}/`;
}
