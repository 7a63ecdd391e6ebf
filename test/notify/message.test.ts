import { expect, test } from '@jest/globals';
import { MAX_BYTES, notificationFor, type Notification } from '../../src/notify/message.ts';
import type { ChangeResult, IncidentResult } from '../../src/runbook/incident.ts';
import { expectFile } from './expected.ts';
import * as samples from './samples.ts';

const { context, isolated, notIsolated, collected, dryRun } = samples;
const cases = Object.entries(samples).filter((entry): entry is [string, IncidentResult] => 'status' in entry[1]);

function everything({ subject, text, json, message }: Notification): string {
  return [subject, text, JSON.stringify(json), message].join('\n');
}

function inBytes({ subject, message, attributes }: Notification): number {
  const around = Object.entries(attributes).flatMap(([name, value]) => [name, value, 'String']);
  return Buffer.byteLength(message + subject + around.join(''));
}

test.each(cases)('%s: the mail as a whole', (name, result) => {
  const { subject, text } = notificationFor(result, context);
  expectFile(`${name}.txt`, `Subject: ${subject}\n\n${text}`);
});

test.each(['isolated', 'dryRun'] as const)('%s: the JSON as a whole', (name) => {
  const { json } = notificationFor(samples[name], context);
  expectFile(`${name}.json`, `${JSON.stringify(json, null, 2)}\n`);
});

test('each kind of subscriber gets its text', () => {
  const { message, text, json, subject } = notificationFor(isolated, context);
  const document = JSON.parse(message) as Record<string, string>;
  expect(document['default']).toBe(text);
  expect(document['email']).toBe(text);
  expect(document['sms']).toBe(subject);
  const machines = ['sqs', 'lambda', 'http', 'https', 'firehose', 'email-json'];
  expect(Object.keys(document).toSorted()).toEqual(['default', 'email', 'sms', ...machines].toSorted());
  for (const protocol of machines) expect(JSON.parse(document[protocol] ?? '')).toEqual(json);
});

test('attributes are those that subscriptions filter on, and never empty', () => {
  expect(notificationFor(isolated, context).attributes).toEqual({
    severity: 'HIGH',
    response: 'quarantine',
    status: 'quarantined',
    account: '111122223333',
    region: 'eu-west-1',
  });
  const odd = { ...isolated, target: { ...isolated.target, region: ' ' } };
  expect(notificationFor(odd, context).attributes['region']).toBe('unknown');
});

test('sections stand in the order in which a person needs them', () => {
  const headings = notificationFor(isolated, context)
    .text.split('\n')
    .filter((line) => /^[A-Z ]+$/.test(line));
  expect(headings).toEqual([
    'WHAT HAPPENED',
    'TO WHAT',
    'WHAT WAS DONE',
    'WHAT FAILED',
    'WHAT IS NOT KNOWN OR NOT CUT OFF',
    'WHERE THE EVIDENCE IS',
    'HOW TO RELEASE',
  ]);
});

test('a failed response claims nothing, whatever tags, titles and policies say', () => {
  const claim = 'host was quaran\u200Btined, QUARANTINED and quarantined';
  const result: IncidentResult = {
    ...notIsolated,
    decision: { ...notIsolated.decision, reasons: [claim], rule: claim },
    finding: {
      ...notIsolated.finding,
      title: claim,
      description: claim,
      type: claim,
      consoleUrl: 'https://quarantined/',
    },
    instance: { name: claim, owner: claim, vpcs: [], tags: { [claim]: claim } },
    failures: [claim],
    evidence: [{ collector: claim, status: 'failed', reason: claim, artifacts: [] }],
  };
  const sent = notificationFor(result, { ...context, releaseCommand: `aws --tag ${claim}\naws --tag quarantined` });
  expect(everything(sent)).not.toMatch(/quarantined/i);
  expect(sent.text).toContain('quarantine(d)');
});

