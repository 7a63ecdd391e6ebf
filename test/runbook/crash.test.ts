/** `respond` is killed in the middle and started again: with its state, and with none. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import { groupsIn, incidentRoom, isIsolated, smallBudgets, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { quickPoliciesDir } from '../support/quick-policies.ts';
import { scratchFolder } from '../support/scratch.ts';

const local = useLocalAws();
const COMMAND = resolve('src/cli/secresponse.js');

const policiesDir = quickPoliciesDir();

interface Ended {
  code: number | null;
  signal: string | null;
  incident?: IncidentResult;
}

/** Runs the command; `killAt`: the AWS call at whose start it is killed, by its name and how often it was seen. */
async function respond(room: IncidentRoom, cwd: string, killAt?: { operation: string; nth: number }): Promise<Ended> {
  const { proxy } = room.account;
  const start = proxy.calls.length;
  const child = spawn(
    process.execPath,
    [COMMAND, 'respond', '--instance', room.world.instanceId, '--json', '--policies', policiesDir],
    {
      cwd,
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
        ...room.env,
        SECRESPONSE_BUDGETS: JSON.stringify({ ...smallBudgets, leaseMs: 1_500 }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const exited = new Promise<Ended>((done) => child.once('close', (code, signal) => done({ code, signal })));
  const watch = setInterval(() => {
    if (!killAt) return;
    const seen = proxy.calls.slice(start).filter(({ operation }) => operation === killAt.operation).length;
    if (seen >= killAt.nth) child.kill('SIGKILL');
  }, 2);
  const ended = await exited;
  clearInterval(watch);
  if (killAt && ended.signal !== 'SIGKILL') throw new Error(`ended before it could be killed: ${err}`);
  if (!killAt && ended.code === 2) throw new Error(err);
  return out === ''
    ? ended
    : { ...ended, incident: (JSON.parse(out) as { incidents: IncidentResult[] }).incidents[0] as IncidentResult };
}

const points: [string, number][] = [
  ['UpdateItem', 1], // the claim
  ['UpdateItem', 2], // `from`
  ['CreateSecurityGroup', 1],
  ['CreateSnapshots', 1],
  ['RevokeSecurityGroupEgress', 1],
  ['ModifyNetworkInterfaceAttribute', 1],
  ['AuthorizeSecurityGroupIngress', 1], // the open group
  ['ModifyNetworkInterfaceAttribute', 7], // among the moves in and out of it
  ['DisassociateIamInstanceProfile', 1],
  ['Publish', 1],
];

test.each(points)('killed at %s (%i) and started again: complete, one set of snapshots', async (operation, nth) => {
  // Slow enough for the kill to come before the answer.
  const room = await incidentRoom(await local.newAccount({ latencyMs: 30 }));
  const cwd = scratchFolder();
  const killed = await respond(room, cwd, { operation, nth });
  expect(killed.signal).toBe('SIGKILL');
  const { code, incident } = await respond(room, cwd);
  expect(code).toBe(0);
  expect(incident).toMatchObject({ status: 'quarantined', failures: [] });
  const reading = await room.reading();
  expect(isIsolated(reading, room.world)).toBe(true);
  expect(reading.snapshots).toHaveLength(2);
  expect(groupsIn(incident?.changes.find(({ action }) => action === 'quarantine-network')?.from)).toEqual(
    room.world.groupIds,
  );
});

test('killed after the network change and started with no state: waits for the lease, and `from` is the original', async () => {
  const room = await incidentRoom(await local.newAccount({ latencyMs: 30 }));
  const cwd = scratchFolder();
  await respond(room, cwd, { operation: 'Publish', nth: 1 });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  rmSync(join(cwd, '.secresponse'), { recursive: true });
  const { code, incident } = await respond(room, cwd);
  expect(code).toBe(0);
  expect(incident?.status).toBe('quarantined');
  const from = (name: string) => incident?.changes.find(({ action }) => action === name)?.from;
  expect(groupsIn(from('quarantine-network'))).toEqual(room.world.groupIds);
  expect(from('instance-profile')).toEqual({ profiles: [room.world.instanceProfileArn] });
  expect(from('termination-protection')).toEqual({ enabled: false });
  expect((await room.reading()).snapshots).toHaveLength(2);
});
