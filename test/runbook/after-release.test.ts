/** What a person has released is not isolated again without asking, whatever came in between. */
import { expect, test } from '@jest/globals';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import { incidentRoom, isIsolated, ledgerOf, type Detail, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { release, setGroups } from '../support/releaser.ts';

const local = useLocalAws();

async function releasedRoom(): Promise<{ room: IncidentRoom; first: IncidentResult }> {
  const room = await incidentRoom(await local.newAccount());
  const first = await room.respond(room.event());
  expect(first.status).toBe('quarantined');
  await release(room, { incident_id: first.incidentId, reason: 'clean' });
  return { room, first };
}

/** Seen after the release. */
const later = (room: IncidentRoom, id: string, severity: number, change: (detail: Detail) => void = () => {}) =>
  room.event(({ detail }) => {
    detail.id = id;
    detail.severity = severity;
    detail.updatedAt = new Date(Date.now() + 60_000).toISOString();
    change(detail);
  });

async function expectAsked(room: IncidentRoom, incident: IncidentResult, released: string): Promise<void> {
  expect(incident).toMatchObject({ status: 'awaiting-approval', decision: { approval: { heldBy: 'release' } } });
  expect(incident.decision.approval?.because).toContain(`incident ${released}`);
  expect(isIsolated(await room.reading(), room.world)).toBe(false);
}

test('an incident that took evidence only is open since: a high finding asks', async () => {
  const { room, first } = await releasedRoom();
  const lower = await room.respond(later(room, 'lower', 5));
  expect(lower.status).toBe('collected');
  const high = await room.respond(later(room, 'high', 8));
  expect(high.incidentId).toBe(lower.incidentId);
  await expectAsked(room, high, first.incidentId);
});

test('such an incident has come to its end since, by a word or by itself: a high finding asks', async () => {
  const { room, first } = await releasedRoom();
  const book = ledgerOf(room);
  const { account, region, instanceId } = room.world;
  const { incidentId } = await room.respond(later(room, 'lower', 5));
  const at = Date.now() + 30_000;
  await book.closeIncident({ incidentId }, { account }, { by: 'mia', reason: 'seen', at });
  await room.respond(later(room, 'lower-again', 5));
  const claim = {
    target: { account, region, instanceId },
    holder: 'a day later',
    leaseMs: 1_000,
    incidentId: 'inc-later',
    asked: 'quarantine' as const,
    insist: false,
    finding: { id: 'high', severity: 'HIGH' },
    critical: false,
    now: Date.now() + 25 * 3_600_000,
  };
  const taken = await book.claim(claim);
  expect(taken).toMatchObject({ kind: 'claimed', run: 1, released: { incidentId: first.incidentId } });
  if (taken.kind !== 'claimed') throw new Error(taken.kind);
  // Nothing came of it: neither is the release forgotten then.
  await book.withdraw(claim.target, claim.holder, taken);
  await expectAsked(room, await room.respond(later(room, 'high', 8)), first.incidentId);
});

test('a rule asked first: no time-out of the policy’s isolates it', async () => {
  const { room, first } = await releasedRoom();
  const asked = await room.respond(
    later(room, 'stolen', 9.1, (detail) => {
      detail.type = 'UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS';
      detail['resource'] = { ...(detail['resource'] as object), resourceType: 'AccessKey' };
    }),
    { lambda: true, approval: { onTimeout: 'isolate-critical' }, onCallback: async () => ({ timedOut: true }) },
  );
  expect(asked).toMatchObject({ status: 'collected', approval: { state: 'expired', heldBy: 'release' } });
  expect(asked.approval?.because).toContain(`incident ${first.incidentId}`);
  expect(isIsolated(await room.reading(), room.world)).toBe(false);
});

test('what a person has approved since is isolated again where that has drifted, without asking', async () => {
  const { room } = await releasedRoom();
  const byHand = await room.respond({ instance_id: room.world.instanceId });
  expect(byHand.status).toBe('quarantined');
  const [own = ''] = room.world.interfaceIds;

  await setGroups(room, own, room.world.groupIds[own] ?? []);
  const again = await room.respond(later(room, 'high', 8));
  expect(again).toMatchObject({ status: 'quarantined', incidentId: byHand.incidentId });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});
