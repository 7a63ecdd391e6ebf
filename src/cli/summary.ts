/** One incident for a terminal. */
import { wayLine } from '../notify/facts.ts';
import { presentable } from '../notify/sanitise.ts';
import type { IncidentResult } from '../runbook/incident.ts';
import { fellShort } from '../runbook/plan.ts';

const MARK = { done: '✓', skipped: '–', failed: '✗' } as const;

/** Foreign texts keep to their lines. */
export function summary(result: IncidentResult): string {
  const incident = presentable(result, 2_000);
  const { target, decision, finding, isolation } = incident;
  const lines = [
    '',
    verdict(incident),
    '',
    row('Finding', `${finding.type}, severity ${finding.severity.score ?? finding.severity.label}: ${finding.title}`),
    row('Instance', `${target.instanceId} in ${target.account}, ${target.region}${name(incident)}`),
    row(
      'Decision',
      `${decision.response}${decision.dryRun ? ' (dry run: nothing was changed)' : ''}, rule ${decision.rule}`,
    ),
    ...decision.reasons.map((reason) => row('', reason)),
    row('Incident', incident.incidentId),
  ];
  if (incident.evidence.length > 0) {
    lines.push('', 'Evidence');
    for (const { collector, status, reason, artifacts } of incident.evidence) {
      lines.push(`  ${MARK[status]} ${collector}${reason === undefined ? '' : `: ${reason}`}`);
      for (const { key, bytes, sha256 } of artifacts)
        lines.push(`      s3://${incident.vault}/${key}  ${bytes} bytes  sha256 ${sha256.slice(0, 16)}…`);
    }
    for (const { snapshotId, volumeId, state } of incident.snapshots)
      lines.push(`      ${snapshotId} of ${volumeId} (${state})`);
    if (incident.manifest) lines.push(`  ✓ sealed: s3://${incident.vault}/${incident.manifest.key}`);
  }
  if (incident.changes.length > 0) {
    lines.push('', 'Changes');
    for (const { status, description, reason, verified } of incident.changes) {
      const said = reason === undefined ? '' : ` (${reason})`;
      lines.push(`  ${MARK[status]} ${description}${verified ? ', verified' : ''}${said}`);
    }
  }
  if (isolation) {
    const after = isolation.secondsToIsolation;
    lines.push(
      '',
      isolation.verified
        ? `Isolation verified by a second reading, ${after} s after the start`
        : 'Isolation NOT verified',
    );
    const way = wayLine(incident);
    if (way !== null) lines.push(`Cut off ${way}`);
  }
  if (incident.residualRisks.length > 0)
    lines.push('', 'Not known, or left open', ...incident.residualRisks.map((risk) => `  · ${risk}`));
  if (incident.failures.length > 0) lines.push('', 'Failed', ...incident.failures.map((failure) => `  ✗ ${failure}`));
  const { notification } = incident;
  lines.push(
    '',
    row(
      'Notification',
      notification.status === 'done'
        ? `sent, message ${notification.messageId}`
        : `${notification.status}: ${notification.reason}`,
    ),
  );
  return `${lines.join('\n')}\n`;
}

function verdict(incident: IncidentResult): string {
  const id = incident.target.instanceId;
  switch (incident.status) {
    case 'quarantined':
      return `QUARANTINED  ${id} is isolated, verified${fellShort(incident) ? '; other parts FAILED, see below' : ''}`;
    case 'collected':
      return `COLLECTED  evidence of ${id}; the instance was not changed${fellShort(incident) ? '; parts FAILED, see below' : ''}`;
    case 'notified':
      return incident.decision.dryRun
        ? `DRY RUN  ${id}: nothing was changed`
        : `NOTIFIED  about ${id}; nothing was changed`;
    case 'ignored':
      return `IGNORED  ${id}`;
    case 'joined':
      return `JOINED  the open incident on ${id}; nothing more was done`;
    case 'awaiting-approval':
      return `AWAITING APPROVAL  ${id} is not isolated`;
    case 'failed':
      return incident.isolation ? `FAILED  ${id} is NOT shown to be isolated` : `FAILED  ${id}`;
  }
  return incident.status satisfies never;
}

function name(incident: IncidentResult): string {
  const of = incident.instance?.name;
  return of === undefined ? '' : ` (${of})`;
}

function row(label: string, text: string): string {
  return `${label.padEnd(13)} ${text}`;
}
