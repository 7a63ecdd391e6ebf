/** Release: what was recorded comes back, what a person has changed stays, and what cannot be put back is told. */
import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import {
  DetachNetworkInterfaceCommand,
  EC2Client,
  ModifyInstanceAttributeCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { actions } from '../../src/containment/index.ts';
import { labConfig } from '../../src/lab/client.ts';
import { memoryStore, type ExecutionStore } from '../../src/runbook/engine.ts';
import { releaseExitCode } from '../../src/runbook/release-result.ts';
import { incidentRoom, isIsolated, isWrite, type IncidentRoom } from '../support/incident-room.ts';
import { createCollectionProfile, PROFILE_ENV } from '../support/host.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { giveProfile, ledger, release, restorable, setGroups, tryRelease, wholeInstance } from '../support/releaser.ts';

const local = useLocalAws();
const reason = 'false alarm: a penetration test';

test('after respond and release a full reading equals the first, with three interfaces in two VPCs', async () => {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 3, otherVpc: true });
  const [before, whole] = [restorable(await room.reading()), await wholeInstance(room)];
  const incident = await room.respond(room.event());
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  const result = await release(room, { incident_id: incident.incidentId, reason, by: 'arn:aws:iam::1:user/mia' });

  expect(restorable(await room.reading())).toEqual(before);
  expect(await wholeInstance(room)).toEqual(whole);
  expect(result).toMatchObject({ status: 'released', reason, by: 'arn:aws:iam::1:user/mia', failures: [] });
  expect(releaseExitCode(result)).toBe(0);
  expect(result.changes.map(({ action }) => action)).toEqual(actions.map(({ name }) => name).toReversed());
  const done = result.changes.filter(({ status, verified }) => status === 'done' && verified);
  expect(done.map(({ action }) => action)).toEqual([
    'quarantine-network',
    'connection-tracking',
    'metadata-service',
    'instance-profile',
    'session-denial',
    'keep-volumes',
    'stop-protection',
    'termination-protection',
  ]);
});

test('the ledger, release.json, a second manifest and a notification tell who released it and why', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId, manifest: first } = await room.respond(room.event());
  const result = await release(room, { instance_id: room.world.instanceId, reason, by: 'mia' });

  const items = await ledger(room);
  const { account, region, instanceId } = room.world;
  const target = `target#${account}#${region}#${instanceId}`;
  expect([...items.keys()]).toEqual(['control', `incident#${incidentId}`, target]);
  expect(items.get(target)).toMatchObject({ endedId: { S: incidentId }, endedHow: { S: 'released' } });
  for (const name of ['incidentId', 'listed', 'settled']) expect(items.get(target)).not.toHaveProperty(name);
  const item = items.get(`incident#${incidentId}`);
  expect(item?.['status']?.S).toBe('released');
  expect(item?.['open']?.BOOL).toBe(false);
  expect(JSON.parse(item?.['result']?.S ?? '')).toMatchObject({ status: 'quarantined' });
  expect(JSON.parse(item?.['release']?.S ?? '')).toMatchObject({ status: 'released', by: 'mia', reason, number: 1 });

  expect(await room.object('release.json')).toMatchObject({ incidentId, status: 'released', by: 'mia', reason });
  const objects = new Map((await room.objects()).map(({ key, body }) => [key, body]));
  const sealed = (await room.object('manifest.2.json')) as {
    previous: unknown;
    artifacts: { key: string; sha256: string }[];
  };
  expect(sealed.previous).toEqual(first);
  const digest = (key: string) =>
    createHash('sha256')
      .update(objects.get(key) ?? '')
      .digest('hex');
  for (const { key, sha256 } of sealed.artifacts) expect(digest(key)).toBe(sha256);
  expect(sealed.artifacts.at(-1)?.key).toMatch(/\/release\.json$/);
  expect(result.manifest?.key).toMatch(/\/manifest\.2\.json$/);

  const told = (await room.messages()).at(-1);
  expect(told?.attributes).toMatchObject({ status: 'released' });
  expect(told?.body).toContain(reason);
  expect(told?.body).toContain('mia');
});

