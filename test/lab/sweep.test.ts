/** A representative part of `npm run sweep`, and that each of its demands sees what it is for. */
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { After } from '../../src/lab/sweep/after.ts';
import { judge } from '../../src/lab/sweep/demands.ts';
import { responderProcess, type ResponderProcess } from '../../src/lab/sweep/process.ts';
import { readScene } from '../../src/lab/sweep/reading.ts';
import { createScene } from '../../src/lab/sweep/scene.ts';
import { createVictim, type Victim } from '../../src/lab/sweep/victim.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();
let victim: Victim;
let responder: ResponderProcess;
beforeAll(() => {
  victim = createVictim();
  responder = responderProcess();
});
afterAll(async () => {
  await responder.kill();
  victim.remove();
});

test('a part of it that stands for the whole: every demand holds', async () => {
  const child = spawn(process.execPath, ['src/lab/sweep/main.ts', '--part', '--json', '--at', local.endpoint], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  await new Promise((resolve) => child.once('close', resolve));
  if (out === '') throw new Error(err);
  expect(JSON.parse(out)).toEqual({
    outcomes: {
      'unmanaged: s3:* × denied': 'part',
      'unmanaged: sns:Publish × 500': 'part',
      'managed: ec2:AuthorizeSecurityGroupEgress × denied': 'part',
      'unmanaged: ec2:CreateSnapshots × answer lost': 'whole',
      'unmanaged: ec2:GetConsoleScreenshot × hangs': 'part',
      'unmanaged: ec2:GetConsoleScreenshot × late': 'whole',
      'unmanaged: dynamodb:* × denied': 'part',
      'unmanaged: ec2:DescribeNetworkInterfaces × denied': 'part',
      'unmanaged: ec2:ModifyNetworkInterfaceAttribute groups × throttled twice': 'whole',
      'managed: ec2:ModifyNetworkInterfaceAttribute groups × denied later': 'not isolated',
      'unmanaged: ec2:RevokeSecurityGroupEgress × denied': 'not isolated',
      'unmanaged: killed after checkpoint 12': 'whole',
      'unmanaged: killed after ec2:CreateSnapshots was made': 'whole',
      'managed: killed after ec2:ModifyNetworkInterfaceAttribute groups was made':
        expect.stringMatching(/^(whole|part)$/),
      'unmanaged: the clock jumps by -24 h at checkpoint 12': 'whole',
      'managed: ended every 4 s by a time-out': expect.stringMatching(/^(whole|part)$/),
    },
    broken: [],
  });
}, 300_000);

type Alter = (after: After) => void;

const change = (after: After, name: string) => {
  const found = after.incident.changes.find(({ action }) => action === name);
  if (!found) throw new Error(name);
  return found;
};
const groupOf = ({ reading }: After) => {
  const group = reading.groups[reading.interfaces[0]?.Groups?.[0]?.GroupId ?? ''];
  if (!group) throw new Error('no group');
  return group;
};
const artifactOf = ({ incident }: After) => {
  const [artifact] = incident.evidence.flatMap(({ artifacts }) => artifacts);
  if (!artifact) throw new Error('no artifact');
  return artifact;
};

/** What a run would have to look like for the demand to be broken. */
const broken: [string, Alter, RegExp][] = [
  ['isolation claimed without being there', (after) => void (groupOf(after).rules = 1), /claimed, and is not there/],
  ['isolation not claimed', ({ incident }) => void (incident.isolation = null), /told as not verified/],
  ['an interface in an open group', (after) => void (groupOf(after).kind = 'open'), /left in the open group/],
  ['a quarantine group with rules', (after) => void (groupOf(after).rules = 1), /quarantine group with rules/],
  [
    'an open group with rules',
    ({ reading }) => void (reading.groups['sg-left'] = { kind: 'open', rules: 2 }),
    /open group sg-left keeps 2 rules/,
  ],
  [
    'the collection profile left',
    ({ reading }) => void reading.profiles.push('arn:aws:iam::1:instance-profile/secresponse-collection'),
    /collection profile is left/,
  ],
  ['a change that is not there', ({ reading }) => void (reading.attributes.stop = false), /stop-protection: told as/],
  [
    'a change that was given up',
    (after) => void Object.assign(change(after, 'keep-volumes'), { verified: false, reason: 'why' }),
    /keep-volumes: not verified, though/,
  ],
  [
    'another state to go back to',
    (after) => void (change(after, 'quarantine-network').from = { eni: { groups: ['sg-other'] } }),
    /goes back to sg-other/,
  ],
  [
    'a second set of snapshots',
    ({ reading }) => void reading.snapshots.push(...structuredClone(reading.snapshots)),
    /2 snapshots of/,
  ],
  ['snapshots that are not told', ({ incident }) => void (incident.snapshots = []), /told are/],
  ['evidence that is not there', (after) => void delete after.reading.vault[artifactOf(after).key], /not in the vault/],
  ['evidence with another hash', (after) => void (artifactOf(after).sha256 = 'f'), /another hash than is told/],
  ['a collector that is not told', ({ incident }) => void incident.evidence.pop(), /is told 0 times/],
  [
    'a gap that nobody names',
    ({ incident: { evidence } }) =>
      void Object.assign(evidence.find(({ collector }) => collector === 'plan') ?? {}, {
        status: 'failed',
        reason: 'x',
      }),
    /does not name the gap plan/,
  ],
  ['no manifest', ({ incident }) => void delete incident.manifest, /there is no manifest/],
  ['no message', ({ reading }) => void (reading.messages = []), /0 messages/],
  ['two messages', ({ reading }) => void reading.messages.push(...reading.messages), /2 messages/],
  [
    'a message of something else',
    ({ reading }) => reading.messages.forEach(({ attributes }) => void (attributes['status'] = 'failed')),
    /the message says failed/,
  ],
  ['an empty ledger', ({ reading }) => void (reading.ledger = {}), /ledger does not know/],
  [
    'a claim that is kept',
    ({ reading }) =>
      Object.entries(reading.ledger).forEach(([key, item]) => {
        if (key.startsWith('target#')) item['holder'] = 'somebody';
      }),
    /claim was not given back/,
  ],
  [
    'evidence taken too late',
    ({ scene }) =>
      scene.proxy.calls.forEach((call) => {
        // A millisecond each, so that a slow machine has no part in it.
        call.startedAt = call.seq;
        call.endedAt = call.operation.startsWith('GetConsole') ? Infinity : call.seq + 1;
      }),
    /not answered before/,
  ],
  [
    'a clock that went back',
    ({ incident: { isolation } }) => void Object.assign(isolation ?? {}, { secondsToIsolation: -1 }),
    /isolated within -1 s/,
  ],
];

test('each demand sees what it is for', async () => {
  const scene = await createScene('unmanaged', { ...victim, upstream: local.endpoint });
  const answer = await responder.run(scene.job);
  const [incident] = answer && 'incidents' in answer ? answer.incidents : [];
  if (!incident) throw new Error(JSON.stringify(answer));
  const after: After = { scene, reading: await readScene(scene), incident, struck: null };
  const calls = structuredClone(scene.proxy.calls);
  await scene.stop();
  expect(judge(after)).toEqual({ outcome: 'whole', faults: [] });

  const seen = broken.map(([name, alter]) => {
    const proxy = { ...scene.proxy, calls: structuredClone(calls) };
    const altered = {
      scene: { ...scene, proxy },
      reading: structuredClone(after.reading),
      incident: structuredClone(incident),
      struck: null,
    };
    alter(altered);
    return [name, judge(altered).faults.join('; ')];
  });
  expect(seen).toEqual(broken.map(([name, , fault]) => [name, expect.stringMatching(fault)]));
}, 120_000);
