/** A run that has lost its claim, and one that cannot find out whether it has. */
import { expect, test } from '@jest/globals';
import type { Aws } from '../../src/aws/connect.ts';
import { terminationProtection } from '../../src/containment/termination-protection.ts';
import { verify, write } from '../../src/runbook/change.ts';
import { holding, LOST, stillOurs } from '../../src/runbook/hold.ts';
import type { IncidentContext } from '../../src/runbook/runbook.ts';
import { BASE } from '../../src/policy/policy.ts';
import { incidentRoom, isIsolated, ledgerOf, smallBudgets, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { ledger, restorable } from '../support/releaser.ts';

const local = useLocalAws();

/** As it is after a laptop's sleep: the run's first reading takes its time, and its lease is over meanwhile. */
async function asleep(room: IncidentRoom, event: unknown, meanwhile: (later: number) => Promise<boolean>) {
  room.account.proxy.latency(2_500, { operation: 'DescribeInstances' });
  const running = room.respond(event, { budgets: { readMs: 20_000, callTimeoutMs: 20_000 } });
  while (!(await meanwhile(Date.now() + 60_000))) await new Promise((resolve) => void setTimeout(resolve, 20));
  room.account.proxy.latency(0, { operation: 'DescribeInstances' });
  return running;
}

test.each<[string, (room: IncidentRoom) => unknown]>([
  ['a finding', (room) => room.event()],
  ['a person’s request', (room) => ({ instance_id: room.world.instanceId })],
])('%s, and the incident was released while its run slept: nothing is changed any more', async (_name, eventOf) => {
  const room = await incidentRoom(await local.newAccount());
  const before = restorable(await room.reading());
  const { account, region, instanceId } = room.world;
  const book = ledgerOf(room);
  const target = { account, region, instanceId };
  const incident = await asleep(room, eventOf(room), async (now) => {
    const claim = { which: { target }, within: { account }, holder: 'mia', leaseMs: 1_000, now, dryRun: false };
    const open = await book.claimRelease(claim);
    if (open.kind !== 'open') return false;
    const at = new Date().toISOString();
    await book.endRelease('mia', { incidentId: open.incidentId, target, status: 'released', at, number: 1 } as never);
    return true;
  });
  expect(incident).toMatchObject({ status: 'ignored', changes: [], isolation: null });
  expect(incident.decision.reasons.join()).toContain('was released');
  expect(restorable(await room.reading())).toEqual(before);
  expect([...(await ledger(room)).values()].filter((item) => item['listed'] !== undefined)).toEqual([]);
});

test('another run took over and did less: this one waits for its end, and isolates as it was told to', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { account, region, instanceId } = room.world;
  const other = {
    target: { account, region, instanceId },
    holder: 'other',
    incidentId: 'inc-other',
    asked: 'collect' as const,
    insist: false,
    finding: { id: 'other', severity: 'MEDIUM' },
    critical: false,
  };
  const incident = await asleep(room, room.event(), async (now) => {
    // Its own lease ends soon, by the clock of everybody else.
    if ('why' in (await ledgerOf(room).openIncident({ which: { target: other.target }, within: { account }, now })))
      return false;
    const claim = await ledgerOf(room).claim({ ...other, now, leaseMs: 1_000 - 60_000 });
    return claim.kind === 'claimed' && claim.incidentId !== 'inc-other';
  });
  expect(incident).toMatchObject({ status: 'quarantined', isolation: { verified: true }, failures: [] });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});

/** An incident whose ledger answers so, and the calls that were made. */
function played(renew: () => Promise<boolean>) {
  const calls: string[] = [];
  const aws = {
    ledger: { renew: () => (calls.push('renew'), renew()) },
    ec2: {
      terminationProtection: async () => false,
      setTerminationProtection: async () => void calls.push('write'),
    },
  } as unknown as Aws;
  let now = 0;
  const deps = {
    budgets: { ...smallBudgets, claimMs: 50, leaseMs: 1_000 },
    now: () => now,
    local: true,
    executionArn: 'me',
    policy: () => BASE,
  };
  const target = { account: '111122223333', region: 'eu-west-1', instanceId: 'i-1' };
  const incident = { aws, deps, target, incidentId: 'inc-1' } as unknown as IncidentContext;
  incident.hold = holding(incident.deps, 0);
  return { incident, calls, sleep: (ms: number) => void (now += ms) };
}

test('in the first half of its lease a claim holds without a question, and later with one', async () => {
  const { incident, calls, sleep } = played(async () => true);
  sleep(499);
  expect(await stillOurs(incident)).toBe(true);
  expect(calls).toEqual([]);
  sleep(1);
  expect(await Promise.all([stillOurs(incident), stillOurs(incident)])).toEqual([true, true]);
  expect(await stillOurs(incident)).toBe(true);
  expect(calls).toEqual(['renew']);
});

test.each<[string, () => Promise<boolean>]>([
  ['fails', async () => Promise.reject(new Error('ProvisionedThroughputExceededException'))],
  ['never answers', () => new Promise(() => {})],
])('a ledger that %s stops nothing, and is not asked again at once', async (_name, renew) => {
  const { incident, calls, sleep } = played(renew);
  sleep(10_000);
  for (let count = 0; count < 3; count += 1)
    expect(await write(incident, terminationProtection, false, true)).not.toHaveProperty('error');
  expect(calls).toEqual(['renew', 'write', 'write', 'write']);
  sleep(100);
  await stillOurs(incident);
  expect(calls).toHaveLength(5);
});

test('a claim that is lost ends every change, also the second try of one', async () => {
  const { incident, calls, sleep } = played(async () => false);
  sleep(10_000);
  expect(await write(incident, terminationProtection, false, true)).toMatchObject({ error: LOST });
  const ready = { reading: { state: false, found: null }, prepared: null };
  expect(await verify(incident, terminationProtection, 'changes', ready, 3)).toMatchObject({
    verified: false,
    reason: LOST,
    wrote: false,
  });
  expect(calls).toEqual(['renew']);
});

test('the ledger takes the claim and no renewal of it: isolated, and told', async () => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ operation: 'UpdateItem', kind: 'denied', including: 'leaseUntil = :lease', skip: 1 });
  const incident = await room.respond(room.event());
  expect(incident.status).toBe('quarantined');
  expect(incident.failures).toEqual([expect.stringMatching(/^the claim could not be renewed in the ledger.*denied/i)]);
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});
