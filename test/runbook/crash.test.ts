/** `respond` is killed in the middle and started again: with its state, and with none. Every place: `npm run sweep`. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import { groupsIn, incidentRoom, isIsolated, type IncidentRoom } from '../support/incident-room.ts';
import { spawned, type Ended, type KillAt } from '../support/killed.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { quickPoliciesDir } from '../support/quick-policies.ts';
import { scratchFolder } from '../support/scratch.ts';

const local = useLocalAws();

const policiesDir = quickPoliciesDir();

interface Answer extends Ended {
  incident?: IncidentResult;
}

/** Runs the command; `killAt`: where it is killed. */
async function respond(room: IncidentRoom, cwd: string, killAt?: KillAt): Promise<Answer> {
  const args = ['respond', '--instance', room.world.instanceId, '--json', '--policies', policiesDir];
  const ended = await spawned(room, cwd, args, { killAt, budgets: { leaseMs: 1_500 } });
  if (!killAt && ended.code === 2) throw new Error(ended.err);
  return ended.out === ''
    ? ended
    : { ...ended, incident: (JSON.parse(ended.out) as { incidents: IncidentResult[] }).incidents[0] as IncidentResult };
}

const points: [string, number][] = [
  ['UpdateItem', 1], // the claim
  ['CreateSnapshots', 1],
  ['ModifyNetworkInterfaceAttribute', 1],
  ['ModifyNetworkInterfaceAttribute', 7], // among the moves in and out of it
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
