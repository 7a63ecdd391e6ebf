/** A request by finding id: read from GuardDuty once, then decided like the finding. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { memoryStore, type ExecutionStore } from '../../src/runbook/engine.ts';
import { fakeGuardDuty, type FakeGuardDuty } from '../support/fake-guardduty.ts';
import { incidentRoom, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { run } from '../support/responder.ts';

const local = useLocalAws();
const HIGH = 'rules: [{ id: high, when: { source: guardduty, severity: { gte: 7 } }, respond: notify }]';
const QUARANTINE = 'rules: [{ id: high, when: { severity: 8 }, respond: quarantine }]\nprotect: { tags: [Name] }';
let guardDuty: FakeGuardDuty;

beforeAll(async () => {
  guardDuty = await fakeGuardDuty({});
  process.env['AWS_ENDPOINT_URL_GUARDDUTY'] = guardDuty.endpoint;
});
afterAll(() => guardDuty.stop());

/** A room whose finding GuardDuty knows. */
async function roomWithFinding(): Promise<{ room: IncidentRoom; id: string }> {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 1, volumes: 1 });
  const detail = room.event().detail as { id: string };
  guardDuty.detectors = { d0d0: [detail] };
  guardDuty.calls.length = 0;
  return { room, id: detail.id };
}

test('it is decided like the finding, which is what the evidence holds', async () => {
  const { room, id } = await roomWithFinding();
  const [incident] = await run(room, { finding_id: id }, { policy: HIGH.replace('notify', 'collect') });
  expect(incident).toMatchObject({
    status: 'collected',
    decision: { response: 'collect', rule: 'high', dryRun: false },
    finding: { source: 'guardduty', id, severity: { score: 8 } },
  });
  expect(await room.object('finding.json')).toMatchObject({ Id: id, Severity: 8 });
});

test('it is under the ceiling of the mode, unlike a request by instance id', async () => {
  const { room, id } = await roomWithFinding();
  const env = { SECRESPONSE_MODE: 'observe' };
  const [incident] = await run(room, { finding_id: id, detector_id: 'd0d0' }, { policy: HIGH, env });
  expect(incident?.decision).toMatchObject({ response: 'notify', dryRun: true });
  expect(guardDuty.calls).toEqual(['POST /detector/d0d0/findings/get']);
});

test.each<[object, object, string]>([
  [{}, { response: 'collect', dryRun: true }, 'collect at most'],
  [{ force: true, reason: 'confirmed' }, { response: 'quarantine', dryRun: true }, 'overridden by force: confirmed'],
])('dryRun, force and reason are obeyed: %j', async (asked, decision, reason) => {
  const { room, id } = await roomWithFinding();
  const [incident] = await run(room, { finding_id: id, dryRun: true, ...asked }, { policy: QUARANTINE });
  expect(incident?.decision).toMatchObject(decision);
  expect(incident?.decision.reasons.join(' ')).toContain(reason);
});

test('a replay does not read it again', async () => {
  const { room, id } = await roomWithFinding();
  const store = memoryStore();
  const [first] = await run(room, { finding_id: id }, { policy: HIGH, store });
  expect(guardDuty.calls).toHaveLength(2);
  const resumed = interruptedAfter('look-up', store);
  guardDuty.detectors = {};
  const [second] = await run(room, { finding_id: id }, { policy: HIGH, store: resumed });
  expect(second).toMatchObject({ incidentId: first?.incidentId, status: 'notified', finding: { id } });
  expect(guardDuty.calls).toHaveLength(2);
});

test('what GuardDuty does not know ends the execution with the reason, and nothing is done', async () => {
  const { room } = await roomWithFinding();
  const start = room.account.proxy.calls.length;
  await expect(run(room, { finding_id: 'other' }, { policy: HIGH })).rejects.toThrow(
    `finding_id: detector d0d0 in ${room.world.region} knows no finding other`,
  );
  await expect(run(room, { finding_id: 'other', detector_id: 'x' }, { policy: HIGH })).rejects.toThrow(
    'finding_id: other could not be read from GuardDuty: BadRequestException: The detector is not owned by the account.',
  );
  expect(room.calls(start)).toEqual([]);
});

/** The state as a process leaves it that dies after a step. */
function interruptedAfter(step: string, store: ExecutionStore): ExecutionStore {
  const state = store.load();
  if (state === null) throw new Error('nothing was stored');
  const { done: _done, ...going } = state;
  const copy = memoryStore();
  copy.save({ ...going, operations: state.operations.filter(({ Name }) => Name === step) });
  return copy;
}
