import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { AuthorizeSecurityGroupIngressCommand, CreateSecurityGroupCommand, EC2Client } from '@aws-sdk/client-ec2';
import { actions } from '../../src/containment/index.ts';
import { labConfig } from '../../src/lab/client.ts';
import { rounds } from '../../src/lab/rounds.ts';
import { groupsIn, incidentRoom, isIsolated, isWrite } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

const targetChanges = ['ModifyNetworkInterfaceAttribute', 'ModifyInstanceAttribute', 'DisassociateIamInstanceProfile'];

test('a finding of severity 8: evidence, protection, credentials, isolation, all seen by an independent reading', async () => {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 3, otherVpc: true });
  const incident = await room.respond(room.event());
  const { world } = room;

  expect(incident.status).toBe('quarantined');
  expect(incident.failures).toEqual([]);
  expect(incident.evidence.map(({ collector, status }) => [collector, status])).toEqual([
    ['finding', 'done'],
    ['instance-metadata', 'done'],
    ['console-screenshot', 'done'],
    ['console-output', 'done'],
    ['ebs-snapshots', 'done'],
    ['os-triage', 'skipped'],
    ['plan', 'done'],
  ]);
  expect(incident.isolation).toMatchObject({ verified: true, establishedFlows: 'cut-attempted' });
  expect(incident.isolation?.secondsToIsolation).toBeGreaterThan(0);

  const reading = await room.reading();
  expect(isIsolated(reading, world)).toBe(true);
  expect(new Set(Object.values(reading.interfaces).flat()).size).toBe(2); // a group per VPC
  expect(reading.profiles).toEqual([]);
  expect(reading.terminationProtection).toBe(true);
  expect(reading.snapshots.map(({ volumeId }) => volumeId).toSorted()).toEqual(world.volumeIds.toSorted());
  for (const { tags } of reading.snapshots) expect(tags['secresponse:incident']).toBe(incident.incidentId);

  // What the record says of before and after is what was and is.
  const network = incident.changes.find(({ action }) => action === 'quarantine-network');
  expect(groupsIn(network?.from)).toEqual(world.groupIds);
  expect(groupsIn(network?.to)).toEqual(reading.interfaces);
  expect(incident.changes.find(({ action }) => action === 'instance-profile')?.from).toEqual({
    profiles: [world.instanceProfileArn],
  });

  const [message] = await room.messages();
  expect(message?.attributes).toEqual({
    severity: 'HIGH',
    response: 'quarantine',
    status: 'quarantined',
    account: world.account,
    region: world.region,
  });
});

