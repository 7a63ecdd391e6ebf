/** One look at a containment for a terminal. */
import { clean, mapTexts } from '../notify/sanitise.ts';
import type { Verification } from '../runbook/verify.ts';

/** Foreign texts keep to their lines. */
export function verifySummary(given: Verification): string {
  const result = mapTexts(given, clean) as Verification;
  const { target, incidentId, at, drift, unread, releasing } = result;
  const lines = [
    '',
    verdict(result),
    '',
    row('Instance', `${target.instanceId} in ${target.account}, ${target.region}`),
    row('Incident', incidentId),
    row('Read', at),
  ];
  if (releasing) lines.push('', 'A release has begun to undo it: what it has put back shows as drift.');
  if (drift.length > 0) lines.push('', 'Drift', ...drift.map((one) => `  ✗ ${one.action}: ${one.description}`));
  if (unread.length > 0) lines.push('', 'Not read', ...unread.map((one) => `  ? ${one.action}: ${one.error}`));
  return `${lines.join('\n')}\n`;
}

function verdict({ target, contained, gone, working, halfContained, drift }: Verification): string {
  const { instanceId } = target;
  if (contained) return `CONTAINED  ${instanceId}: everything is as it was asked for`;
  if (gone !== undefined) return `GONE  ${instanceId}: ${gone}`;
  if (working) return `NOT KNOWN  ${instanceId}: a run works on it at this moment; look again when it has ended`;
  if (halfContained)
    return `HALF CONTAINED  ${instanceId}: complete it with \`npx secresponse respond --instance ${instanceId}\``;
  if (drift.length > 0) return `DRIFT  ${instanceId}: not everything is as it was asked for any more`;
  return `NOT KNOWN  ${instanceId}: not everything could be read`;
}

function row(label: string, text: string): string {
  return `${label.padEnd(13)} ${text}`;
}
