/** `respond` as a person runs it: what it refuses, and that nothing is changed then. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { EC2Client, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { run } from '../../src/cli/main.ts';
import { parseFinding } from '../../src/finding/parse.ts';
import { labConfig } from '../../src/lab/client.ts';
import type { BusEvent } from '../../src/lab/event-bus.ts';
import { budgetsFor } from '../support/budgets.ts';
import { incidentRoom, isIsolated, isWrite, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { quickPoliciesDir } from '../support/quick-policies.ts';
import { scratchFolder } from '../support/scratch.ts';

const local = useLocalAws();
const quick = quickPoliciesDir();

interface Answer {
  code: number;
  out: string;
  err: string;
}

async function respond(
  room: IncidentRoom,
  args: string[],
  env: Record<string, string> = {},
  policies = quick,
  cwd = scratchFolder(),
): Promise<Answer> {
  const all = { ...room.env, SECRESPONSE_BUDGETS: JSON.stringify(budgetsFor(room.account)), ...env };
  Object.assign(process.env, all);
  const answer: Answer = { code: -1, out: '', err: '' };
  answer.code = await run(['respond', ...args, '--policies', policies], {
    out: (text) => void (answer.out += text),
    err: (text) => void (answer.err += text),
    env: all,
    cwd,
  });
  return answer;
}

function file(content: unknown): string {
  const path = join(scratchFolder(), 'event.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

test('--event and --json: isolated, exit code 0, one JSON document on standard output', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { code, out } = await respond(room, ['--event', file(room.event()), '--json']);
  const { incidents } = JSON.parse(out) as { incidents: { status: string; isolation: object }[] };
  expect(incidents).toMatchObject([{ status: 'quarantined', isolation: { verified: true } }]);
  expect(code).toBe(0);
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});

test('--instance says in words what was done', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { code, out, err } = await respond(room, ['--instance', room.world.instanceId, '--reason', 'odd traffic']);
  expect(code).toBe(0);
  expect(out).toContain(`QUARANTINED  ${room.world.instanceId} is isolated, verified`);
  expect(err).toContain('quarantine-network');
});

test('--dry-run changes nothing', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { code, out } = await respond(room, ['--instance', room.world.instanceId, '--dry-run']);
  expect(code).toBe(0);
  expect(out).toContain('nothing was changed');
  expect(isIsolated(await room.reading(), room.world)).toBe(false);
});

test('an interface change that is denied ends with exit code 1', async () => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ operation: 'ModifyNetworkInterfaceAttribute', kind: 'denied' });
  const { code, out } = await respond(room, ['--instance', room.world.instanceId]);
  expect(code).toBe(1);
  expect(out).toContain('NOT shown to be isolated');
  expect(out).not.toMatch(/quarantined/i);
});

const refusals: [string, (room: IncidentRoom) => Promise<string[]> | string[], RegExp, Record<string, string>?][] = [
  ['no such instance', () => ['--instance', 'i-0123456789abcdef0'], /there is no instance i-0123456789abcdef0/],
  ['a malformed id', () => ['--instance', 'i-nonsense'], /i-nonsense|instance id/],
  ['neither instance nor event', () => [], /--instance i-… and --event FILE/],
  ['force without a reason', ({ world }) => ['--instance', world.instanceId, '--force'], /--reason/],
  ['an unknown option', ({ world }) => ['--instance', world.instanceId, '--fast'], /--fast/],
  ['a file that is not there', () => ['--event', '/nowhere/event.json'], /nowhere\/event\.json cannot be read/],
  ['a file that is no JSON', () => ['--event', file('{')], /is no JSON/],
  [
    'an unknown event',
    () => ['--event', file({ source: 'aws.health', 'detail-type': 'X', detail: {} })],
    /aws\.health/,
  ],
  [
    'another account in the envelope',
    (room) => ['--event', file(room.event((event) => void (event.account = '999988887777')))],
    /999988887777/,
  ],
  [
    'a finding of another account',
    (room) => [
      '--event',
      file(JSON.parse(JSON.stringify(room.event()).replaceAll(room.world.account, '999988887777'))),
    ],
    /999988887777/,
  ],
  [
    'a bucket that is missing',
    ({ world }) => ['--instance', world.instanceId],
    /no-such-bucket-here .*does not exist/,
    { EVIDENCE_BUCKET: 'no-such-bucket-here' },
  ],
  [
    'a table that is missing',
    ({ world }) => ['--instance', world.instanceId],
    /no-such-table .*does not exist/,
    { INCIDENT_TABLE: 'no-such-table' },
  ],
  [
    'a setting that is missing',
    ({ world }) => ['--instance', world.instanceId],
    /INCIDENT_TABLE is not set/,
    { INCIDENT_TABLE: '' },
  ],
  [
    'a budget that does not exist',
    ({ world }) => ['--instance', world.instanceId],
    /there is no budget patience/,
    { SECRESPONSE_BUDGETS: '{"patience":1}' },
  ],
  [
    'a mode that does not exist',
    ({ world }) => ['--instance', world.instanceId],
    /observe or enforce/,
    { SECRESPONSE_MODE: 'armed' },
  ],
  [
    'a terminated instance',
    async (room) => {
      const ec2 = new EC2Client(labConfig({ endpoint: room.account.endpoint }));
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [room.world.instanceId] }));
      return ['--instance', room.world.instanceId];
    },
    /is terminated/,
  ],
];

let refusing: Promise<IncidentRoom> | undefined;

/** Nothing is changed there, so one is enough for all; the row that terminates the instance is the last. */
async function refusingRoom(): Promise<IncidentRoom> {
  refusing ??= local.newAccount().then((account) => incidentRoom(account));
  return refusing;
}

