/** What other systems are told of an incident: names, states and numbers. No text of a finding, tag or host. Pure. */
import type { Target } from '../finding/finding.ts';
import type { IncidentResult } from '../runbook/incident.ts';
import type { ReleaseResult } from '../runbook/release-result.ts';
import type { Verification } from '../runbook/verify.ts';
import type { StateEvent } from './state-event-schema.ts';

export const STATE_EVENT = { source: 'secresponse', detailType: 'Incident State Change' } as const;

/** What an incident has come to, and what led there. */
type Outline = Pick<IncidentResult, 'incidentId' | 'target' | 'decision' | 'finding' | 'vault' | 'evidencePrefix'>;

/** A run begins to work on it. `at`: ISO 8601, UTC. */
export function stateOfBeginning(outline: Outline, state: 'opened' | 'approved', at: string): StateEvent {
  return { ...outlined(outline, at), state };
}

/** `at`: ISO 8601, UTC. Null where the incident's state has not changed: nothing was to be done, or another run does it. */
export function stateOfResponse(result: IncidentResult, at: string): StateEvent | null {
  const { status, approval, isolation } = result;
  if (status === 'ignored' || status === 'joined' || approval?.state === 'superseded') return null;
  // What was asked about and is left as it is: by whose word is the news.
  const left = approval?.state === 'denied' || approval?.state === 'expired' ? approval.state : null;
  return {
    ...outlined(result, at),
    state: status === 'collected' ? (left ?? status) : status,
    isolation: isolation && {
      verified: isolation.verified,
      secondsToIsolation: isolation.secondsToIsolation,
      establishedFlows: isolation.establishedFlows,
    },
  };
}

/** Null where nothing was done. */
export function stateOfRelease({ incidentId, status, target, at, ...result }: ReleaseResult): StateEvent | null {
  if (status === 'dry-run') return null;
  const state = status === 'released' ? 'released' : 'releasing';
  const evidence = { bucket: result.vault, prefix: result.evidencePrefix };
  return { version: 1, incidentId, state, at, ...placeOf(target), evidence };
}

/** An incident that came to its end: nothing is undone, and nothing is looked after any more. */
export interface Ending {
  incidentId: string;
  target: Target;
  /** ISO 8601, UTC. */
  at: string;
}

export function stateOfClosing({ incidentId, target, at }: Ending): StateEvent {
  return { version: 1, incidentId, state: 'closed', at, ...placeOf(target) };
}

export function stateOfDrift({
  incidentId,
  target,
  at,
}: Pick<Verification, 'incidentId' | 'target' | 'at'>): StateEvent {
  return { version: 1, incidentId, state: 'drift', at, ...placeOf(target) };
}

function outlined({ incidentId, target, decision, finding, vault, evidencePrefix }: Outline, at: string) {
  const { response, rule, dryRun } = decision;
  return {
    version: 1,
    incidentId,
    at,
    ...placeOf(target),
    decision: { response, rule, dryRun },
    finding: { source: finding.source, id: finding.id, type: finding.type, severity: finding.severity.label },
    evidence: { bucket: vault, prefix: evidencePrefix },
  } as const;
}

function placeOf({ account, region, instanceId }: IncidentResult['target']) {
  return { account, region, instanceId };
}
