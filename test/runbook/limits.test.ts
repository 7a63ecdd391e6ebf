/** How much is done at once, and what becomes of the rest. */
import { expect, test } from '@jest/globals';
import { EC2Client, ModifyInstanceAttributeCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { autoScalingGateway } from '../../src/aws/auto-scaling.ts';
import { createResponder } from '../../src/handlers/responder.ts';
import { labConfig } from '../../src/lab/client.ts';
import { createScalingGroup, scalingGroup } from '../../src/lab/fleet.ts';
import { defaultEvent } from '../../src/lab/rehearsal-event.ts';
import { createWorld } from '../../src/lab/world.ts';
import { execute, memoryStore, type DurableHandler } from '../../src/runbook/engine.ts';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import type { ReleaseRecord } from '../../src/runbook/release-result.ts';
import { parsed } from '../policy/policies.ts';
import { incidentRoom, isIsolated, ledgerOf, patientBudgets, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { release } from '../support/releaser.ts';

const local = useLocalAws();

/** Every instance at once, each by a finding of its own. */
async function storm(room: IncidentRoom, count: number, severity: number, policy: string): Promise<IncidentResult[]> {
  const { endpoint } = room.account;
  const worlds = [room.world];
  while (worlds.length < count) worlds.push(await createWorld({ endpoint, interfaces: 1, volumes: 1 }));
  Object.assign(process.env, room.env);
  const { policies } = parsed([{ file: 'default.yml', text: `version: 1\nmode: enforce\n${policy}` }]);
  const handler = createResponder({
    policies,
    // Twenty at once on one machine.
    budgets: patientBudgets,
    env: room.env,
  }) as unknown as DurableHandler;
  return Promise.all(
    worlds.map(async (world) => {
      const event = structuredClone(defaultEvent(world, new Date())) as { detail: { severity: number; id: string } };
      event.detail.severity = severity;
      event.detail.id = `of-${world.instanceId}`;
      const { incidents } = (await execute(handler, event, {
        store: memoryStore(),
        account: world.account,
        region: world.region,
      })) as { incidents: IncidentResult[] };
      return incidents[0] as IncidentResult;
    }),
  );
}

const RULES =
  'rules: [{ id: all, when: {}, respond: quarantine }]\ncollection: { os: "off" }\ncontainment: { dwellSeconds: 0, cutFlows: never }\n';

test('twenty instances at once under a limit of five: five are isolated, evidence is taken of the others and approval asked', async () => {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 1, volumes: 1 });
  const incidents = await storm(room, 20, 8, RULES);
  const by = (status: string) => incidents.filter((incident) => incident.status === status);
  expect(incidents.map(({ status }) => status).toSorted()).toEqual([
    ...Array<string>(15).fill('awaiting-approval'),
    ...Array<string>(5).fill('quarantined'),
  ]);
  for (const incident of by('awaiting-approval')) {
    expect(incident.decision.approval).toMatchObject({ heldBy: 'limit' });
    expect(incident.changes).toEqual([]);
    expect(incident.snapshots).toHaveLength(1);
  }
}, 180_000);

test('critical findings have a reserve that others cannot use up', async () => {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 1, volumes: 1 });
  const limits = 'limits: { quarantinesPerHour: 0, reservePerHour: 1 }\n';
  const decoys = await storm(room, 2, 8, RULES + limits);
  expect(decoys.map(({ status }) => status)).toEqual(['awaiting-approval', 'awaiting-approval']);
  // One of the same instances again, critical now: what was held back by the limit has room in the reserve.
  const again = await room.respond(
    room.event(({ detail }) => {
      detail.severity = 9.2;
      detail.id = 'critical';
    }),
    { limits: { quarantinesPerHour: 0, reservePerHour: 1 } },
  );
  expect(again).toMatchObject({ status: 'quarantined', incidentId: decoys[0]?.incidentId });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
}, 60_000);

test('of an Auto Scaling group only its share; a person is counted, not limited; a release gives it back', async () => {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 1, volumes: 1 });
  const { endpoint } = room.account;
  const group = await createScalingGroup({ endpoint, region: room.world.region }, room.world, { others: 1 });
  const limits = { groupShare: 10 };
  const first = await room.respond(room.event(), { limits });
  expect(first.status).toBe('quarantined');
  const second = await createWorld({
    endpoint,
    interfaces: 1,
    volumes: 1,
    tags: { 'aws:autoscaling:groupName': group },
  });
  const event = structuredClone(defaultEvent(second, new Date()));
  const held = await room.respond(event, { limits });
  expect(held.decision.approval?.because).toContain(`Auto Scaling group ${group}`);
  const byHand = await room.respond({ instance_id: second.instanceId, force: true, reason: 'seen' }, { limits });
  expect(byHand.status).toBe('quarantined');
}, 60_000);