test('a finding after the release opens a new incident, which isolates again', async () => {
  const room = await incidentRoom(await local.newAccount());
  const before = restorable(await room.reading());
  const first = await room.respond(room.event());
  await release(room, { incident_id: first.incidentId, reason });
  const second = await room.respond(
    room.event(({ detail }) => {
      detail.id = 'another';
      detail.updatedAt = new Date(Date.now() + 60_000).toISOString();
    }),
    { containment: { releaseHold: 0 } },
  );
  expect(second.status).toBe('quarantined');
  expect(second.incidentId).not.toBe(first.incidentId);
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  await release(room, { instance_id: room.world.instanceId, reason });
  expect(restorable(await room.reading())).toEqual(before);
});

test('a profile that is refused is told, the rest comes back, and a repeated release completes', async () => {
  const room = await incidentRoom(await local.newAccount());
  const before = restorable(await room.reading());
  const { incidentId } = await room.respond(room.event());
  const heal = room.account.proxy.fault({ operation: 'AssociateIamInstanceProfile', kind: 'denied' });
  const partly = await release(room, { incident_id: incidentId, reason });

  expect(partly.status).toBe('incomplete');
  expect(releaseExitCode(partly)).toBe(1);
  const failed = partly.changes.filter(({ status }) => status === 'failed');
  expect(failed).toMatchObject([{ action: 'instance-profile', verified: false }]);
  expect(failed[0]?.reason).toContain('UnauthorizedOperation');
  expect(restorable(await room.reading())).toEqual({ ...before, profiles: [] });
  expect((await ledger(room)).get(`incident#${incidentId}`)?.['status']?.S).toBe('releasing');

  heal();
  const rest = await release(room, { incident_id: incidentId, reason: 'the role is allowed now' });
  expect(rest.status).toBe('released');
  expect(restorable(await room.reading())).toEqual(before);
  expect(await room.object('release.2.json')).toMatchObject({ status: 'released', reason: 'the role is allowed now' });
  const last = (await room.object('manifest.3.json')) as { previous: unknown; artifacts: { key: string }[] };
  expect(last.previous).toEqual(partly.manifest);
  expect(last.artifacts.filter(({ key }) => /release/.test(key))).toHaveLength(2);
});

test('a finding on a half released instance isolates it again, in the same incident', async () => {
  const room = await incidentRoom(await local.newAccount());
  const before = restorable(await room.reading());
  const first = await room.respond(room.event());
  const heal = room.account.proxy.fault({ operation: 'AssociateIamInstanceProfile', kind: 'denied' });
  await release(room, { incident_id: first.incidentId, reason });
  heal();
  const again = await room.respond(room.event(({ detail }) => void (detail.id = 'another')));
  expect(again).toMatchObject({ status: 'quarantined', incidentId: first.incidentId });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  const joined = await room.respond(room.event(({ detail }) => void (detail.id = 'third')));
  expect(joined.status).toBe('joined');
  await release(room, { incident_id: first.incidentId, reason });
  expect(restorable(await room.reading())).toEqual(before);
});

test('what a person has changed since is left alone and told', async () => {
  const room = await incidentRoom(await local.newAccount());
  const [one = '', other = ''] = room.world.interfaceIds;
  const { incidentId } = await room.respond(room.event());
  const own = room.world.groupIds[one]?.slice(0, 1) ?? [];
  await setGroups(room, one, own);
  await giveProfile(room, room.world.instanceProfileArn ?? '');
  const result = await release(room, { incident_id: incidentId, reason });

  expect(result.status).toBe('released');
  expect((await room.reading()).interfaces).toEqual({ [one]: own, [other]: room.world.groupIds[other] });
  const [network, profile] = result.changes;
  expect(network).toMatchObject({ status: 'done', verified: true });
  expect(network?.reason).toContain(`${one} is left in ${own.join()}: somebody has changed its groups since`);
  expect(profile).toMatchObject({ status: 'skipped', reason: 'it is so already', verified: true });
  expect((await room.messages()).at(-1)?.body).toContain('somebody has changed its groups');
});

