/** `release` as a person runs it: what it says, what it refuses, and that a killed one goes on. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { run } from '../../src/cli/main.ts';
import type { ReleaseResult } from '../../src/runbook/release-result.ts';
import { budgetsFor } from '../support/budgets.ts';
import { incidentRoom, isIsolated, isWrite, type IncidentRoom } from '../support/incident-room.ts';
import { spawned } from '../support/killed.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { ledger, restorable } from '../support/releaser.ts';
import { scratchFolder } from '../support/scratch.ts';

const local = useLocalAws();
const reason = 'false alarm: a penetration test';

interface Answer {
  code: number;
  out: string;
  err: string;
}

async function release(room: IncidentRoom, args: string[], cwd = scratchFolder()): Promise<Answer> {
  const env = { ...room.env, SECRESPONSE_BUDGETS: JSON.stringify(budgetsFor(room.account)) };
  Object.assign(process.env, env);
  const answer: Answer = { code: -1, out: '', err: '' };
  answer.code = await run(['release', ...args], {
    out: (text) => void (answer.out += text),
    err: (text) => void (answer.err += text),
    env,
    cwd,
  });
  return answer;
}

let shared: Promise<{ room: IncidentRoom; incidentId: string }> | undefined;

/** For whatever changes nothing: one is enough. */
function contained(): Promise<{ room: IncidentRoom; incidentId: string }> {
  shared ??= local.newAccount().then(async (account) => {
    const room = await incidentRoom(account);
    return { room, incidentId: (await room.respond(room.event())).incidentId };
  });
  return shared;
}

test('--incident and --json: put back, exit code 0, one JSON document with the caller as who asked', async () => {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 3 });
  const before = restorable(await room.reading());
  const { incidentId } = await room.respond(room.event());
  const { code, out } = await release(room, ['--incident', incidentId, '--reason', reason, '--json']);
  const { release: result } = JSON.parse(out) as { release: ReleaseResult };
  expect(result).toMatchObject({ incidentId, status: 'released', reason, by: expect.stringMatching(/^arn:aws:/) });
  expect(code).toBe(0);
  expect(restorable(await room.reading())).toEqual(before);
});

test('--instance says in words what was put back', async () => {
  const room = await incidentRoom(await local.newAccount());
  await room.respond(room.event());
  const { code, out } = await release(room, ['--instance', room.world.instanceId, '--reason', reason]);
  expect(code).toBe(0);
  expect(out).toContain(`RELEASED  ${room.world.instanceId}`);
  expect(out).toContain('termination protection: on → off, verified');
});

test('--dry-run changes nothing', async () => {
  const { room } = await contained();
  const start = room.account.proxy.calls.length;
  const { code, out } = await release(room, ['--instance', room.world.instanceId, '--reason', reason, '--dry-run']);
  expect(code).toBe(0);
  expect(out).toContain('nothing was changed');
  expect(room.calls(start).filter(isWrite)).toEqual([]);
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});

test('a profile that is refused: exit code 1, and the notification says how to go on', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  const heal = room.account.proxy.fault({ operation: 'AssociateIamInstanceProfile', kind: 'denied' });
  const args = ['--incident', incidentId, '--reason', reason];
  const first = await release(room, args);
  expect(first.code).toBe(1);
  expect(first.out).toContain('INCOMPLETE');
  expect(JSON.parse((await room.messages()).at(-1)?.body ?? '')).toMatchObject({
    commands: [`npx secresponse release --incident ${incidentId} --reason "..."`],
  });
  heal();
  expect((await release(room, args)).code).toBe(0);
  expect((await room.reading()).profiles).toEqual([room.world.instanceProfileArn]);
});

test('the notification of the response names the command that releases it', async () => {
  const { room, incidentId } = await contained();
  const [message] = await room.messages();
  expect(message?.body).toContain(`npx secresponse release --incident ${incidentId} --reason`);
  expect(message?.body).toContain('sls invoke -f release -q durable --type Event --data');
});

const refusals: [string, (incidentId: string, instanceId: string) => string[], RegExp][] = [
  ['no reason', (incident) => ['--incident', incident], /--reason TEXT/],
  ['an empty reason', (incident) => ['--incident', incident, '--reason', ' '], /--reason TEXT/],
  ['a reason of dots', (incident) => ['--incident', incident, '--reason', '...'], /a reason in words/],
  ['an unknown incident', () => ['--incident', 'inc-unknown', '--reason', reason], /no incident inc-unknown/],
  ['another instance', () => ['--instance', 'i-0123456789abcdef0', '--reason', reason], /no incident is open on i-0/],
  ['a malformed instance', () => ['--instance', 'i-x', '--reason', reason], /instance id/],
  ['both', (incident, instance) => ['--incident', incident, '--instance', instance, '--reason', reason], /one of/],
  ['neither', () => ['--reason', reason], /--instance i-… and --incident ID/],
  ['an unknown option', (incident) => ['--incident', incident, '--reason', reason, '--force'], /--force/],
];

test('refused in one line, with exit code 2 and no change', async () => {
  const { room, incidentId } = await contained();
  for (const [why, args, message] of refusals) {
    const start = room.account.proxy.calls.length;
    const { code, out, err } = await release(room, args(incidentId, room.world.instanceId));
    expect([why, code, out]).toEqual([why, 2, '']);
    const said = err.split('\n').filter((line) => line.startsWith('secresponse release: '));
    expect([why, said.length]).toEqual([why, 1]);
    expect(said[0]).toMatch(message);
    expect([why, room.calls(start).filter(isWrite)]).toEqual([why, []]);
  }
});

test('refused while a response to the instance lies interrupted', async () => {
  const { room } = await contained();
  const { account, region, instanceId } = room.world;
  const cwd = scratchFolder();
  const folder = join(cwd, '.secresponse', account, region, instanceId);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'x.json'), JSON.stringify({ version: 1, pid: 2 ** 22 + 1, operations: [] }));
  const { code, err } = await release(room, ['--instance', instanceId, '--reason', reason], cwd);
  expect(code).toBe(2);
  expect(err).toContain('was interrupted');
});

test.each([
  'UpdateItem',
  'ModifyNetworkInterfaceAttribute',
  'AssociateIamInstanceProfile',
  'ModifyInstanceAttribute',
  'PutObject',
  'Publish',
])('killed at %s and started again: complete', async (operation) => {
  // Slow enough for the kill to come before the answer.
  const room = await incidentRoom(await local.newAccount({ latencyMs: 30 }));
  const before = restorable(await room.reading());
  const { incidentId } = await room.respond(room.event());
  const cwd = scratchFolder();
  const args = ['release', '--instance', room.world.instanceId, '--reason', reason, '--json'];
  await spawned(room, cwd, args, { killAt: { operation } });
  const { code, out } = await spawned(room, cwd, args);
  expect(code).toBe(0);
  const { release: result } = JSON.parse(out) as { release: ReleaseResult };
  expect(result).toMatchObject({ incidentId, status: 'released', failures: [] });
  expect(result.changes.filter(({ status, verified }) => status === 'failed' || !verified)).toEqual([]);
  expect(result.changes.find(({ action }) => action === 'quarantine-network')?.status).toBe('done');
  expect(restorable(await room.reading())).toEqual(before);
  const { account, region, instanceId } = room.world;
  const items = await ledger(room);
  expect([...items.keys()]).toEqual(['control', `incident#${incidentId}`, `target#${account}#${region}#${instanceId}`]);
  expect([...items.values()].filter((item) => item['listed'] !== undefined)).toEqual([]);
});
