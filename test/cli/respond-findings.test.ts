import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { respond } from '../../src/cli/respond.ts';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import { fakeGuardDuty, type FakeGuardDuty } from '../support/fake-guardduty.ts';
import { incidentRoom, isWrite, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { scratchFolder } from '../support/scratch.ts';
import { runCommand } from './run-command.ts';

const local = useLocalAws();
const POLICIES = new URL('../../policies', import.meta.url).pathname;
let guardDuty: FakeGuardDuty;

beforeAll(async () => {
  guardDuty = await fakeGuardDuty({});
  process.env['AWS_ENDPOINT_URL_GUARDDUTY'] = guardDuty.endpoint;
});
afterAll(() => guardDuty.stop());

async function newRoom(): Promise<IncidentRoom> {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 1, volumes: 1 });
  guardDuty.detectors = { d0d0: [room.event().detail as { id: string }] };
  return room;
}

/** `respond --event` with the document in a file, in a folder of its own. */
async function respondTo(room: IncidentRoom, document: unknown, ...args: string[]) {
  Object.assign(process.env, room.env);
  const cwd = scratchFolder();
  writeFileSync(join(cwd, 'event.json'), JSON.stringify(document));
  const command = ['--event', 'event.json', '--policies', POLICIES, '--json', ...args];
  const result = await runCommand(respond, command, { cwd, env: room.env });
  return { ...result, incidents: (JSON.parse(result.out) as { incidents: IncidentResult[] }).incidents };
}

test('--dry-run of an event says what would be done, and why nothing is', async () => {
  const room = await newRoom();
  const start = room.account.proxy.calls.length;
  const { code, incidents } = await respondTo(room, room.event(), '--dry-run');
  expect(code).toBe(0);
  expect(incidents).toMatchObject([{ status: 'notified', decision: { response: 'quarantine', dryRun: true } }]);
  expect(incidents[0]?.decision.reasons.at(-1)).toBe('Dry run: asked for.');
  expect(new Set(room.calls(start).filter(isWrite))).toEqual(new Set(['PutObject', 'Publish']));
});

test('a file that names a finding by its id is read through GuardDuty and answered', async () => {
  const room = await newRoom();
  const known = guardDuty.detectors['d0d0']?.[0]?.id;
  const { incidents } = await respondTo(room, { finding_id: known }, '--dry-run');
  expect(incidents).toMatchObject([
    { status: 'notified', target: { instanceId: room.world.instanceId }, finding: { source: 'guardduty' } },
  ]);
});

test('one that GuardDuty does not know is refused before anything starts', async () => {
  const room = await newRoom();
  const start = room.account.proxy.calls.length;
  await expect(respondTo(room, { finding_id: 'other' })).rejects.toThrow('knows no finding other');
  expect(room.calls(start)).toEqual(['GetCallerIdentity']);
});
