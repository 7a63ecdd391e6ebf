/** The e-mail. Headings stand in the first column and foreign text never does, so that none can be forged. Pure. */
import type { ChangeResult, IncidentResult } from '../runbook/incident.ts';
import {
  changeState,
  denyCommand,
  findingRows,
  instanceUrl,
  isolateCommand,
  modeLine,
  openQuestions,
  relativeKey,
  releaseAdvice,
  SAMPLE_NOTE,
  size,
  targetRows,
  totals,
  wayLine,
  when,
  type Row,
} from './facts.ts';
import type { Limits, NoteContext } from './message.ts';
import { grouped } from './sanitise.ts';
import { counted, failureLines, verdictOf } from './verdict.ts';

const WIDTH = 76;
const LABEL = 14;

/** `result` is fit to be shown (sanitise.ts). */
export function plainText(result: IncidentResult, context: NoteContext, limits: Limits): string {
  const dryRun = result.decision.dryRun;
  return [
    head(result, context),
    section('WHAT HAPPENED', happened(result)),
    section('TO WHAT', target(result)),
    section(dryRun ? 'WHAT WOULD BE DONE (NOTHING WAS CHANGED)' : 'WHAT WAS DONE', done(result, limits)),
    section('WHAT FAILED', bullets(failureLines(result), limits.items, 'Nothing.')),
    section('WHAT IS NOT KNOWN OR NOT CUT OFF', bullets(openQuestions(result), limits.items, 'Nothing to add.')),
    section('WHERE THE EVIDENCE IS', evidence(result, limits)),
    section('HOW TO RELEASE', release(result, context, limits)),
  ].join('\n');
}

function head(result: IncidentResult, { mode }: NoteContext): string {
  const { finding, startedAt, isolation } = result;
  const seconds = isolation?.verified ? isolation.secondsToIsolation : null;
  const way = wayLine(result);
  return [
    ...(finding.sample ? [...wrap(SAMPLE_NOTE, ''), ''] : []),
    ...wrap(verdictOf(result).sentence, ''),
    '',
    `Incident: ${result.incidentId}`,
    ...wrap(modeLine(mode), ''),
    ...(startedAt === '' ? [] : [`Started: ${when(startedAt)}`]),
    ...(seconds === null ? [] : [`Isolated and verified after: ${seconds} s`]),
    ...(way === null ? [] : wrap(`Cut off: ${way}`, '')),
    '',
  ].join('\n');
}

function happened(result: IncidentResult): string[] {
  const { title, description, consoleUrl } = result.finding;
  return [
    ...findingRows(result).flatMap(row),
    ...row({ label: 'Title', value: title, foreign: true }),
    ...row({ label: 'Description', value: description, foreign: true }),
    // A link is never broken: mail programs follow what stands on one line.
    ...(consoleUrl === undefined ? [] : ['  In the console:', `  ${consoleUrl}`]),
  ];
}

function target(result: IncidentResult): string[] {
  const url = instanceUrl(result);
  return [...targetRows(result).flatMap(row), ...(url === null ? [] : ['  In the console:', `  ${url}`])];
}

function done(result: IncidentResult, limits: Limits): string[] {
  const { decision, changes, evidence, snapshots } = result;
  const lines = [
    ...row({ label: 'Decision', value: `${decision.response}, by rule "${decision.rule}"` }),
    ...bullets(decision.reasons, limits.items, 'no reason given'),
    '',
    '  Changes:',
    ...(changes.length === 0
      ? ['  None: nothing on the instance or around it was changed.']
      : listed(changes, limits.items, 'changes', (change) => changeLines(change, decision.dryRun))),
    '',
  ];
  if (decision.dryRun) {
    const names = evidence.map(({ collector }) => words(collector)).join(', ');
    return [
      ...lines,
      '  Evidence:',
      ...item(names === '' ? 'None would be taken.' : `[dry run: would be taken] ${names}`),
    ];
  }
  const taken = evidence.map(({ collector, status, reason, artifacts }) => {
    const state = { done: 'taken', skipped: 'not taken', failed: 'FAILED' }[status];
    const count = artifacts.length === 0 ? '' : `, ${counted(artifacts.length, 'file')}`;
    return `[${state}] ${words(collector)}${count}${status === 'skipped' ? ` (${reason ?? 'no reason given'})` : ''}`;
  });
  const disks = snapshots.length === 0 ? [] : [`[started] ${counted(snapshots.length, 'snapshot')} of its volumes`];
  return [...lines, '  Evidence:', ...bullets([...taken, ...disks], limits.items, 'None was taken.')];
}

