/** A step that returns more than 256 KB ends a durable execution: what the claim brings along is cut before that. */
import { expect, test } from '@jest/globals';
import type { Usage } from '../../src/policy/limits.ts';
import { memoryStore, type ExecutionStore } from '../../src/runbook/engine.ts';
import { incidentRoom, ledgerOf } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

function claimOf(store: ExecutionStore): string {
  const step = store.load()?.operations.find(({ Name }) => Name === 'claim');
  return step?.StepDetails?.Result ?? '';
}

test('very much is used of the limits: that does not travel, and is counted all the same', async () => {
  const room = await incidentRoom(await local.newAccount());
  const many = Array.from({ length: 3_000 }, (_, index): Usage => ({
    i: `inc-${String(index).padStart(16, '0')}`,
    at: Date.now(),
    kind: 'q',
    groups: ['tag service=shop in eu-west-1'],
  }));
  await ledgerOf(room).use(null, () => ({ next: many, answer: null }));
  const store = memoryStore();
  const incident = await room.respond(room.event(), { store });
  expect(claimOf(store)).toContain(incident.incidentId);
  expect(claimOf(store).length).toBeLessThan(10_000);
  expect(incident).toMatchObject({ status: 'awaiting-approval', decision: { approval: { heldBy: 'limit' } } });
});

test('of the run before only what is needed travels, and the ledger keeps the whole', async () => {
  const room = await incidentRoom(await local.newAccount());
  const first = await room.respond(room.event(({ detail }) => void (detail['description'] = 'x'.repeat(500))));
  const before = await ledgerOf(room).resultOf(first.incidentId);
  expect(before?.finding).toEqual(first.finding);
  const store = memoryStore();
  const again = await room.respond({ instance_id: room.world.instanceId, force: true, reason: 'look' }, { store });
  expect(again).toMatchObject({ status: 'joined', incidentId: first.incidentId });
  expect(claimOf(store)).toContain(first.manifest?.sha256);
  expect(claimOf(store)).not.toContain(first.finding.type);
  expect(await ledgerOf(room).resultOf(first.incidentId)).toEqual(before);
});