test("a profile of our own that was left behind is nobody's change: the former one comes back", async () => {
  const room = await incidentRoom(await local.newAccount());
  const before = restorable(await room.reading());
  const { incidentId } = await room.respond(room.event());
  await createCollectionProfile(room.account.endpoint);
  const arn = `arn:aws:iam::${room.world.account}:instance-profile/${PROFILE_ENV.COLLECTION_INSTANCE_PROFILE}`;
  await giveProfile(room, arn);
  Object.assign(room.env, PROFILE_ENV);
  expect(await release(room, { incident_id: incidentId, reason })).toMatchObject({ status: 'released' });
  expect(restorable(await room.reading())).toEqual(before);
});

test('an interface that is gone is told, the others come back', async () => {
  const room = await incidentRoom(await local.newAccount(), { otherVpc: true });
  const [one = '', gone = ''] = room.world.interfaceIds;
  const { incidentId } = await room.respond(room.event());
  const ec2 = new EC2Client(labConfig({ endpoint: room.account.endpoint, region: room.world.region }));
  const { NetworkInterfaces = [] } = (await wholeInstance(room)) ?? {};
  const attached = NetworkInterfaces.find(({ NetworkInterfaceId }) => NetworkInterfaceId === gone);
  await ec2.send(new DetachNetworkInterfaceCommand({ AttachmentId: attached?.Attachment?.AttachmentId }));
  const result = await release(room, { incident_id: incidentId, reason });
  expect(result.status).toBe('released');
  expect(result.changes[0]?.reason).toContain(`${gone} is not attached to the instance any more`);
  expect((await room.reading()).interfaces[one]).toEqual(room.world.groupIds[one]);
});

test('a state that was never recorded is not guessed', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  await forget(room, incidentId);
  const isolated = (await room.reading()).interfaces;
  const result = await release(room, { incident_id: incidentId, reason });
  expect(result.status).toBe('incomplete');
  const failed = result.changes.filter(({ status }) => status === 'failed').map(({ action }) => action);
  expect(failed).toEqual(expect.arrayContaining(['quarantine-network', 'instance-profile', 'termination-protection']));
  expect(result.changes[0]?.reason).toContain('its groups before are not known');
  expect((await room.reading()).interfaces).toEqual(isolated);
});

test('a terminated instance: nothing to put back, the incident is closed', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  await terminate(room);
  const result = await release(room, { incident_id: incidentId, reason });
  expect(result.status).toBe('released');
  expect(result.changes.every(({ status, reason: why }) => status === 'skipped' && /terminated/.test(why ?? ''))).toBe(
    true,
  );
});

test('evidence was collected only: nothing to undo, the incident is closed', async () => {
  const room = await incidentRoom(await local.newAccount());
  const incident = await room.respond(room.event(({ detail }) => void (detail.severity = 5)));
  expect(incident.status).toBe('collected');
  const start = room.account.proxy.calls.length;
  const result = await release(room, { incident_id: incident.incidentId, reason });
  expect(result.status).toBe('released');
  expect(result.changes.every(({ status }) => status === 'skipped')).toBe(true);
  expect(room.calls(start).filter((name) => /^(Modify|Associate|Disassociate)/.test(name))).toEqual([]);
});

test('an unknown incident and one that is released already are refused', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  expect(await tryRelease(room, { incident_id: 'inc-unknown', reason })).toEqual({
    refused: 'there is no incident inc-unknown',
  });
  await release(room, { incident_id: incidentId, reason });
  expect(await tryRelease(room, { incident_id: incidentId, reason })).toEqual({
    refused: expect.stringContaining('was released already'),
  });
  expect(await tryRelease(room, { instance_id: room.world.instanceId, reason })).toEqual({
    refused: expect.stringContaining('no incident is open on'),
  });
});

