/** How a person undoes the recorded changes: by command, or through the deployed function. Pure. */
import type { IncidentResult } from './incident.ts';

/** One way a line; empty where nothing was changed. */
export function releaseHint({ incidentId, changes }: IncidentResult): string {
  const touched = changes.some(({ status, at }) => status !== 'skipped' || at !== undefined);
  if (!touched) return '';
  const payload = JSON.stringify({ incident_id: incidentId, reason: '...' });
  return [
    `npx secresponse release --incident ${incidentId} --reason "..."`,
    `sls invoke -f release -q durable --type Event --data '${payload}'`,
  ].join('\n');
}
