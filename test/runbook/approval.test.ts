/** A person is asked: what is done before, and what comes of each answer. */
import { expect, test } from '@jest/globals';
import {
  answerOf,
  incidentRoom,
  isIsolated,
  ledgerOf,
  stolen,
  type Detail,
  type IncidentRoom,
} from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

test('asked by a rule and approved: evidence first, isolated only then, and who approved is told', async () => {
  const room = await incidentRoom(await local.newAccount());
  let before: boolean | undefined;
  const incident = await room.respond(stolen(room), {
    lambda: true,
    onCallback: async () => {
      before = isIsolated(await room.reading(), room.world);
      return answerOf('approve');
    },
  });
  expect(before).toBe(false);
  expect(incident).toMatchObject({
    status: 'quarantined',
    failures: [],
    approval: { state: 'approved', heldBy: 'rule', by: 'arn:aws:iam::111122223333:user/mia', reason: 'looked at it' },
  });
  const reading = await room.reading();
  expect(isIsolated(reading, room.world)).toBe(true);
  expect(reading.snapshots).toHaveLength(2);
  const [first, second] = await room.messages();
  expect(first?.attributes['status']).toBe('awaiting-approval');
  expect(first?.body).toContain(`npx secresponse approve ${incident.incidentId}`);
  expect(second?.body).toContain('Approved by arn:aws:iam::111122223333:user/mia: looked at it');
});

test('denied: not isolated, told, and findings about it start nothing', async () => {
  const room = await incidentRoom(await local.newAccount());
  const options = { lambda: true, onCallback: async () => answerOf('deny') };
  const incident = await room.respond(stolen(room), options);
  expect(incident).toMatchObject({ status: 'collected', approval: { state: 'denied', reason: 'looked at it' } });
  expect(isIsolated(await room.reading(), room.world)).toBe(false);
  expect((await room.messages()).at(-1)?.attributes['status']).toBe('denied');
  const again = await room.respond(room.event(), options);
  expect(again).toMatchObject({ status: 'joined', incidentId: incident.incidentId });
  expect(isIsolated(await room.reading(), room.world)).toBe(false);
});

test.each([
  [8, 'isolate-critical', 'collected'],
  [9.1, 'isolate-critical', 'quarantined'],
  [9.1, 'leave', 'collected'],
] as const)('nobody decides, severity %d, onTimeout %s: %s', async (severity, onTimeout, status) => {
  const room = await incidentRoom(await local.newAccount());
  const incident = await room.respond(stolen(room, severity), {
    lambda: true,
    approval: { onTimeout },
    onCallback: async () => ({ timedOut: true }),
  });
  expect(incident.status).toBe(status);
  expect(isIsolated(await room.reading(), room.world)).toBe(status === 'quarantined');
  expect(incident.approval?.state).toBe(status === 'quarantined' ? 'approved' : 'expired');
});

test('the policy approves while the responder is stopped: what is under way goes on to its end', async () => {
  const room = await incidentRoom(await local.newAccount());
  const incident = await room.respond(stolen(room, 9.1), {
    lambda: true,
    approval: { onTimeout: 'isolate-critical' },
    onCallback: async () => {
      await ledgerOf(room).stop({ by: 'mia', reason: 'maintenance', at: '2026-01-02T03:04:05.000Z' });
      return { timedOut: true };
    },
  });
  expect(incident).toMatchObject({ status: 'quarantined', approval: { state: 'approved' } });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});

test('an answer that cannot be understood isolates nothing and is told', async () => {
  const room = await incidentRoom(await local.newAccount());
  const incident = await room.respond(stolen(room, 9.1), {
    lambda: true,
    onCallback: async () => ({ result: '{"decision":"approve"}' }),
  });
  expect(incident).toMatchObject({ status: 'collected', approval: { state: 'expired' } });
  expect(incident.approval?.reason).toContain('cannot be understood');
});

const held = (room: IncidentRoom, change: (detail: Detail) => void = () => {}) =>
  room.event(({ detail }) => {
    detail.severity = 9.5;
    change(detail);
  });

test('a tag that the instance may have given itself: asked, the tag is named, and no time-out lifts it', async () => {
  const room = await incidentRoom(await local.newAccount(), { tags: { tier: 'pet' } });
  const protect = { instances: [], tags: ['tier=*'] };
  const asked = await room.respond(held(room), {
    protect,
    lambda: true,
    onCallback: async () => ({ timedOut: true }),
  });
  expect(asked).toMatchObject({
    status: 'collected',
    decision: { response: 'collect', approval: { heldBy: 'protection' } },
  });
  expect(asked.approval?.because).toContain('tier=pet');
  expect(isIsolated(await room.reading(), room.world)).toBe(false);
});

