/** What an instance is in for a while only, and what a policy keeps from being isolated: nodes of container clusters. */
import { readFileSync } from 'node:fs';
import { CreateTagsCommand, DeleteTagsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import { parseFinding } from '../../src/finding/parse.ts';
import { labConfig } from '../../src/lab/client.ts';
import type { BusEvent } from '../../src/lab/event-bus.ts';
import { mappedEvent } from '../../src/lab/rehearsal-event.ts';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import { exitCode } from '../../src/runbook/plan.ts';
import { triageOf } from '../support/host.ts';
import { incidentRoom, isIsolated, ledgerOf, patientBudgets, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { release, restorable } from '../support/releaser.ts';
import { rolesAt } from '../support/roles.ts';

const local = useLocalAws();

describe('what passes by', () => {
  test.each([
    ['starting', { state: 'pending' }, 'lab:state'],
    ['stopping', { state: 'stopping' }, 'lab:state'],
    ['getting its profile', { tags: { 'lab:profile': 'associating' } }, 'lab:profile'],
  ] as const)('%s: isolated meanwhile, and the profile goes as soon as AWS takes it', async (_name, options, tag) => {
    const room = await incidentRoom(await local.newAccount(), options);
    const start = room.account.proxy.calls.length;
    // Once more than other changes are tried.
    const settled = onceSeen(room, start, 'DisassociateIamInstanceProfile', 3, () => untag(room, tag));
    const incident = await room.respond(room.event(), { budgets: { ...patientBudgets, settleMs: 20_000 } });
    await settled();
    expect(incident).toMatchObject({ status: 'quarantined', failures: [] });
    expect(changeOf(incident, 'instance-profile')).toMatchObject({
      status: 'done',
      verified: true,
      from: { profiles: [room.world.instanceProfileArn] },
    });
    expect(changeOf(incident, 'session-denial')).toMatchObject({ status: 'done', verified: true });
    const reading = await room.reading();
    expect(isIsolated(reading, room.world)).toBe(true);
    expect(reading.profiles).toEqual([]);
    expect(incident.changes.filter(({ verified }) => !verified)).toEqual([]);
  });

  test.each(['pending', 'stopping'] as const)(
    '%s for good: isolated, and told that the profile is still there',
    async (state) => {
      const room = await incidentRoom(await local.newAccount(), { state });
      const incident = await room.respond(room.event(), { budgets: { settleMs: 500 } });
      expect(incident).toMatchObject({ status: 'quarantined', isolation: { verified: true }, failures: [] });
      expect(isIsolated(await room.reading(), room.world)).toBe(true);
      expect(changeOf(incident, 'instance-profile')).toMatchObject({
        status: 'failed',
        verified: false,
        reason: expect.stringContaining("not in the 'running' or 'stopped' states"),
      });
      expect(exitCode([incident])).toBe(1);
      expect(incident.changes.filter(({ verified }) => !verified)).toHaveLength(1);
      expect(incident.isolation?.flows).toContain(`the instance is ${state}`);
      expect(triageOf(incident)).toMatchObject({ status: 'skipped', reason: `the instance is ${state}` });
      const [message] = await room.messages();
      expect(message?.body).toContain('IncorrectInstanceState');
    },
  );

  test.each(['pending', 'stopping'] as const)(
    '%s when it is released: its profile comes back as soon as AWS takes it, and the claim is kept meanwhile',
    async (state) => {
      const room = await incidentRoom(await local.newAccount());
      const incident = await room.respond(room.event());
      await tag(room, 'lab:state', state);
      const start = room.account.proxy.calls.length;
      // Once more than other changes are tried.
      const settled = onceSeen(room, start, 'AssociateIamInstanceProfile', 3, () => untag(room, 'lab:state'));
      const result = await release(room, { incident_id: incident.incidentId, reason: 'false alarm' }, 'beside others');
      await settled();
      expect(result).toMatchObject({ status: 'released', failures: [] });
      expect(changeOf(result, 'instance-profile')).toMatchObject({ status: 'done', verified: true });
      expect((await room.reading()).profiles).toEqual([room.world.instanceProfileArn]);
    },
  );

  test('starting for good when it is released: told, everything else is put back, and the incident stays open', async () => {
    const room = await incidentRoom(await local.newAccount());
    const before = await room.reading();
    const incident = await room.respond(room.event());
    await tag(room, 'lab:state', 'pending');
    const result = await release(room, { incident_id: incident.incidentId, reason: 'false alarm' });
    expect(result.status).toBe('incomplete');
    expect(result.changes.filter(({ verified }) => !verified)).toMatchObject([
      { action: 'instance-profile', status: 'failed', reason: expect.stringContaining('IncorrectInstanceState') },
    ]);
    expect(restorable({ ...(await room.reading()), profiles: before.profiles })).toEqual(restorable(before));
  });

  test('another run takes the incident over while a release is patient: the release ends there', async () => {
    const room = await incidentRoom(await local.newAccount());
    const { incidentId } = await room.respond(room.event());
    await tag(room, 'lab:state', 'pending');
    const { account } = room.world;
    const other = { which: { incidentId }, within: { account }, holder: 'other', leaseMs: 60_000, dryRun: false };
    const settled = onceSeen(room, room.account.proxy.calls.length, 'AssociateIamInstanceProfile', 2, async () => {
      // Long after the release's claim has run out.
      await ledgerOf(room).claimRelease({ ...other, now: Date.now() + 3_600_000 });
      await untag(room, 'lab:state');
    });
    const result = await release(room, { incident_id: incidentId, reason: 'false alarm' }, 'beside others');
    await settled();
    expect(result.status).toBe('incomplete');
    expect(changeOf(result, 'session-denial')).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('another run has taken the incident over'),
    });
    expect((await room.reading()).profiles).toEqual([]);
  });

  test('losing its profile: nothing is left to take away, and what it has given out is denied', async () => {
    const room = await incidentRoom(await local.newAccount(), { tags: { 'lab:profile': 'disassociating' } });
    const incident = await room.respond(room.event());
    expect(incident).toMatchObject({ status: 'quarantined', failures: [] });
    expect(changeOf(incident, 'instance-profile')).toMatchObject({
      status: 'skipped',
      verified: true,
      reason: 'the instance has no instance profile',
    });
    expect(changeOf(incident, 'session-denial')).toMatchObject({ status: 'done', verified: true });
    const denial = await rolesAt(room.account.endpoint).denialText(room.world.roleName ?? '');
    expect(denial).toContain(room.world.instanceId);
  });
});