/** One change; what it did to several things stands one below the other. */
function changeLines(change: ChangeResult, dryRun: boolean): string[] {
  const { status, reason, description } = change;
  const why = !dryRun && status === 'skipped' && reason !== undefined ? ` (${reason})` : '';
  const asked = status === 'failed' ? 'asked for: ' : '';
  const [first = '', ...more] = description.split('; ');
  const head = `[${changeState(change, dryRun)}] ${asked}${first}${more.length === 0 ? why : ''}`;
  return [
    ...item(head),
    ...more.flatMap((part, index) => wrap(`${part}${index === more.length - 1 ? why : ''}`, '    ')),
  ];
}

function evidence(result: IncidentResult, limits: Limits): string[] {
  const { vault, evidencePrefix, manifest, snapshots, decision, target } = result;
  if (decision.dryRun) return ['  None was taken: this is a dry run.'];
  const artifacts = result.evidence.flatMap((taken) => taken.artifacts);
  if (artifacts.length === 0 && snapshots.length === 0)
    return [
      '  None was taken in this run.',
      ...(result.status === 'joined' ? ['  The open incident has its own:', `  s3://${vault}/${evidencePrefix}`] : []),
    ];
  const all = totals(result.evidence);
  const lines = [
    `  s3://${vault}/${evidencePrefix}`,
    `  ${counted(all.artifacts, 'file')}, ${size(all.bytes)}; the full report (report.html) lies there too.`,
    ...(manifest
      ? [
          `  Manifest (not signed): ${relativeKey(manifest.key, evidencePrefix)}`,
          '  with the SHA-256',
          `  ${manifest.sha256}`,
        ]
      : ['  There is NO manifest: the hashes stand in the JSON of this notification.']),
    '',
    ...listed(
      artifacts,
      limits.artifacts,
      'files',
      ({ key, bytes }) => [`  - ${relativeKey(key, evidencePrefix)}, ${size(bytes)}`],
      manifest ? ', see the manifest' : '',
    ),
  ];
  if (snapshots.length === 0) return lines;
  return [
    ...lines,
    '',
    ...wrap(`Snapshots in ${target.account}, ${target.region}; they complete by themselves:`, '  '),
    ...listed(snapshots, limits.items, 'snapshots', ({ snapshotId, volumeId }) => [`  - ${snapshotId} of ${volumeId}`]),
  ];
}

function release(result: IncidentResult, { releaseCommand }: NoteContext, limits: Limits): string[] {
  const { text, commands, left } = releaseAdvice(result, releaseCommand, limits.items);
  const isolate = isolateCommand(result);
  const deny = denyCommand(result);
  return [
    ...wrap(text, '  '),
    ...commands.map((command) => `  ${command}`),
    ...(left > 0 ? [`  … and ${grouped(left)} more; the plan (plan.json) has every state before.`] : []),
    ...(isolate === null ? [] : ['', '  To isolate it now, with credentials of its account:', `  ${isolate}`]),
    ...(deny === null ? [] : ['', '  To leave it as it is:', `  ${deny}`]),
  ];
}

export function section(heading: string, lines: string[]): string {
  return `${heading}\n${lines.join('\n')}\n`;
}

export function row({ label, value, foreign }: Row): string[] {
  const shown = value === '' ? '(empty)' : value;
  return wrap(shown, `  ${label.padEnd(LABEL)}${foreign ? '> ' : ''}`, `  ${' '.repeat(LABEL)}${foreign ? '> ' : ''}`);
}

export function bullets(texts: string[], limit: number, none: string): string[] {
  return texts.length === 0 ? [`  ${none}`] : listed(texts, limit, 'entries', item);
}

export function item(text: string): string[] {
  return wrap(text, '  - ', '    ');
}

/** The first of a list, and how many more there are. */
export function listed<T>(
  entries: readonly T[],
  limit: number,
  noun: string,
  show: (entry: T) => string[],
  where = '',
): string[] {
  const shown = entries.slice(0, limit).flatMap(show);
  const left = entries.length - Math.min(limit, entries.length);
  if (left === 0) return shown;
  return [...shown, limit === 0 ? `  ${grouped(left)} ${noun}${where}` : `  … and ${grouped(left)} more${where}`];
}

/**
 * Lines of at most WIDTH characters; a word that is longer is broken. Mail programs make links of what looks like one, and
 * only those of ours are to be followed: they do not come through here.
 */
export function wrap(text: string, first: string, rest = first): string[] {
  const room = WIDTH - first.length;
  const piece = new RegExp(`.{1,${room}}`, 'gu');
  const pieces = text
    .replaceAll('://', '[:]//')
    .split(' ')
    .flatMap((word) => word.match(piece) ?? ['']);
  const lines: string[] = [];
  for (const part of pieces) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + part.length <= room) lines[lines.length - 1] = `${last} ${part}`;
    else lines.push(part);
  }
  return lines.map((line, index) => (index === 0 ? first : rest) + line);
}

/** `console-screenshot` → `console screenshot` */
function words(name: string): string {
  return name.replaceAll('-', ' ').replace(/^ebs\b/, 'EBS');
}