test('the same, approved: isolated', async () => {
  const room = await incidentRoom(await local.newAccount(), { tags: { tier: 'pet' } });
  const protect = { instances: [], tags: ['tier=*'] };
  const incident = await room.respond(held(room), {
    protect,
    lambda: true,
    onCallback: async () => answerOf('approve'),
  });
  expect(incident.status).toBe('quarantined');
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});

test('approved, and what came of it cannot be written down: the answer stands, and the command goes on with it', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(stolen(room), {
    lambda: true,
    onCallback: async () => {
      room.account.proxy.fault({ operation: 'UpdateItem', kind: 'denied', including: 'startedAt' });
      return answerOf('approve');
    },
  });
  room.account.proxy.clear();
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  const given = { decision: 'approve', by: 'arn:aws:iam::111122223333:user/mia', reason: 'looked at it' };
  expect(await ledgerOf(room).pending(incidentId)).toMatchObject({ callbackId: null, given });
});

test('protected by its id: collected, nobody is asked, and an answer would find nothing', async () => {
  const room = await incidentRoom(await local.newAccount());
  const protect = { instances: [room.world.instanceId], tags: [] };
  const incident = await room.respond(held(room), { protect, lambda: true });
  expect(incident.status).toBe('collected');
  expect(incident.approval).toBeUndefined();
  expect(await ledgerOf(room).pending(incident.incidentId)).toBeNull();
});

test('while one is asked, the same finding joins; a rule that asks for more isolates, and the answer comes too late', async () => {
  const room = await incidentRoom(await local.newAccount());
  let same: unknown;
  const incident = await room.respond(stolen(room), {
    lambda: true,
    onCallback: async () => {
      same = await room.respond(stolen(room));
      const other = await room.respond(
        room.event(({ detail }) => void (detail.id = 'another')),
        { lambda: true },
      );
      expect(other.status).toBe('quarantined');
      return answerOf('deny');
    },
  });
  expect(same).toMatchObject({ status: 'joined', incidentId: incident.incidentId });
  expect(incident.approval?.state).toBe('superseded');
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});

test('held back or denied, a person’s request isolates all the same', async () => {
  const room = await incidentRoom(await local.newAccount());
  const options = { lambda: true, onCallback: async () => answerOf('deny') };
  const denied = await room.respond(stolen(room), options);
  expect(denied.status).toBe('collected');
  const byHand = await room.respond({ instance_id: room.world.instanceId });
  expect(byHand).toMatchObject({ status: 'quarantined', incidentId: denied.incidentId });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});

test('on a machine of one’s own nobody waits: the request is in the ledger', async () => {
  const room = await incidentRoom(await local.newAccount());
  const incident = await room.respond(stolen(room));
  expect(incident).toMatchObject({ status: 'awaiting-approval', approval: { state: 'pending' } });
  expect(incident.approval?.until).toBeUndefined();
  expect(await ledgerOf(room).pending(incident.incidentId)).toMatchObject({ callbackId: null });
  // Nor for ever: when no execution could wait any more, findings are answered again.
  const { account, region, instanceId } = room.world;
  const claim = {
    target: { account, region, instanceId },
    holder: 'later',
    leaseMs: 1_000,
    incidentId: 'inc-later',
    asked: 'quarantine-after-approval' as const,
    insist: false,
    finding: { id: 'later', severity: 'HIGH' },
    critical: false,
  };
  const days = (count: number) => Date.now() + count * 24 * 3_600_000;
  expect(await ledgerOf(room).claim({ ...claim, now: days(6) })).toMatchObject({ kind: 'joined', held: true });
  expect(await ledgerOf(room).claim({ ...claim, now: days(8) })).toMatchObject({ kind: 'claimed', run: 1 });
});

test('a recurrence after a release is for a person; what was seen before it starts nothing', async () => {
  const room = await incidentRoom(await local.newAccount());
  const first = await room.respond(room.event());
  const ledger = ledgerOf(room);
  const which = { incidentId: first.incidentId };
  const within = { account: room.world.account };
  const claim = { which, within, holder: 'me', leaseMs: 60_000, now: Date.now(), dryRun: false };
  await ledger.claimRelease(claim);
  const at = new Date().toISOString();
  await ledger.endRelease('me', {
    incidentId: first.incidentId,
    status: 'released',
    target: first.target,
    at,
    reason: 'clean',
    by: 'mia',
    number: 1,
  } as never);
  const late = await room.respond(room.event(({ detail }) => void (detail.id = 'late')));
  expect(late.status).toBe('ignored');
  expect(late.decision.reasons.join()).toContain(`before incident ${first.incidentId} was released`);
  const again = await room.respond(
    room.event(({ detail }) => {
      detail.id = 'again';
      detail.updatedAt = new Date(Date.now() + 1_000).toISOString();
    }),
  );
  expect(again).toMatchObject({ status: 'awaiting-approval', decision: { approval: { heldBy: 'release' } } });
  expect(again.incidentId).not.toBe(first.incidentId);
});
