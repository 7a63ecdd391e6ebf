/**
 * What goes into the log: names, states and numbers, picked one by one. Never a finding's text, a tag, what a host or its
 * console said, a person's reason, or a link that lets somebody in. Pure.
 */
import type { ChangeResult, IncidentResult } from '../runbook/incident.ts';
import type { ReleaseResult } from '../runbook/release-result.ts';
import type { Verification } from '../runbook/verify.ts';
import { clean, cut } from './sanitise.ts';

const LINE = 300;

export type Fields = { incidentId: string } & Record<string, unknown>;

export function responseFields(result: IncidentResult): Fields {
  const { incidentId, status, target, decision, finding, isolation, notification } = result;
  return {
    incidentId,
    status,
    ...placeOf(target),
    response: decision.response,
    rule: decision.rule,
    dryRun: decision.dryRun,
    finding: { source: finding.source, id: finding.id, type: finding.type, severity: finding.severity.label },
    evidence: result.evidence.map((part) => `${part.collector} ${part.status}`),
    artifacts: result.evidence.reduce((sum, { artifacts }) => sum + artifacts.length, 0),
    snapshots: result.snapshots.map(({ snapshotId }) => snapshotId),
    changes: result.changes.map(changeLine),
    ...(isolation && {
      isolation: {
        verified: isolation.verified,
        secondsToIsolation: isolation.secondsToIsolation,
        establishedFlows: isolation.establishedFlows,
        ...(isolation.way === undefined ? {} : { way: isolation.way }),
      },
    }),
    notification: notification.status,
    ...(notification.messageId === undefined ? {} : { messageId: notification.messageId }),
    failures: result.failures.map(shown),
    evidencePrefix: result.evidencePrefix,
  };
}

export function releaseFields(result: ReleaseResult): Fields {
  const { incidentId, status, target, changes, failures, notification, evidencePrefix } = result;
  return {
    incidentId,
    status,
    ...placeOf(target),
    changes: changes.map(changeLine),
    notification: notification.status,
    failures: failures.map(shown),
    evidencePrefix,
  };
}

export function driftFields(verification: Verification): Fields {
  const { incidentId, target, contained, drift, unread, working } = verification;
  return {
    incidentId,
    ...placeOf(target),
    contained,
    drift: drift.map(({ action }) => action),
    unread: unread.map(({ action }) => action),
    working: working === true,
    halfContained: verification.halfContained === true,
  };
}

/** An error's line, fit for the log: what comes after the `?` of a link may be a signature. */
export function shown(line: string): string {
  return cut(clean(line.replaceAll(/(https?:\/\/[^\s?]+)\?\S+/g, '$1?…')), LINE);
}

function changeLine({ action, status, verified }: ChangeResult): string {
  return `${action} ${status}${verified ? ', verified' : ''}`;
}

function placeOf({ account, region, instanceId }: IncidentResult['target']) {
  return { account, region, instanceId };
}
