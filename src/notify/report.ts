/** The report: one page that stands alone, without scripts and without anything that is fetched. Pure. */
import { createHash } from 'node:crypto';
import type { IncidentResult } from '../runbook/incident.ts';
import {
  denyCommand,
  findingRows,
  instanceUrl,
  isolateCommand,
  modeLine,
  openQuestions,
  relativeKey,
  releaseAdvice,
  SAMPLE_NOTE,
  targetRows,
  wayLine,
  when,
  type Row,
} from './facts.ts';
import { Markup, markup, type Content } from './html.ts';
import type { NoteContext } from './message.ts';
import { style } from './report-style.ts';
import { changesTable, evidenceTable, snapshotsTable } from './report-tables.ts';
import { clean, grouped, presentable } from './sanitise.ts';
import { failureLines, verdictOf } from './verdict.ts';

export interface ReportContext extends NoteContext {
  /** The console screenshot, shown in the page. */
  screenshot?: { jpegBase64: string };
}

/** Characters of one text: a page has more room than a notification, and still an end. */
const LONGEST = 10_000;
const MOST_TAGS = 100;
const MOST_COMMANDS = 100;

export function reportHtml(result: IncidentResult, context: ReportContext): string {
  const shown = presentable(result, LONGEST);
  const verdict = verdictOf(shown);
  const id = shown.target.instanceId;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${verdict.badge}: ${id}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<main>
${shown.finding.sample ? markup`<p class="sample">${SAMPLE_NOTE}</p>` : ''}
<header class="${verdict.tone}">
<span class="badge">${verdict.badge}</span>
<h1>${id}</h1>
<p class="what">${verdict.sentence}</p>
<p class="meta">Incident ${shown.incidentId} · ${modeLine(clean(context.mode))}</p>
</header>
${failed(shown)}
${section('Times', rows(times(shown)))}
<div class="pair">
${section('Finding', finding(shown))}
${section('Target', target(shown))}
</div>
${section('Decision', decision(shown))}
${section(shown.decision.dryRun ? 'Changes that would be made' : 'Changes', changesTable(shown))}
${section('Evidence', evidence(shown, context))}
${section('What is not known, or not cut off', list(openQuestions(shown), 'Nothing to add.'))}
${section('How to release', release(shown, context))}
<footer><p>Written by secresponse when the response ended; later changes of the incident are not in it.
Times are UTC. What detectors and tags say is quoted as it was found, without control characters.</p></footer>
</main>
</body>
</html>
`.text;
}

/** Nothing may be loaded or run; of styles only ours, named by its hash. */
function policy(): string {
  const hash = createHash('sha256').update(style).digest('base64');
  return `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'`;
}

function failed(result: IncidentResult): Content {
  const lines = failureLines(result);
  if (lines.length === 0) return section('What failed', markup`<p>Nothing.</p>`);
  return section('What failed', list(lines, ''), 'alarm');
}

function times(result: IncidentResult): Row[] {
  const { finding, startedAt, isolation } = result;
  const rows: Row[] = [];
  const add = (label: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') rows.push({ label, value: when(value) });
  };
  add('First seen', finding.createdAt);
  if (finding.updatedAt !== finding.createdAt) add('Last seen', finding.updatedAt);
  add('Response began', startedAt);
  const way = wayLine(result);
  if (way !== null) rows.push({ label: 'Cut off', value: way });
  if (!isolation?.verified) return rows;
  const took =
    isolation.secondsToIsolation === null ? '' : `, ${isolation.secondsToIsolation} s after the response began`;
  rows.push({ label: 'Isolation verified', value: `${when(isolation.verifiedAt ?? 'time not recorded')}${took}` });
  return rows;
}

function finding(result: IncidentResult): Content {
  const { title, description, consoleUrl } = result.finding;
  const told = findingRows(result).filter(({ label }) => !label.endsWith(' seen'));
  return markup`${rows(told)}
<blockquote><p class="title">${title}</p><p>${description}</p></blockquote>
${consoleUrl === undefined ? '' : markup`<p class="below"><a href="${consoleUrl}" rel="noreferrer">Open the finding in the AWS console</a></p>`}`;
}

