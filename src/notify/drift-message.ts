/** The notification of a drift: what of a containment is not as it was asked for any more. Pure. */
import type { Verification } from '../runbook/verify.ts';
import { when } from './facts.ts';
import { fitting, SUBJECT_LENGTH, type Level } from './levels.ts';
import type { Notification } from './message.ts';
import { ascii, clean, cut, mapTexts } from './sanitise.ts';
import { bullets, row, section, wrap } from './text.ts';

export function driftMessage(verification: Verification): Notification {
  return fitting((level) => compose(verification, level));
}

function compose(verification: Verification, limits: Level): Notification {
  const shown = mapTexts(verification, (text) => cut(clean(text), limits.text)) as Verification;
  const { account, region, instanceId } = shown.target;
  const lead = shown.gone === undefined ? '[DRIFT]' : '[GONE]';
  const subject = ascii(`${lead} ${instanceId} ${account} ${region}`, SUBJECT_LENGTH);
  const text = plainText(shown, limits.items);
  const json = {
    version: 1,
    summary: sentence(shown),
    ...shown,
    drift: shown.drift.slice(0, limits.items),
    unread: shown.unread.slice(0, limits.items),
    /** What a person types to look at it, and to have it put right. */
    commands: commandsFor(shown),
  };
  const attributes = { status: shown.gone === undefined ? 'drift' : 'gone', account, region };
  const machine = JSON.stringify(json);
  const machines = ['sqs', 'lambda', 'http', 'https', 'firehose', 'email-json'].map((name) => [name, machine]);
  const message = JSON.stringify({ default: text, email: text, sms: subject, ...Object.fromEntries(machines) });
  return { subject, text, json, attributes, message };
}

function sentence({ target, gone, halfContained }: Verification): string {
  if (gone !== undefined)
    return `The quarantine of ${target.instanceId} has nothing to hold any more: ${gone}. Its incident is closed.`;
  const half = halfContained
    ? 'It is cut off in part only, and a run is started now to complete that.'
    : 'Nothing was put back: it may be the work of somebody who has a reason, or of somebody who is not to have one.';
  return `The quarantine of ${target.instanceId} is NOT as it was asked for any more. ${half}`;
}

function plainText(verification: Verification, items: number): string {
  const { incidentId, target, at, unread } = verification;
  const unreadLines = unread.map(({ action, error }) => `${action}: ${error}`);
  return [
    [...wrap(sentence(verification), ''), ''].join('\n'),
    section('WHICH INCIDENT', [
      ...row({ label: 'Incident', value: incidentId }),
      ...row({ label: 'Instance', value: `${target.instanceId} in ${target.account}, ${target.region}` }),
      ...row({ label: 'Read', value: when(at) }),
    ]),
    section('WHAT HAS CHANGED', bullets(linesOf(verification), items, 'Nothing.')),
    ...(unread.length === 0 ? [] : [section('WHAT COULD NOT BE READ', bullets(unreadLines, items, 'Nothing.'))]),
    section(
      'HOW TO GO ON',
      commandsFor(verification).map((command) => `  ${command}`),
    ),
  ].join('\n');
}

/** What a person is told, and what makes one drift differ from another. */
export function linesOf({ drift, gone }: Verification): string[] {
  return [
    ...(gone === undefined ? [] : [gone]),
    ...drift.map(({ action, description }) => `${action}: ${description}`),
  ];
}

function commandsFor({ incidentId, target, gone, releasing }: Verification): string[] {
  const release = `npx secresponse release --incident ${incidentId} --reason "..."`;
  if (gone !== undefined) return [release];
  return [
    ...(releasing ? [release] : []),
    `npx secresponse verify --incident ${incidentId}`,
    `npx secresponse respond --instance ${target.instanceId}`,
  ];
}