test('a dry run shows every change and makes none', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  const before = await room.reading();
  const start = room.account.proxy.calls.length;
  const result = await release(room, { incident_id: incidentId, reason, dryRun: true });
  expect(result.status).toBe('dry-run');
  for (const { status } of result.changes) expect(status).toBe('skipped');
  const back = result.changes.filter(({ reason: why }) => why?.startsWith('dry run: would be put back'));
  expect(back.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['quarantine-network', 'instance-profile', 'termination-protection', 'stop-protection']),
  );
  expect(room.calls(start).filter(isWrite)).toEqual([]);
  expect(await room.reading()).toEqual(before);
});

test.each(['UpdateItem', 'ModifyNetworkInterfaceAttribute', 'AssociateIamInstanceProfile', 'PutObject', 'Publish'])(
  'a lost answer to %s: released all the same',
  async (operation) => {
    const room = await incidentRoom(await local.newAccount());
    const before = restorable(await room.reading());
    const { incidentId } = await room.respond(room.event());
    room.account.proxy.fault({ operation, kind: 'lost-response', times: 1 });
    const result = await release(room, { incident_id: incidentId, reason });
    expect(result).toMatchObject({ status: 'released', failures: [] });
    expect(restorable(await room.reading())).toEqual(before);
  },
);

test('the ledger fails at the end: incomplete, the incident stays open', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  const heal = room.account.proxy.fault({ operation: 'UpdateItem', kind: 'denied', including: 'endedId' });
  const result = await release(room, { incident_id: incidentId, reason });
  heal();
  expect(result.status).toBe('incomplete');
  expect(result.failures.join()).toContain('the ledger does not know of the release');
});

test('an incident that a live run holds is refused, and can be released when the claim has run out', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  await hold(room, Date.now() + 60_000);
  const payload = { incident_id: incidentId, reason };
  expect(await tryRelease(room, payload)).toEqual({
    refused: expect.stringMatching(/a run works on incident inc-.* at this moment/),
  });
  await hold(room, Date.now() - 1);
  expect(await release(room, payload)).toMatchObject({ status: 'released' });
});

test('in the Lambda a release waits for the run that holds the incident, and a refusal is what it ends with', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  await hold(room, Date.now() + 1_500);
  const payload = { incident_id: incidentId, reason };
  expect(await tryRelease(room, payload, inLambda(room, payload))).toMatchObject({ release: { status: 'released' } });
  expect(await tryRelease(room, payload, inLambda(room, payload))).toMatchObject({
    refused: expect.stringContaining('was released already'),
  });
});

/** The state of an execution that Lambda has begun. */
function inLambda({ world }: IncidentRoom, input: object): ExecutionStore {
  const store = memoryStore();
  const arn = `arn:aws:lambda:${world.region}:${world.account}:function:release:7/durable-execution/one/two`;
  store.save({ version: 1, arn, input, pid: process.pid, operations: [] });
  return store;
}

function table({ account, world }: IncidentRoom): DynamoDBClient {
  return new DynamoDBClient(labConfig({ endpoint: account.endpoint, region: world.region }));
}

/** The record of the state before is lost. */
async function forget(room: IncidentRoom, incidentId: string): Promise<void> {
  await table(room).send(
    new UpdateItemCommand({
      TableName: room.deployment.table,
      Key: { pk: { S: `incident#${incidentId}` } },
      UpdateExpression: 'REMOVE #from, fromNetwork',
      ExpressionAttributeNames: { '#from': 'from' },
    }),
  );
}

/** Another execution's claim until then. */
async function hold(room: IncidentRoom, until: number): Promise<void> {
  const { account, region, instanceId } = room.world;
  await table(room).send(
    new UpdateItemCommand({
      TableName: room.deployment.table,
      Key: { pk: { S: `target#${account}#${region}#${instanceId}` } },
      UpdateExpression: 'SET holder = :holder, leaseUntil = :until',
      ExpressionAttributeValues: { ':holder': { S: 'somebody' }, ':until': { N: String(until) } },
    }),
  );
}

async function terminate(room: IncidentRoom): Promise<void> {
  const ec2 = new EC2Client(labConfig({ endpoint: room.account.endpoint, region: room.world.region }));
  const InstanceId = room.world.instanceId;
  await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }));
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }));
}