function target(result: IncidentResult): Content {
  const known = new Set(['Name', 'Owner', 'owner']);
  const tags = Object.entries(result.instance?.tags ?? {}).filter(([key]) => !known.has(key));
  const more = tags.length > MOST_TAGS ? ` and ${grouped(tags.length - MOST_TAGS)} more in instance.json` : '';
  const shown = tags.slice(0, MOST_TAGS).map(([key, value]) => markup`<li><code>${key}</code> ${value}</li>`);
  const url = instanceUrl(result);
  return markup`${rows(targetRows(result))}
${url === null ? '' : markup`<p class="below"><a href="${url}" rel="noreferrer">Open the instance in the AWS console</a></p>`}
${tags.length === 0 ? '' : markup`<h3>Other tags${more}</h3>\n<ul>${shown}</ul>`}`;
}

function decision({ decision }: IncidentResult): Content {
  const dry = decision.dryRun ? ', as a dry run: nothing is changed' : '';
  return markup`<p><strong>${decision.response}</strong>${dry}, by rule <code>${decision.rule}</code>, because:</p>
${list(decision.reasons, 'No reason is recorded.')}
${decision.undecided.length === 0 ? '' : markup`<p class="soft">Not known, and taken as matching: ${decision.undecided.join(', ')}.</p>`}`;
}

function evidence(result: IncidentResult, { screenshot }: ReportContext): Content {
  const { vault, evidencePrefix, manifest } = result;
  if (result.decision.dryRun)
    return markup`<p>None was taken: this is a dry run. These would be asked for: ${result.evidence.map(({ collector }) => collector).join(', ') || 'none'}.</p>`;
  const seal = manifest
    ? markup`<p>Manifest (not signed): <code>${relativeKey(manifest.key, evidencePrefix)}</code>, SHA-256 <code>${manifest.sha256}</code></p>`
    : markup`<p>There is <strong>no manifest</strong>.</p>`;
  return markup`<p>Folder: <code>s3://${vault}/${evidencePrefix}</code></p>
${seal}
${evidenceTable(result)}
${snapshotsTable(result)}
${picture(screenshot)}`;
}

function picture(screenshot: ReportContext['screenshot']): Content {
  if (!screenshot || !/^[A-Za-z0-9+/]+={0,2}$/.test(screenshot.jpegBase64)) return '';
  return markup`<figure><img alt="The screen of the instance when the response began" src="data:image/jpeg;base64,${screenshot.jpegBase64}">
<figcaption>Console screenshot: what the instance's screen showed.</figcaption></figure>`;
}

function release(result: IncidentResult, { releaseCommand }: ReportContext): Content {
  const { text, commands, left } = releaseAdvice(result, releaseCommand, MOST_COMMANDS);
  const isolate = isolateCommand(result);
  const deny = denyCommand(result);
  return markup`<p>${text}</p>
${commands.length === 0 ? '' : markup`<pre><code>${commands.join('\n')}</code></pre>`}
${left === 0 ? '' : markup`<p>And ${grouped(left)} more; plan.json has every state before.</p>`}
${isolate === null ? '' : markup`<h3>To isolate it now</h3><p>With credentials of its account:</p><pre><code>${isolate}</code></pre>`}
${deny === null ? '' : markup`<h3>To leave it as it is</h3><pre><code>${deny}</code></pre>`}`;
}

function section(heading: string, content: Content, kind = ''): Markup {
  return markup`<section class="${kind}">
<h2>${heading}</h2>
${content}
</section>`;
}

function rows(list: Row[]): Markup {
  const shown = list.map(({ label, value, foreign }) => {
    const text = value === '' ? '(empty)' : value;
    return markup`<dt>${label}</dt><dd>${foreign ? markup`<q>${text}</q>` : text}</dd>\n`;
  });
  return markup`<dl>${shown}</dl>`;
}

function list(texts: readonly string[], none: string): Markup {
  if (texts.length === 0) return markup`<p>${none}</p>`;
  return markup`<ul>${texts.map((text) => markup`<li>${text}</li>`)}</ul>`;
}