test('the manifest has the hash of every object as it lies in the vault, and the screenshot is a JPEG', async () => {
  const room = await incidentRoom(await local.newAccount());
  const incident = await room.respond(room.event());
  const objects = new Map((await room.objects()).map(({ key, body }) => [key, body]));
  const manifest = (await room.object('manifest.json')) as {
    artifacts: { key: string; sha256: string; bytes: number }[];
  };

  expect(manifest.artifacts.length).toBe(9);
  for (const { key, sha256, bytes } of manifest.artifacts) {
    const body = objects.get(key);
    expect(body?.length).toBe(bytes);
    expect(
      createHash('sha256')
        .update(body ?? '')
        .digest('hex'),
    ).toBe(sha256);
  }
  expect(incident.manifest?.sha256).toBe(
    createHash('sha256')
      .update(objects.get(`${incident.evidencePrefix}manifest.json`) ?? '')
      .digest('hex'),
  );
  const jpeg = objects.get(`${incident.evidencePrefix}console-screenshot.jpg`);
  expect([...(jpeg ?? []).slice(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
  expect(objects.has(`${incident.evidencePrefix}report.html`)).toBe(true);
});

test('every evidence call is initiated before the first change of the target, and `from` is stored before it', async () => {
  const room = await incidentRoom(await local.newAccount());
  const start = room.account.proxy.calls.length;
  await room.respond(room.event());
  const calls = room.calls(start);
  const firstChange = calls.findIndex((name) => targetChanges.includes(name));
  for (const name of ['GetConsoleScreenshot', 'GetConsoleOutput', 'CreateSnapshots', 'DescribeVolumes'])
    expect([name, calls.indexOf(name) >= 0 && calls.indexOf(name) < firstChange]).toEqual([name, true]);
  // The claim is the first update of the ledger, `from` the second.
  const updates = calls.flatMap((name, index) => (name === 'UpdateItem' ? [index] : []));
  expect(updates[1]).toBeLessThan(firstChange);
});

test('at most six calls stand one behind the other from the claim to the last interface change', async () => {
  const room = await incidentRoom(await local.newAccount({ latencyMs: 200 }));
  const start = room.account.proxy.calls.length;
  await room.respond(room.event(), { containment: { cutFlows: 'never' } });
  const calls = room.account.proxy.calls.slice(start);
  const levels = rounds(calls);
  const moves = calls.filter(
    ({ operation, request }) => operation === 'ModifyNetworkInterfaceAttribute' && request.includes('SecurityGroupId'),
  );
  expect(moves).toHaveLength(2);
  expect(Math.max(...moves.map(({ seq }) => levels.get(seq) ?? 0))).toBeLessThanOrEqual(6);
});

test.each([
  ['stopped', { state: 'stopped' as const }],
  ['without a profile', { profile: false }],
  ['with one interface and one volume', { interfaces: 1, volumes: 1 }],
])('an instance that is %s is isolated too', async (_name, options) => {
  const room = await incidentRoom(await local.newAccount(), options);
  const incident = await room.respond(room.event());
  expect(incident.status).toBe('quarantined');
  expect(incident.failures).toEqual([]);
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  const profile = incident.changes.find(({ action }) => action === 'instance-profile');
  expect(profile?.status).toBe(room.world.instanceProfileArn === null ? 'skipped' : 'done');
});

test('collect changes nothing on the instance or around it', async () => {
  const room = await incidentRoom(await local.newAccount());
  const before = await room.reading();
  const start = room.account.proxy.calls.length;
  const incident = await room.respond(room.event(({ detail }) => void (detail.severity = 5)));
  const writes = new Set(room.calls(start).filter(isWrite));
  expect(incident).toMatchObject({ status: 'collected', changes: [], isolation: null });
  expect([...writes].toSorted()).toEqual(['CreateSnapshots', 'Publish', 'PutObject', 'UpdateItem']);
  expect({ ...(await room.reading()), snapshots: [] }).toEqual({ ...before, snapshots: [] });
});

test('a protected tag that only the instance itself shows caps at collect, a forced request with a reason does not', async () => {
  const room = await incidentRoom(await local.newAccount(), { tags: { 'aws:eks:cluster-name': 'shop' } });
  const capped = await room.respond(room.event());
  expect(capped).toMatchObject({ status: 'collected', changes: [] });
  expect(capped.decision.reasons.join(' ')).toContain('aws:eks:cluster-name');

  const request = { instance_id: room.world.instanceId };
  expect((await room.respond(request)).status).toBe('joined');
  const forced = await room.respond({ ...request, force: true, reason: 'confirmed by the team' });
  expect(forced.status).toBe('quarantined');
  expect(forced.incidentId).toBe(capped.incidentId);
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});

test('observe mode plans, tells and changes nothing; a manual request runs for real all the same', async () => {
  const room = await incidentRoom(await local.newAccount());
  const env = { SECRESPONSE_MODE: 'observe' };
  const start = room.account.proxy.calls.length;
  const incident = await room.respond(room.event(), { env });
  expect(incident.status).toBe('notified');
  expect(incident.decision.dryRun).toBe(true);
  expect(incident.changes.length).toBe(actions.length);
  for (const { status, verified } of incident.changes) expect([status, verified]).toEqual(['skipped', false]);
  expect(incident.changes.every(({ from, to }) => from !== null && to !== null)).toBe(true);
  expect(room.calls(start).filter(isWrite).toSorted()).toEqual(['Publish', 'PutObject', 'PutObject']);
  expect((await room.objects()).map(({ key }) => key.split('/').at(-1) ?? '').toSorted()).toEqual([
    'notification.txt',
    'plan.json',
  ]);
  const [message] = await room.messages();
  expect(message?.body).toContain('dry');

  const manual = await room.respond({ instance_id: room.world.instanceId }, { env });
  expect(manual.status).toBe('quarantined');
});

test('a second finding that asks for no more joins the open incident and changes nothing', async () => {
  const room = await incidentRoom(await local.newAccount());
  const first = await room.respond(room.event());
  const start = room.account.proxy.calls.length;
  const second = await room.respond(room.event(({ detail }) => void (detail.id = 'another')));
  expect(second).toMatchObject({ status: 'joined', incidentId: first.incidentId });
  expect(new Set(room.calls(start).filter(isWrite))).toEqual(new Set(['UpdateItem']));
  expect((await room.reading()).snapshots).toHaveLength(2);
});

test('a finding that asks for more escalates the same incident: nothing is taken twice, the seals are chained', async () => {
  const room = await incidentRoom(await local.newAccount());
  const first = await room.respond(room.event(({ detail }) => void (detail.severity = 5)));
  const second = await room.respond(room.event(({ detail }) => void (detail.severity = 8)));
  expect(first.status).toBe('collected');
  expect(second).toMatchObject({ status: 'quarantined', incidentId: first.incidentId });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  expect((await room.reading()).snapshots).toHaveLength(2);
  const seal = (await room.object('manifest.2.json')) as { previous: object };
  expect(seal.previous).toEqual(first.manifest);
});

test('a group of ours that somebody gave rules to is emptied before it is used', async () => {
  const account = await local.newAccount();
  const room = await incidentRoom(account);
  // The group is there from an earlier incident of another instance in the same VPC; somebody opened it since.
  const ec2 = new EC2Client(labConfig({ endpoint: account.endpoint }));
  const { GroupId = '' } = await ec2.send(
    new CreateSecurityGroupCommand({
      VpcId: room.world.vpcId,
      GroupName: 'secresponse-quarantine',
      Description: 'as left',
      TagSpecifications: [
        { ResourceType: 'security-group', Tags: [{ Key: 'secresponse:group', Value: 'quarantine' }] },
      ],
    }),
  );
  await ec2.send(
    new AuthorizeSecurityGroupIngressCommand({
      GroupId,
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    }),
  );
  const incident = await room.respond(room.event());
  expect(incident.status).toBe('quarantined');
  const reading = await room.reading();
  expect(new Set(Object.values(reading.interfaces).flat())).toEqual(new Set([GroupId]));
  expect(reading.rules).toBe(0);
});
