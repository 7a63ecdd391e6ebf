/** What containment has come to: every change, the isolation, and what stays open. Pure. */
import type { Action } from '../containment/action.ts';
import { quarantineNetwork } from '../containment/quarantine-network.ts';
import { besides, type Outcome, type Part } from './beside.ts';
import { changeResult, planOf, type ByAction, type Ready } from './change.ts';
import { contextOf } from './context.ts';
import type { ChangeResult, EvidenceResult, Isolation } from './incident.ts';
import type { NetworkOutcome } from './network.ts';
import type { Observation } from './observe.ts';
import { managedByDefault } from './plan.ts';
import type { IncidentContext } from './runbook.ts';

export interface Containment {
  changes: ChangeResult[];
  isolation: Isolation | null;
  failures: string[];
  /** What stays open although all is as asked, for people. */
  risks: string[];
  /** The plans as objects of evidence; null where there was nothing to plan. */
  plan: EvidenceResult | null;
  /** What was taken from the host itself, or why nothing was. */
  host: EvidenceResult;
}

export const NOT_VERIFIED: Isolation = { verified: false, establishedFlows: 'may-continue', secondsToIsolation: null };

export function summed(
  incident: IncidentContext,
  observed: Observation,
  network: NetworkOutcome,
  parts: readonly Part[],
  host: EvidenceResult,
): Containment {
  const { cut, route, verified } = network;
  const context = contextOf(incident);
  // A later part has the last word.
  const readiness: ByAction<Ready> = Object.assign({}, ...parts.map(({ plan }) => plan.ready));
  const outcomes: ByAction<Outcome> = Object.assign({}, ...parts.map((part) => part.outcomes));
  const all: { action: Action; ready: Ready; outcome: Outcome }[] = [
    ...besides.map((action) => ({
      action,
      ready: readiness[action.name] as Ready,
      outcome: outcomes[action.name] as Outcome,
    })),
    { action: quarantineNetwork, ready: network.ready, outcome: network },
  ];
  const changes = all.map(({ action, ready, outcome }) =>
    changeResult(planOf(action, incident, ready), outcome.written, outcome.verified, action),
  );
  const notes = all.flatMap(({ outcome }) => outcome.verified.note ?? []);
  const risks = all.flatMap(({ action, outcome }, index) => {
    const to = outcome.verified.state ?? changes[index]?.to ?? null;
    return to === null ? [] : (action.risks?.(changes[index]?.from ?? null, to, context) ?? []);
  });
  const prepared = verified.prepared as { notes?: string[] } | null;
  return {
    changes,
    isolation: {
      ...(verified.verified
        ? {
            verified: true,
            establishedFlows: cut.attempted ? 'cut-attempted' : 'may-continue',
            secondsToIsolation: secondsBetween(observed.startedAt, verified.at),
            verifiedAt: new Date(verified.at).toISOString(),
          }
        : NOT_VERIFIED),
      ...(network.written ? { cutOffAt: network.written.at } : {}),
      flows: cut.note,
      ...route,
    },
    failures: [
      ...network.failures,
      ...parts.flatMap(({ plan }) => plan.failures),
      ...notes,
      ...cut.failures,
      ...(prepared?.notes ?? []),
    ],
    risks: [...new Set([...risks, ...managedByDefault(observed, changes)])],
    plan: parts.reduce((one, { plan }) => asOne(one, plan.plan), network.plan),
    host,
  };
}

/** Null where the clock was put back meanwhile: nobody knows then how long it took. */
function secondsBetween(from: number, to: number): number | null {
  return to < from ? null : Math.round(to - from) / 1000;
}

/** What isolation cannot wait for is planned by itself: two objects, one entry. */
function asOne(one: EvidenceResult, other: EvidenceResult): EvidenceResult {
  const reasons = [one, other].flatMap(({ reason }) => reason ?? []);
  return {
    collector: one.collector,
    status: one.status === 'failed' ? one.status : other.status,
    ...(reasons.length === 0 ? {} : { reason: [...new Set(reasons)].join('; ') }),
    artifacts: [...one.artifacts, ...other.artifacts],
  };
}