test.each([
  ['released', 'denied', ['quarantined', 'awaiting-approval']],
  ['closed', 'counted', ['awaiting-approval', 'awaiting-approval']],
  ['closed and terminated', 'counted', ['quarantined', 'awaiting-approval']],
] as const)(
  '%s, taking it off the count %s: the place in the group is free, once, where nothing is contained any more',
  async (how, counting, expected) => {
    const tags = { service: 'shop' };
    const room = await incidentRoom(await local.newAccount(), { interfaces: 1, volumes: 1, tags });
    const { endpoint, proxy } = room.account;
    const limits = { groupTags: ['service'], groupShare: 10 };
    const { incidentId } = await room.respond(room.event(), { limits });
    if (counting === 'denied')
      proxy.fault({ service: 'dynamodb', operation: 'UpdateItem', kind: 'denied', including: '#used' });
    if (how === 'released') await release(room, { incident_id: incidentId, reason: 'false alarm' });
    else
      await ledgerOf(room).closeIncident(
        { incidentId },
        { account: room.world.account },
        { by: 'mia', reason: 'rebuilt', at: Date.now() },
      );
    proxy.clear();
    if (how === 'closed and terminated') {
      const ec2 = new EC2Client(labConfig({ endpoint, region: room.world.region }));
      const InstanceIds = [room.world.instanceId];
      // As a person may who has closed it.
      await ec2.send(
        new ModifyInstanceAttributeCommand({ InstanceId: InstanceIds[0], DisableApiTermination: { Value: false } }),
      );
      await ec2.send(new TerminateInstancesCommand({ InstanceIds }));
    }
    const statuses: string[] = [];
    for (let others = 0; others < 2; others += 1) {
      const next = await createWorld({ endpoint, interfaces: 1, volumes: 1, tags });
      statuses.push((await room.respond(structuredClone(defaultEvent(next, new Date())), { limits })).status);
    }
    expect(statuses).toEqual(expected);
  },
  60_000,
);

test('a release that another run takes the incident from leaves it counted', async () => {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 1, volumes: 1, tags: { service: 'shop' } });
  const { incidentId } = await room.respond(room.event(), { limits: { groupTags: ['service'] } });
  const used = async (): Promise<string> => (await ledgerOf(room).control()).seen ?? '';
  expect(await used()).toContain('service=shop');
  const { account, region, instanceId } = room.world;
  const record = {
    status: 'released',
    target: { account, region, instanceId },
    incidentId,
    at: '2026-01-02T03:04:05Z',
  };
  await expect(ledgerOf(room).endRelease('another', record as ReleaseRecord)).rejects.toThrow(
    'taken the incident over',
  );
  expect(await used()).toContain('service=shop');
});

test('a member that stands by and was replaced makes its Auto Scaling group no larger', async () => {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 1, volumes: 1 });
  const { endpoint } = room.account;
  const group = await createScalingGroup({ endpoint, region: room.world.region }, room.world, { others: 2 });
  const gateway = autoScalingGateway({ ...labConfig({ endpoint }), budgets: patientBudgets });
  expect(await gateway.size(group)).toBe(3);
  expect((await room.respond(room.event())).status).toBe('quarantined');
  const { members = {} } = (await scalingGroup({ endpoint, region: room.world.region }, group)) ?? {};
  expect(members[room.world.instanceId]).toBe('Standby');
  expect(Object.keys(members)).toHaveLength(4);
  expect(await gateway.size(group)).toBe(3);
});

test('groups by tag, and a limit of collections: beyond it only told', async () => {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 1, volumes: 1, tags: { service: 'shop' } });
  const { endpoint } = room.account;
  const second = await createWorld({ endpoint, interfaces: 1, volumes: 1, tags: { service: 'shop' } });
  const limits = { groupTags: ['service'], groupShare: 50, collectionsPerHour: 1 };
  expect((await room.respond(room.event(), { limits })).status).toBe('quarantined');
  const held = await room.respond(structuredClone(defaultEvent(second, new Date())), { limits });
  expect(held.decision.approval?.because).toContain('tag service=shop');
  const third = await createWorld({ endpoint, interfaces: 1, volumes: 1 });
  const collect = structuredClone(defaultEvent(third, new Date())) as { detail: { severity: number } };
  collect.detail.severity = 5;
  expect((await room.respond(collect, { limits })).status).toBe('collected');
  const fourth = await createWorld({ endpoint, interfaces: 1, volumes: 1 });
  const beyond = structuredClone(defaultEvent(fourth, new Date())) as { detail: { severity: number } };
  beyond.detail.severity = 5;
  const told = await room.respond(beyond, { limits });
  expect(told).toMatchObject({ status: 'notified', evidence: [], decision: { response: 'notify' } });
  expect(told.decision.reasons.join()).toContain('limits.collectionsPerHour 1');
}, 60_000);

test.each([
  ['isolate', 'quarantined'],
  ['collect', 'awaiting-approval'],
] as const)('the limits cannot be asked, onLedgerFailure %s: %s', async (onLedgerFailure, status) => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ service: 'dynamodb', operation: '*', kind: 'denied' });
  const incident = await room.respond(room.event(), { limits: { onLedgerFailure } });
  room.account.proxy.clear();
  expect(incident.status).toBe(status);
  expect(isIsolated(await room.reading(), room.world)).toBe(status === 'quarantined');
  const [message] = await room.messages();
  // No answer would find a request that nobody could write down.
  expect(message?.body).not.toMatch(/secresponse (approve|deny)/);
  if (status === 'awaiting-approval')
    expect(message?.body).toContain(`npx secresponse respond --instance ${room.world.instanceId}`);
});
