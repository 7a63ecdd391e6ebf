/** The notification of a release: who put back what and why, and what was left. Pure. */
import type { ChangeResult } from '../runbook/incident.ts';
import type { ReleaseResult } from '../runbook/release-result.ts';
import { changeState, relativeKey, when } from './facts.ts';
import { fitting, SUBJECT_LENGTH, type Level } from './levels.ts';
import type { Notification } from './message.ts';
import { ascii, clean, cut, mapTexts } from './sanitise.ts';
import { bullets, item, listed, row, section, wrap } from './text.ts';
import { counted } from './verdict.ts';

export function releaseMessage(result: ReleaseResult): Notification {
  return fitting((level) => compose(result, level));
}

function compose(result: ReleaseResult, limits: Level): Notification {
  const shown = mapTexts(result, (text) => cut(clean(text), limits.text)) as ReleaseResult;
  const { target, status } = shown;
  const subject = ascii(`${lead(shown)} ${target.instanceId} ${target.account} ${target.region}`, SUBJECT_LENGTH);
  const text = plainText(shown, limits.items);
  const { notification: _notification, ...told } = shown;
  const json = {
    version: 1,
    summary: sentence(shown),
    ...told,
    changes: told.changes.slice(0, limits.items),
    records: told.records.slice(-limits.items),
    failures: told.failures.slice(0, limits.items),
    /** What a person types to have the rest done; empty where nothing is left. */
    commands: commandsFor(shown),
  };
  const attributes = { status, account: target.account, region: target.region };
  const machine = JSON.stringify(json);
  const machines = ['sqs', 'lambda', 'http', 'https', 'firehose', 'email-json'].map((name) => [name, machine]);
  const message = JSON.stringify({ default: text, email: text, sms: subject, ...Object.fromEntries(machines) });
  return { subject, text, json, attributes, message };
}

function lead(result: ReleaseResult): string {
  const failures = failuresOf(result).length;
  const mark = failures === 0 ? '' : `, ${counted(failures, 'failure')}`;
  return result.status === 'released' ? `[RELEASED${mark}]` : `[RELEASE INCOMPLETE${mark}]`;
}

function sentence({ status, target, changes }: ReleaseResult): string {
  if (status !== 'released')
    return `The release of ${target.instanceId} is INCOMPLETE: not everything was put back, or not recorded. The incident stays open; see what failed, then release it again.`;
  const done = changes.some((change) => change.status === 'done');
  const left = changes.some(
    ({ reason, verified }) => verified && reason !== undefined && reason !== 'it is so already',
  );
  return [
    `${target.instanceId} is released: ${done ? 'the recorded state before was put back and read again' : 'nothing had to be put back'}.`,
    ...(left ? ['Something was left as it is; see below.'] : []),
    'The next finding about it opens a new incident.',
  ].join(' ');
}

function plainText(result: ReleaseResult, items: number): string {
  const { incidentId, target, name, reason, by, at, changes, vault, evidencePrefix, records, manifest } = result;
  const failures = failuresOf(result);
  return [
    [...wrap(sentence(result), ''), ''].join('\n'),
    section('WHO AND WHY', [
      ...row({ label: 'Incident', value: incidentId }),
      ...row({ label: 'Instance', value: `${target.instanceId} in ${target.account}, ${target.region}` }),
      ...(name === undefined ? [] : row({ label: 'Name', value: name, foreign: true })),
      ...row({ label: 'When', value: when(at) }),
      ...row({ label: 'By', value: by ?? 'nobody said', foreign: by !== null }),
      ...row({ label: 'Reason', value: reason, foreign: true }),
    ]),
    section('WHAT WAS PUT BACK', listed(changes, items, 'changes', changeLines)),
    section('WHAT FAILED', bullets(failures, items, 'Nothing.')),
    ...(result.status === 'released'
      ? []
      : [
          section(
            'HOW TO GO ON',
            commandsFor(result).map((command) => `  ${command}`),
          ),
        ]),
    section('WHERE THE RECORD IS', [
      `  s3://${vault}/${evidencePrefix}`,
      ...records.slice(-items).map(({ key }) => `  - ${relativeKey(key, evidencePrefix)}`),
      ...(manifest
        ? [
            `  Manifest (not signed): ${relativeKey(manifest.key, evidencePrefix)}`,
            '  with the SHA-256',
            `  ${manifest.sha256}`,
          ]
        : ['  There is NO manifest of this release.']),
    ]),
  ].join('\n');
}

function changeLines(change: ChangeResult): string[] {
  const { status, description, reason } = change;
  const asked = status === 'failed' ? 'asked for: ' : '';
  const [first = '', ...more] = description.split('; ');
  const why = status !== 'failed' && reason !== undefined ? reason.split('; ') : [];
  return [
    ...item(`[${changeState(change, false)}] ${asked}${first}`),
    ...more.flatMap((part) => wrap(part, '    ')),
    ...why.flatMap((note) => wrap(`(${note})`, '    ')),
  ];
}

function commandsFor({ status, incidentId }: ReleaseResult): string[] {
  return status === 'released' ? [] : [`npx secresponse release --incident ${incidentId} --reason "..."`];
}

function failuresOf({ changes, failures }: ReleaseResult): string[] {
  return [
    ...changes
      .filter(({ status }) => status === 'failed')
      .map(({ action, reason }) => `Change ${action}: ${reason ?? 'no reason given'}`),
    ...failures.map((failure) => failure.charAt(0).toUpperCase() + failure.slice(1)),
  ];
}