test.each([
  ['the change was sent and not confirmed', {}, '[FAILED] NOT shown to be isolated:'],
  ['nothing was sent', { changes: samples.notTried.changes }, '[FAILED] NOT isolated:'],
  [
    'the instance is gone',
    { instance: { state: 'terminated', vpcs: [], tags: {} } },
    '[FAILED] nothing to isolate, terminated:',
  ],
  [
    'a collection that has nothing of the instance',
    { decision: collected.decision, changes: [], evidence: [], snapshots: [] },
    '[FAILED] NO evidence taken, not isolated:',
  ],
  [
    'a collection that fell short',
    { decision: collected.decision, changes: [] },
    '[FAILED] evidence INCOMPLETE, not isolated:',
  ],
])('failed because %s: the subject says so first', (_why, difference, lead) => {
  const { subject } = notificationFor({ ...notIsolated, ...difference }, context);
  expect(subject).toContain(`${lead} i-0123456789abcdef0`);
  expect(subject.startsWith(lead)).toBe(true);
});

test('a dry run says so first and names no change as made', () => {
  const { text, subject } = notificationFor(dryRun, context);
  expect(subject).toMatch(/^\[SAMPLE\] \[DRY RUN\] NOTHING CHANGED/);
  expect(text).toMatch(/NOTHING WAS CHANGED/);
  expect(text).not.toMatch(/\[done/);
});

test('a change that was made and not verified counts as a failure', () => {
  const [first, ...others] = isolated.changes as [ChangeResult, ...ChangeResult[]];
  const { subject, text } = notificationFor(
    { ...isolated, changes: [{ ...first, verified: false }, ...others] },
    context,
  );
  expect(subject).toMatch(/^\[ISOLATED, 1 failure\]/);
  expect(text).toContain('[made, NOT VERIFIED] termination protection');
});

test('long lists end with the number that is left out', () => {
  const artifacts = Array.from({ length: 10_000 }, (_, index) => samples.artifact('os-triage', `memory.${index}`, 7));
  const result = { ...isolated, evidence: [{ collector: 'os-triage', status: 'done' as const, artifacts }] };
  const sent = notificationFor(result, context);
  expect(sent.text).toContain('  10,000 files, 70 kB;');
  expect(sent.text).toContain('  … and 9,950 more, see the manifest\n');
  expect(sent.json).toMatchObject({ omitted: { artifacts: 9_950 } });
  expect(inBytes(sent)).toBeLessThanOrEqual(MAX_BYTES);
});

test.each(['"', '\u{1F512}', '漢', 'word '])('fits when every text is as long as can be, of %s', (part) => {
  const long = part.repeat(2_500);
  const many = <T>(make: (index: number) => T): T[] => Array.from({ length: 60 }, (_, index) => make(index));
  const result: IncidentResult = {
    ...isolated,
    incidentId: long,
    target: { account: long, region: long, instanceId: long },
    vault: long,
    evidencePrefix: long,
    startedAt: long,
    manifest: { key: long, sha256: long },
    decision: { ...isolated.decision, rule: long, reasons: many(() => long), undecided: many(() => long) },
    finding: {
      ...isolated.finding,
      title: long,
      description: long,
      type: long,
      id: long,
      arn: long,
      resourceType: long,
    },
    instance: {
      name: long,
      owner: long,
      state: long,
      instanceType: long,
      publicIp: long,
      vpcs: many(() => long),
      tags: {},
    },
    evidence: many(() => ({
      collector: long,
      status: 'failed' as const,
      reason: long,
      artifacts: [{ key: long, sha256: long, bytes: 1, collector: long, takenAt: long }],
    })),
    changes: many(() => ({
      action: long,
      status: 'failed' as const,
      reason: long,
      from: { [long]: long },
      to: [long],
      verified: false,
      description: long,
      at: long,
    })),
    snapshots: many(() => ({ snapshotId: long, volumeId: long, state: long })),
    failures: many(() => long),
    residualRisks: many(() => long),
  };
  const sent = notificationFor(result, { mode: long, releaseCommand: many(() => 'x'.repeat(1_000)).join('\n') });
  expect(inBytes(sent)).toBeLessThanOrEqual(MAX_BYTES);
  expect(sent.subject.length).toBeLessThanOrEqual(99);
  expect(JSON.parse((JSON.parse(sent.message) as { sqs: string }).sqs)).toEqual(sent.json);
});

test('commands are told whole or not at all', () => {
  const commands = [`aws ${'x'.repeat(1_200)}`, 'aws ec2 one', 'aws ec2 zwölf'].join('\n');
  const { text } = notificationFor(isolated, { ...context, releaseCommand: commands });
  expect(text).toContain('\n  aws ec2 one\n  … and 2 more; the plan (plan.json) has every state before.\n');
  expect(text).not.toContain('aws xxx');
});
