/** An incident's result before anything was done, and the ends that need nothing more. */
import { createHash } from 'node:crypto';
import type { Target } from '../finding/finding.ts';
import type { Decision } from '../policy/decision.ts';
import type { IncidentResult } from './incident.ts';
import type { IncidentContext } from './runbook.ts';

export function blank(incident: IncidentContext, decision: Decision): IncidentResult {
  const { account, region, instanceId } = incident.target;
  return {
    incidentId: incident.incidentId,
    status: 'failed',
    target: { account, region, instanceId },
    decision,
    evidence: [],
    snapshots: [],
    changes: [],
    isolation: null,
    ...(incident.approved ? { approval: incident.approved.result } : {}),
    notification: { status: 'skipped', reason: 'nothing to tell' },
    residualRisks: [],
    failures: [...incident.left],
    instance: null,
    finding: incident.finding,
    evidencePrefix: incident.prefix,
    vault: incident.aws.vault.bucket,
    startedAt: '',
  };
}

export function ended(incident: IncidentContext, decision: Decision, with_: Partial<IncidentResult>): IncidentResult {
  return { ...blank(incident, decision), startedAt: new Date(incident.deps.startedAt).toISOString(), ...with_ };
}

/** The same execution gives the same target the same id, however often it is started. */
export function newIncidentId(executionArn: string, target: Target): string {
  const text = `${executionArn}|${target.account}|${target.region}|${target.instanceId}`;
  return `inc-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}
