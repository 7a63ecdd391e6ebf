/** Many findings about one instance: one response, nothing lost. */
import { expect, test } from '@jest/globals';
import { incidentRoom, isIsolated, ledgerOf } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

const SLOW = {
  callTimeoutMs: 20_000,
  claimMs: 60_000,
  readMs: 60_000,
  recordMs: 60_000,
  writeMs: 60_000,
  closeMs: 60_000,
  collectorMs: 90_000,
  preserveMs: 10_000,
  lambdaLeaseMs: 300_000,
};

test('a hundred findings about one instance at once, half of them the same: one incident, one sequence, all recorded', async () => {
  const room = await incidentRoom(await local.newAccount());
  const events = Array.from({ length: 100 }, (_, index) =>
    room.event(({ detail }) => {
      detail.id = index % 2 === 0 ? 'the-same' : `another-${index}`;
      // The same id is sent again with a higher severity.
      detail.severity = index % 10 === 0 ? 8.5 : 8;
    }),
  );
  const incidents = await Promise.all(
    events.map((event) => room.respond(event, { lambda: true, budgets: { ...SLOW, digestSeconds: 1 } })),
  );
  const done = incidents.filter(({ status }) => status === 'quarantined');
  expect(done).toHaveLength(1);
  expect(incidents.filter(({ status }) => status === 'joined')).toHaveLength(99);
  expect(new Set(incidents.map(({ incidentId }) => incidentId)).size).toBe(1);
  const reading = await room.reading();
  expect(isIsolated(reading, room.world)).toBe(true);
  expect(reading.snapshots).toHaveLength(2);
  expect(room.calls().filter((operation) => operation === 'CreateSnapshots')).toHaveLength(1);
  const known = await ledgerOf(room).findingsOf(done[0]?.incidentId ?? '');
  expect(known).toHaveLength(51);
  // One message of the response, and the others in digests, not one each.
  const messages = await room.messages();
  expect(messages.filter(({ attributes }) => attributes['status'] === 'quarantined')).toHaveLength(1);
  expect(messages.length).toBeLessThan(12);
}, 180_000);

test('the same finding again is no news; with another severity it is told', async () => {
  const room = await incidentRoom(await local.newAccount());
  const options = { lambda: true, budgets: { digestSeconds: 1 } };
  const event = room.event();
  const first = await room.respond(event, options);
  await room.messages();
  const again = await room.respond(event, options);
  expect(again).toMatchObject({ status: 'joined', incidentId: first.incidentId, notification: { status: 'skipped' } });
  expect(await room.messages()).toEqual([]);
  const risen = await room.respond(
    structuredClone({ ...event, detail: { ...(event.detail as object), severity: 9.5 } }),
    options,
  );
  expect(risen).toMatchObject({ status: 'joined', notification: { status: 'done' } });
  expect((await room.messages())[0]?.body).toContain(`joined ${first.incidentId}`);
});

test('an incident that took evidence only ends by itself after a day; a finding after that opens another one', async () => {
  const room = await incidentRoom(await local.newAccount());
  const medium = room.event(({ detail }) => void (detail.severity = 5));
  const first = await room.respond(medium);
  expect(first.status).toBe('collected');
  const { account, region, instanceId } = room.world;
  const claim = {
    target: { account, region, instanceId },
    holder: 'later',
    leaseMs: 1_000,
    incidentId: 'inc-later',
    asked: 'collect' as const,
    insist: false,
    finding: { id: 'later', severity: 'MEDIUM' },
    critical: false,
  };
  const ledger = ledgerOf(room);
  expect(await ledger.claim({ ...claim, now: Date.now() + 23 * 3_600_000 })).toMatchObject({ kind: 'joined' });
  expect(await ledger.claim({ ...claim, now: Date.now() + 25 * 3_600_000 })).toMatchObject({
    kind: 'claimed',
    incidentId: 'inc-later',
    run: 1,
    prior: null,
  });
});