test.each(refusals)('refused: %s, in one line, with exit code 2 and no change', async (...row) => {
  const [, args, message, env] = row;
  const room = await refusingRoom();
  const given = await args(room);
  const start = room.account.proxy.calls.length;
  const { code, out, err } = await respond(room, given, env);
  expect(err).toMatch(message);
  expect(err.trimEnd().split('\n')).toHaveLength(1);
  expect(code).toBe(2);
  expect(out).toBe('');
  expect(room.calls(start).filter(isWrite)).toEqual([]);
});

test('refused: a broken policy, with its place', async () => {
  const room = await incidentRoom(await local.newAccount());
  const folder = scratchFolder();
  writeFileSync(join(folder, 'default.yml'), 'version: 1\nmode: enforce\nrulez: []\n');
  const start = room.account.proxy.calls.length;
  const { code, err } = await respond(room, ['--instance', room.world.instanceId], {}, folder);
  expect(code).toBe(2);
  expect(err).toMatch(/default\.yml:3:1 .*rulez.*rules/);
  expect(room.calls(start).filter(isWrite)).toEqual([]);
});

test('one instance of several that is gone does not keep the others from being isolated', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { account, region, instanceId } = room.world;
  const gone = 'i-0123456789abcdef0';
  const sequence = JSON.parse(readFileSync('test/events/guardduty/attack-sequence.json', 'utf8')) as BusEvent;
  const named = parseFinding(sequence, {}).targets.map((target) => target.instanceId);
  let text = JSON.stringify(sequence)
    .replaceAll(named[0] ?? '', instanceId)
    .replaceAll(named[1] ?? '', gone);
  text = text.replaceAll(sequence.account ?? '', account).replaceAll(sequence.region ?? '', region);
  const { code, out } = await respond(room, ['--event', file(JSON.parse(text)), '--json']);
  const { incidents } = JSON.parse(out) as { incidents: { target: { instanceId: string }; status: string }[] };
  const statusOf = (id: string) => incidents.find(({ target }) => target.instanceId === id)?.status;
  expect([statusOf(instanceId), statusOf(gone)]).toEqual(['quarantined', 'failed']);
  expect(code).toBe(1);
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});

test('a run that ended with an error is not gone on with: the next one isolates', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { account, region, instanceId } = room.world;
  const cwd = scratchFolder();
  const folder = join(cwd, '.secresponse', account, region, instanceId);
  mkdirSync(folder, { recursive: true });
  const broken = { version: 1, arn: 'arn:x', input: {}, pid: 999_999_999, operations: [], done: { error: 'broken' } };
  writeFileSync(join(folder, 'earlier.json'), JSON.stringify(broken));
  const { code } = await respond(room, ['--instance', instanceId], {}, undefined, cwd);
  expect(code).toBe(0);
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});
