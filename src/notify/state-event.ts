/** What other systems are told of an incident: names, states and numbers. No text of a finding, tag or host. Pure. */
import type { IncidentResult } from '../runbook/incident.ts';
import type { ReleaseResult } from '../runbook/release-result.ts';
import type { Verification } from '../runbook/verify.ts';
import type { StateEvent } from './state-event-schema.ts';

export const STATE_EVENT = { source: 'secresponse', detailType: 'Incident State Change' } as const;

/** `at`: ISO 8601, UTC. Null where the incident's state has not changed: nothing was to be done, or another run does it. */
export function stateOfResponse(result: IncidentResult, at: string): StateEvent | null {
  const { incidentId, status, target, decision, finding, isolation, vault, evidencePrefix } = result;
  if (status === 'ignored' || status === 'joined') return null;
  const { response, rule, dryRun } = decision;
  return {
    version: 1,
    incidentId,
    state: status,
    at,
    ...placeOf(target),
    decision: { response, rule, dryRun },
    finding: { source: finding.source, id: finding.id, type: finding.type, severity: finding.severity.label },
    isolation: isolation && {
      verified: isolation.verified,
      secondsToIsolation: isolation.secondsToIsolation,
      establishedFlows: isolation.establishedFlows,
    },
    evidence: { bucket: vault, prefix: evidencePrefix },
  };
}

/** Null where the incident stays open, or nothing was done. */
export function stateOfRelease({ incidentId, status, target, at, ...result }: ReleaseResult): StateEvent | null {
  if (status !== 'released') return null;
  const evidence = { bucket: result.vault, prefix: result.evidencePrefix };
  return { version: 1, incidentId, state: 'released', at, ...placeOf(target), evidence };
}

export function stateOfDrift({
  incidentId,
  target,
  at,
}: Pick<Verification, 'incidentId' | 'target' | 'at'>): StateEvent {
  return { version: 1, incidentId, state: 'drift', at, ...placeOf(target) };
}

function placeOf({ account, region, instanceId }: IncidentResult['target']) {
  return { account, region, instanceId };
}
