/** One release for a terminal. */
import { clean, mapTexts } from '../notify/sanitise.ts';
import type { ReleaseResult } from '../runbook/release-result.ts';

const MARK = { done: '✓', skipped: '–', failed: '✗' } as const;

/** Foreign texts keep to their lines. */
export function releaseSummary(given: ReleaseResult): string {
  const result = mapTexts(given, clean) as ReleaseResult;
  const { target, incidentId, reason, by, changes, failures, notification } = result;
  const name = result.name === undefined ? '' : ` (${result.name})`;
  const lines = [
    '',
    verdict(result),
    '',
    row('Instance', `${target.instanceId} in ${target.account}, ${target.region}${name}`),
    row('Incident', incidentId),
    row('Reason', reason),
    row('By', by ?? 'nobody said'),
    '',
    'Changes',
    ...changes.map(({ status, description, reason: why, verified }) => {
      const said = why === undefined ? '' : ` (${why})`;
      return `  ${MARK[status]} ${description}${verified ? ', verified' : ''}${said}`;
    }),
  ];
  for (const { key } of result.records) lines.push(`  ✓ recorded: s3://${result.vault}/${key}`);
  if (result.manifest) lines.push(`  ✓ sealed: s3://${result.vault}/${result.manifest.key}`);
  if (failures.length > 0) lines.push('', 'Failed', ...failures.map((failure) => `  ✗ ${failure}`));
  const sent =
    notification.status === 'done'
      ? `sent, message ${notification.messageId}`
      : `${notification.status}: ${notification.reason}`;
  return `${[...lines, '', row('Notification', sent)].join('\n')}\n`;
}

function verdict({ status, target }: ReleaseResult): string {
  switch (status) {
    case 'released':
      return `RELEASED  ${target.instanceId}; the next finding opens a new incident`;
    case 'incomplete':
      return `INCOMPLETE  ${target.instanceId}: not everything was put back; the incident stays open, release it again`;
    case 'dry-run':
      return `DRY RUN  ${target.instanceId}: nothing was changed`;
  }
  return status satisfies never;
}

function row(label: string, text: string): string {
  return `${label.padEnd(13)} ${text}`;
}
