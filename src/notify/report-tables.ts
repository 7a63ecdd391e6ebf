/** The tables of the report. On a phone each row becomes a block, its cells labelled by their column. Pure. */
import type { ChangeResult, EvidenceResult, IncidentResult, Json } from '../runbook/incident.ts';
import { changeState, relativeKey, size, totals, when } from './facts.ts';
import { markup, type Content, type Markup } from './html.ts';
import { grouped } from './sanitise.ts';
import { counted } from './verdict.ts';

/** A page of more rows helps nobody; the manifest has them all. */
const MOST_ROWS = 1_000;

interface Cell {
  content: Content;
  kind?: 'short' | 'number';
}

export function changesTable({ changes, decision }: IncidentResult): Content {
  if (changes.length === 0) return markup`<p>Nothing on the instance or around it was changed.</p>`;
  return table(
    'Every change with the state before and the state that was asked for',
    ['Change', 'Outcome', 'From', 'To', 'Verified'],
    changes.map((change) => [
      { content: markup`<code>${change.action}</code>${note(change.at === undefined ? '' : when(change.at))}` },
      { content: outcome(change, decision.dryRun) },
      { content: state(change.from) },
      { content: state(change.to) },
      { content: verified(change), kind: 'short' },
    ]),
    'changes',
  );
}

export function evidenceTable({ evidence, evidencePrefix }: IncidentResult): Content {
  if (evidence.length === 0) return markup`<p>None was taken in this run.</p>`;
  const all = totals(evidence);
  const caption = `${counted(all.artifacts, 'file')}, ${size(all.bytes)}`;
  return table(
    caption,
    ['Collector', 'Status', 'File and SHA-256', 'Bytes', 'Taken at'],
    evidence.flatMap((taken) => evidenceRows(taken, evidencePrefix)),
  );
}

export function snapshotsTable({ snapshots, target }: IncidentResult): Content {
  if (snapshots.length === 0) return '';
  return markup`<h3>Snapshots</h3>
${table(
  `Started in ${target.account}, ${target.region}; they complete by themselves`,
  ['Snapshot', 'Volume', 'State when started'],
  snapshots.map(({ snapshotId, volumeId, state }) => [
    { content: markup`<code>${snapshotId}</code>` },
    { content: markup`<code>${volumeId}</code>` },
    { content: state },
  ]),
)}`;
}

function evidenceRows(taken: EvidenceResult, prefix: string): Cell[][] {
  const { collector, status, reason, artifacts } = taken;
  const name = { content: markup`<code>${collector}</code>` };
  const tone = { done: 'good', skipped: 'neutral', failed: 'bad' }[status];
  const word = { done: 'taken', skipped: 'not taken', failed: 'FAILED' }[status];
  const told = { content: markup`<span class="state ${tone}">${word}</span>${note(reason ?? '')}` };
  if (artifacts.length === 0)
    return [[name, told, { content: '–' }, { content: '–', kind: 'number' }, { content: '–' }]];
  return artifacts.map(({ key, sha256, bytes, takenAt }) => [
    name,
    told,
    { content: markup`${relativeKey(key, prefix)} <code class="hash">${sha256}</code>` },
    { content: grouped(bytes), kind: 'number' },
    { content: when(takenAt) },
  ]);
}

function outcome(change: ChangeResult, dryRun: boolean): Content {
  const { status, reason } = change;
  const tone = { done: change.verified ? 'good' : 'warning', skipped: 'neutral', failed: 'bad' }[status];
  return markup`<span class="state ${dryRun ? 'neutral' : tone}">${changeState(change, dryRun)}</span>${dryRun ? '' : note(reason ?? '')}`;
}

function verified(change: ChangeResult): Content {
  if (change.verified) return markup`<span class="state good">yes</span>`;
  return change.status === 'skipped' ? '–' : markup`<span class="state bad">NO</span>`;
}

/** A state as people read it: each thing with what it has, `eni-1` above `groups: sg-a, sg-b`. */
function state(value: Json): Content {
  if (value === null) return 'not known';
  if (typeof value !== 'object' || Array.isArray(value)) return inline(value);
  const entries = Object.entries(value).slice(0, MOST_ROWS);
  if (entries.length === 0) return 'none';
  const lines = entries.map(([key, item]) => markup`<li>${entry(key, item)}</li>`);
  return markup`<ul class="lines">${lines}</ul>`;
}

function entry(key: string, item: Json): Content {
  if (item === null || typeof item !== 'object' || Array.isArray(item)) return markup`${key}: ${inline(item)}`;
  const parts = Object.entries(item).map(([name, part]) => markup`<br>${name}: ${inline(part)}`);
  return markup`<span class="whole">${key}</span>${parts}`;
}

/** An identifier is kept on one line where it fits. */
function inline(value: Json): Content {
  if (value === null) return 'not known';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'object') return markup`<span class="whole">${value}</span>`;
  if (!Array.isArray(value)) return JSON.stringify(value);
  if (value.length === 0) return 'none';
  return value.map((item, index) => markup`${index === 0 ? '' : ', '}${inline(item)}`);
}

function note(text: string): Content {
  return text === '' ? '' : markup`<span class="note">${text}</span>`;
}

/** The roles say what it is where the style takes it out of table layout. */
function table(caption: string, columns: string[], rows: Cell[][], kind = ''): Markup {
  const shown = rows.slice(0, MOST_ROWS).map((cells) => {
    const row = cells.map(
      ({ content, kind }, index) =>
        markup`<td role="cell" class="${kind ?? ''}" data-label="${columns[index] ?? ''}">${content}</td>`,
    );
    return markup`<tr role="row">${row}</tr>\n`;
  });
  const left = rows.length - shown.length;
  return markup`<table role="table" class="${kind}"><caption>${caption}</caption>
<thead role="rowgroup"><tr role="row">${columns.map((column) => markup`<th scope="col" role="columnheader">${column}</th>`)}</tr></thead>
<tbody role="rowgroup">
${shown}</tbody></table>
${left === 0 ? '' : markup`<p class="soft">… and ${grouped(left)} more, see the manifest.</p>`}`;
}
