/** The clock's look at open incidents: people are told once of each drift, and what is cut off in part is completed. */
import { expect, test } from '@jest/globals';
import { DynamoDBClient, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { EC2Client, ModifyInstanceAttributeCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { IAMClient, ListRolePoliciesCommand } from '@aws-sdk/client-iam';
import { createResponder } from '../../src/handlers/responder.ts';
import { labConfig } from '../../src/lab/client.ts';
import type { DriftResult } from '../../src/runbook/drift.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { DRIFT_CHECK, driftPart, driftTargets, isDriftCheck } from '../../src/runbook/drift-check.ts';
import { execute, memoryStore, type DurableHandler } from '../../src/runbook/engine.ts';
import { budgetsFor } from '../support/budgets.ts';
import { holdIncident } from '../support/held.ts';
import { incidentRoom, isIsolated, isWrite, ledgerOf, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { quickPolicies } from '../support/quick-policies.ts';
import { aDayLater, ledger, release, setGroups } from '../support/releaser.ts';

const local = useLocalAws();

async function check(room: IncidentRoom, change: Partial<Policy> = {}): Promise<DriftResult> {
  Object.assign(process.env, room.env);
  const own = quickPolicies();
  const policies = { ...own, default: { ...own.default, ...change } };
  const handler = createResponder({
    policies,
    budgets: budgetsFor(room.account),
    env: room.env,
  }) as unknown as DurableHandler;
  const { account, region } = room.world;
  const answer = await execute(handler, { ...DRIFT_CHECK }, { store: memoryStore(), account, region });
  return (answer as { drift: DriftResult }).drift;
}

async function contained(): Promise<{ room: IncidentRoom; incidentId: string }> {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId, status } = await room.respond(room.event());
  expect(status).toBe('quarantined');
  await room.messages();
  return { room, incidentId };
}

async function moveBack(room: IncidentRoom, index = 0): Promise<void> {
  const id = room.world.interfaceIds[index] ?? '';
  await setGroups(room, id, room.world.groupIds[id] ?? []);
}

async function protect(room: IncidentRoom, on: boolean): Promise<void> {
  const ec2 = new EC2Client(labConfig({ endpoint: room.account.endpoint, region: room.world.region }));
  await ec2.send(
    new ModifyInstanceAttributeCommand({ InstanceId: room.world.instanceId, DisableApiTermination: { Value: on } }),
  );
}

async function digestOf(room: IncidentRoom, incidentId: string): Promise<string | undefined> {
  return (await ledger(room)).get(`incident#${incidentId}`)?.['drift']?.S;
}

test('contained: nothing is told and nothing written', async () => {
  const { room, incidentId } = await contained();
  const start = room.account.proxy.calls.length;
  const result = await check(room);
  expect(result).toMatchObject({ notifications: [], completed: [], failures: [] });
  expect(result.verifications).toMatchObject([{ incidentId, contained: true }]);
  expect(room.calls(start).filter(isWrite)).toEqual([]);
});

test('a drift is told once, another one again, and one that has ended is forgotten', async () => {
  const { room, incidentId } = await contained();
  await protect(room, false);
  expect((await check(room)).notifications).toMatchObject([{ incidentId, status: 'done' }]);
  expect(await digestOf(room, incidentId)).toMatch(/^[0-9a-f]{64}$/);
  const [told, ...more] = await room.messages();
  expect(more).toEqual([]);
  expect(told?.attributes).toMatchObject({ status: 'drift' });
  expect(JSON.parse(told?.body ?? '')).toMatchObject({
    incidentId,
    drift: [{ action: 'termination-protection', description: 'termination protection: on → off' }],
  });

  expect((await check(room)).notifications).toEqual([]);
  expect(await room.messages()).toEqual([]);

  await moveBack(room);
  expect((await check(room)).notifications).toHaveLength(1);
  expect((await room.messages())[0]?.body).toContain(room.world.interfaceIds[0]);
  // Somebody may have had a reason.
  expect(isIsolated(await room.reading(), room.world)).toBe(false);

  const [, quarantine = []] = Object.values((await room.reading()).interfaces);
  await setGroups(room, room.world.interfaceIds[0] ?? '', quarantine);
  await protect(room, true);
  expect(await check(room)).toMatchObject({ verifications: [{ contained: true }], notifications: [], failures: [] });
  expect(await digestOf(room, incidentId)).toBeUndefined();
  await protect(room, false);
  expect((await check(room)).notifications).toHaveLength(1);
});

test('what nobody could be told is told the next time', async () => {
  const { room, incidentId } = await contained();
  await moveBack(room);
  const heal = room.account.proxy.fault({ operation: 'Publish', kind: 'denied' });
  expect((await check(room)).notifications).toMatchObject([{ status: 'failed' }]);
  expect(await digestOf(room, incidentId)).toBeUndefined();
  heal();
  expect((await check(room)).notifications).toMatchObject([{ status: 'done' }]);
});

test('a host that is cut off in part, and that no run holds, is told and completed', async () => {
  const { room, incidentId } = await contained();
  await holdIncident.halfContained(room, 'interim');
  await holdIncident.until(room, Date.now() + 60_000);
  expect(await check(room)).toMatchObject({ verifications: [{ working: true }], notifications: [], completed: [] });
  await holdIncident.until(room, Date.now() - 1);
  const result = await check(room);
  expect(result).toMatchObject({
    verifications: [{ halfContained: true }],
    notifications: [{ incidentId }],
    completed: [{ incidentId, status: 'quarantined' }],
    failures: [],
  });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  expect(await check(room)).toMatchObject({ verifications: [{ contained: true }], completed: [] });
});

test.each<[string, (room: IncidentRoom) => Partial<Policy>]>([
  ['observes only', () => ({ mode: 'observe' })],
  ['has no rule for it', () => ({ rules: [] })],
  ['protects the instance', ({ world }) => ({ protect: { instances: [world.instanceId], tags: [] } })],
  ['protects it by a tag', () => ({ protect: { instances: [], tags: ['Owner'] } })],
])('half contained, and the policy since then %s: brought to the end that was asked for', async (_name, change) => {
  const { room, incidentId } = await contained();
  await holdIncident.halfContained(room, 'interim');
  const result = await check(room, change(room));
  expect(result).toMatchObject({ completed: [{ incidentId, status: 'quarantined' }], failures: [] });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  const item = (await ledger(room)).get(`incident#${incidentId}`);
  expect(item?.['result']?.S).toContain('was left half contained');
});

test('half contained, and released before it could be completed: it stays released', async () => {
  const { room, incidentId } = await contained();
  await holdIncident.halfContained(room, 'interim');
  // A drift is told before anything is completed.
  const told = room.account.proxy.calls.length;
  const released: Promise<unknown>[] = [];
  room.account.proxy.latency(1_000, { operation: 'Publish' });
  const watch = setInterval(() => {
    if (released.length > 0 || !room.calls(told).includes('Publish')) return;
    room.account.proxy.latency(0, { operation: 'Publish' });
    released.push(release(room, { incident_id: incidentId, reason: 'false alarm' }, 'beside others'));
  }, 2);
  const result = await check(room);
  clearInterval(watch);
  expect(await Promise.all(released)).toMatchObject([{ status: 'released' }]);
  expect(result).toMatchObject({ completed: [{ incidentId, status: 'joined' }], failures: [] });
  expect((await room.reading()).interfaces).toEqual(room.world.groupIds);
  expect([...(await ledger(room)).values()].filter((item) => item['listed'] !== undefined)).toEqual([]);
});

test('released, half released and collected incidents are left alone; one that cannot be read stops no other', async () => {
  const { room, incidentId } = await contained();
  room.account.proxy.fault({ operation: 'AssociateIamInstanceProfile', kind: 'denied', times: 8 });
  const { status } = await release(room, { incident_id: incidentId, reason: 'false alarm' });
  expect(status).toBe('incomplete');
  await room.messages();
  expect(await check(room)).toEqual({
    verifications: [],
    notifications: [],
    completed: [],
    closed: [],
    overdue: [],
    failures: [],
  });
  room.account.proxy.fault({ operation: 'GetItem', kind: 'denied' });
  expect((await check(room)).failures).toEqual([expect.stringContaining(room.world.instanceId)]);
});

test('a release that died is told once, with what it has put back; nothing is put right behind its back', async () => {
  const { room, incidentId } = await contained();
  const { account } = room.world;
  const claim = { which: { incidentId }, within: { account }, holder: 'dead', leaseMs: 500, dryRun: false };
  await ledgerOf(room).claimRelease({ ...claim, now: Date.now() + 60_000 });
  // While it works, that is its own matter.
  expect(await check(room)).toMatchObject({ verifications: [], notifications: [], failures: [] });
  await holdIncident.until(room, Date.now() - 1);
  await holdIncident.halfContained(room, 'interim');
  expect(await check(room)).toMatchObject({
    verifications: [{ incidentId, contained: false, releasing: true }],
    notifications: [{ incidentId, status: 'done' }],
    completed: [],
    failures: [],
  });
  const [told, ...more] = await room.messages();
  expect(more).toEqual([]);
  expect(told?.body).toContain('a release began and never came to its end');
  expect(told?.body).toContain(`npx secresponse release --incident ${incidentId}`);
  expect(await check(room)).toMatchObject({ verifications: [{ contained: false }], notifications: [], completed: [] });
  const { status } = await release(room, { incident_id: incidentId, reason: 'false alarm' });
  expect(status).toBe('released');
});

test('open incidents are found by the index where the table has it, and by a scan where not', async () => {
  const { room, incidentId } = await contained();
  const start = room.account.proxy.calls.length;
  expect((await check(room)).verifications).toMatchObject([{ incidentId }]);
  expect(room.calls(start)).toContain('Scan');

  const table = new DynamoDBClient(labConfig({ endpoint: room.account.endpoint, region: room.world.region }));
  await table.send(
    new UpdateTableCommand({
      TableName: room.deployment.table,
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'listed', AttributeType: 'S' },
      ],
      GlobalSecondaryIndexUpdates: [
        {
          Create: {
            IndexName: 'open',
            KeySchema: [{ AttributeName: 'listed', KeyType: 'HASH' }],
            Projection: { ProjectionType: 'KEYS_ONLY' },
          },
        },
      ],
    }),
  );
  const after = room.account.proxy.calls.length;
  expect((await check(room)).verifications).toMatchObject([{ incidentId, contained: true }]);
  expect(room.calls(after)).toContain('Query');
  expect(room.calls(after)).not.toContain('Scan');
});