describe('a node of a container cluster', () => {
  const node = { tags: { 'aws:eks:cluster-name': 'shop' } };

  test.each([
    ["a finding about a container's cluster", 'guardduty/eks-runtime-node', 'container-node'],
    ['a finding about the instance itself', null, 'high-severity'],
  ])('%s: evidence is taken, and nothing is changed', async (_name, fixture, rule) => {
    const room = await incidentRoom(await local.newAccount(), node);
    const start = room.account.proxy.calls.length;
    const incident = await room.respond(fixture === null ? room.event() : mapped(room, fixture));
    expect(incident).toMatchObject({ decision: { response: 'collect', rule }, changes: [], isolation: null });
    expect(incident.evidence.find(({ collector }) => collector === 'ebs-snapshots')?.status).toBe('done');
    expect(triageOf(incident)).toMatchObject({
      status: 'skipped',
      reason: expect.stringContaining('not to be quarantined'),
    });
    if (fixture === null)
      expect(incident.decision.reasons.join()).toContain('Tag aws:eks:cluster-name=shop is protected');
    expect(room.calls(start).filter((name) => /^(Modify|Disassociate|Replace|Revoke|Authorize)/.test(name))).toEqual(
      [],
    );
    expect(isIsolated(await room.reading(), room.world)).toBe(false);
  });

  test('a person who insists and says why isolates it; one who does not say so, does not', async () => {
    const room = await incidentRoom(await local.newAccount(), node);
    const asked = await room.respond({ instance_id: room.world.instanceId, reason: 'it beacons' });
    expect(asked).toMatchObject({ decision: { response: 'collect', rule: 'manual-request' }, changes: [] });
    expect(isIsolated(await room.reading(), room.world)).toBe(false);
    const forced = await room.respond({ instance_id: room.world.instanceId, reason: 'it beacons', force: true });
    expect(forced).toMatchObject({ status: 'quarantined', incidentId: asked.incidentId, failures: [] });
    expect(forced.decision.reasons.join()).toContain('overridden by force: it beacons');
    expect(isIsolated(await room.reading(), room.world)).toBe(true);
    expect((await room.reading()).snapshots).toHaveLength(2);
  });
});

function changeOf({ changes }: Pick<IncidentResult, 'changes'>, name: string) {
  return changes.find(({ action }) => action === name);
}

/** Does something once the call has been made so often. @returns what waits for the end of it. */
function onceSeen(room: IncidentRoom, start: number, operation: string, times: number, act: () => Promise<unknown>) {
  const done: Promise<unknown>[] = [];
  const watch = setInterval(() => {
    if (done.length === 0 && room.calls(start).filter((name) => name === operation).length >= times) done.push(act());
  }, 2);
  return async () => {
    clearInterval(watch);
    expect(done).toHaveLength(1);
    await Promise.all(done);
  };
}

async function tag({ account, world }: IncidentRoom, Key: string, Value: string): Promise<void> {
  const ec2 = new EC2Client(labConfig({ endpoint: account.endpoint, region: world.region }));
  await ec2.send(new CreateTagsCommand({ Resources: [world.instanceId], Tags: [{ Key, Value }] }));
}

async function untag({ account, world }: IncidentRoom, Key: string): Promise<void> {
  const ec2 = new EC2Client(labConfig({ endpoint: account.endpoint, region: world.region }));
  await ec2.send(new DeleteTagsCommand({ Resources: [world.instanceId], Tags: [{ Key }] }));
}

function mapped({ world }: IncidentRoom, fixture: string): BusEvent {
  const input = JSON.parse(readFileSync(`test/events/${fixture}.json`, 'utf8')) as object;
  return mappedEvent(input, parseFinding(input, {}), [world], new Date('2026-01-02T03:04:05Z'));
}