test('only exactly its own event is the clock', () => {
  expect(isDriftCheck({ secresponse: 'drift' })).toBe(true);
  for (const event of [null, 'drift', {}, { secresponse: 'other' }, { secresponse: 'drift', instance_id: 'i-1' }])
    expect(isDriftCheck(event)).toBe(false);
  const targets = [{ account: '111122223333', region: 'eu-central-1', instanceId: 'i-0123456789abcdef0' }];
  expect(driftTargets(driftPart(targets))).toEqual(targets);
  for (const event of [DRIFT_CHECK, { ...DRIFT_CHECK, targets: [{}] }, { ...driftPart(targets), instance_id: 'i-1' }])
    expect(driftTargets(event)).toBeNull();
});

test('an instance that is terminated: told once, its role is free of it again, and the incident is closed', async () => {
  const { room, incidentId } = await contained();
  const { instanceId, roleName, region } = room.world;
  const { endpoint } = room.account;
  const iam = new IAMClient(labConfig({ endpoint }));
  const policies = async () =>
    (await iam.send(new ListRolePoliciesCommand({ RoleName: roleName ?? '' }))).PolicyNames ?? [];
  expect(await policies()).toContain('secresponse-session-denial');
  await protect(room, false);
  await new EC2Client(labConfig({ endpoint, region })).send(
    new TerminateInstancesCommand({ InstanceIds: [instanceId] }),
  );
  expect(await check(room)).toMatchObject({ notifications: [{ incidentId, status: 'done' }], failures: [] });
  expect((await room.messages())[0]?.body).toContain('Its incident is closed');
  expect(await policies()).toEqual(['read-assets']);
  const item = (await ledger(room)).get(`incident#${incidentId}`);
  expect(item).toMatchObject({ status: { S: 'closed' }, open: { BOOL: false } });
  expect(JSON.parse(item?.['closed']?.S ?? '')).toMatchObject({
    by: 'secresponse',
    reason: 'the instance is terminated',
  });
  expect(await check(room)).toMatchObject({ verifications: [], notifications: [], failures: [] });
});

test('an incident that took evidence only is closed after a day', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event(({ detail }) => void (detail.severity = 5)));
  const status = async () => (await ledger(room)).get(`incident#${incidentId}`)?.['status']?.S;
  await check(room);
  expect(await status()).toBe('collected');
  await aDayLater(room);
  expect(await check(room)).toMatchObject({ failures: [] });
  expect(await status()).toBe('closed');
});
