/** One part fails or hangs, the rest is done, and every text says truthfully what was achieved. */
import { expect, test } from '@jest/globals';
import { DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { labConfig } from '../../src/lab/client.ts';
import { exitCode } from '../../src/runbook/plan.ts';
import { groupsIn, incidentRoom, isIsolated } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { release } from '../support/releaser.ts';
import { rolesAt } from '../support/roles.ts';

const local = useLocalAws();

test('interface change denied: failed, not isolated, and no text says quarantined', async () => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ operation: 'ModifyNetworkInterfaceAttribute', kind: 'denied' });
  const incident = await room.respond(room.event());
  expect(incident.status).toBe('failed');
  expect(exitCode([incident])).toBe(1);
  expect(incident.isolation).toMatchObject({ verified: false, secondsToIsolation: null });
  const network = incident.changes.find(({ action }) => action === 'quarantine-network');
  expect(network).toMatchObject({ status: 'failed', verified: false });
  expect(network?.reason).toContain('UnauthorizedOperation');
  expect(isIsolated(await room.reading(), room.world)).toBe(false);

  const texts = [
    JSON.stringify(incident),
    ...(await room.messages()).map(({ body, attributes }) => body + JSON.stringify(attributes)),
    ...(await room.objects()).map(({ body }) => Buffer.from(body).toString()),
  ];
  expect(texts.length).toBeGreaterThan(5);
  for (const text of texts) expect(text).not.toMatch(/quarantined/i);
});

test('one interface of two cannot be moved: the other is, and the isolation is not claimed', async () => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({
    operation: 'ModifyNetworkInterfaceAttribute',
    kind: 'denied',
    skip: 1,
    including: 'SecurityGroupId',
  });
  const incident = await room.respond(room.event());
  expect(incident.status).toBe('failed');
  const moved = Object.values((await room.reading()).interfaces).filter(
    (groups) => !Object.values(room.world.groupIds).some((before) => before.join() === groups.toSorted().join()),
  );
  expect(moved).toHaveLength(1);
});

test('the next finding tries again in the same incident, and the recorded `from` is still the original', async () => {
  const room = await incidentRoom(await local.newAccount());
  const heal = room.account.proxy.fault({
    operation: 'ModifyNetworkInterfaceAttribute',
    kind: 'denied',
    skip: 1,
    including: 'SecurityGroupId',
  });
  const first = await room.respond(room.event());
  heal();
  const second = await room.respond(room.event(({ detail }) => void (detail.id = 'another')));
  expect(second).toMatchObject({ status: 'quarantined', incidentId: first.incidentId });
  const { from } = second.changes.find(({ action }) => action === 'quarantine-network') ?? {};
  expect(groupsIn(from)).toEqual(room.world.groupIds);
  expect((await room.reading()).snapshots).toHaveLength(2);
});

test('every evidence call denied: still isolated, each failure listed', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { proxy } = room.account;
  for (const operation of [
    'GetConsoleScreenshot',
    'GetConsoleOutput',
    'CreateSnapshots',
    'CreateSnapshot',
    'DescribeVolumes',
    'DescribeSnapshots',
    'PutObject',
  ])
    proxy.fault({ operation, kind: 'denied' });
  const incident = await room.respond(room.event());
  proxy.clear();
  expect(incident.status).toBe('quarantined');
  expect(exitCode([incident])).toBe(1);
  const asked = incident.evidence.filter(({ collector }) => collector !== 'os-triage');
  expect(asked.map(({ status }) => status)).toEqual(Array(6).fill('failed'));
  for (const { reason } of asked) expect(reason).toMatch(/denied|Unauthorized/i);
  expect(incident.failures.join()).toContain('manifest');
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  expect(incident.notification.status).toBe('done');
});

test.each([
  ['GetConsoleScreenshot'],
  ['DescribeSnapshots'],
  ['PutObject'],
  ['UpdateItem'],
  ['DescribeInstances'],
  ['ModifyInstanceAttribute'],
  ['DisassociateIamInstanceProfile'],
  ['Publish'],
])('%s never answers: isolated all the same, and the failure is told', async (operation) => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ operation, kind: 'hang' });
  const incident = await room.respond(room.event());
  room.account.proxy.clear();
  expect(incident.status).toBe('quarantined');
  expect(exitCode([incident])).toBe(1);
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});

test('the interfaces cannot be listed by the first call: the second way finds them', async () => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ operation: 'DescribeNetworkInterfaces', kind: 'error' });
  const incident = await room.respond(room.event());
  room.account.proxy.clear();
  expect(incident.status).toBe('quarantined');
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});

test.each(['throttle', 'reset', 'lost-response'] as const)(
  'every call is hit by one %s: isolated, one set of snapshots, one incident',
  async (kind) => {
    const room = await incidentRoom(await local.newAccount());
    for (const operation of [
      'UpdateItem',
      'CreateSnapshots',
      'CreateSecurityGroup',
      'RevokeSecurityGroupEgress',
      'ModifyNetworkInterfaceAttribute',
      'DisassociateIamInstanceProfile',
      'ModifyInstanceAttribute',
      'PutObject',
    ])
      room.account.proxy.fault({ operation, kind, times: 1 });
    const incident = await room.respond(room.event());
    expect(incident.failures).toEqual([]);
    expect(incident.evidence.filter(({ status }) => status !== 'done').map(({ collector }) => collector)).toEqual([
      'os-triage',
    ]);
    expect(incident.changes.filter(({ verified }) => !verified)).toEqual([]);
    expect(incident.changes.filter(({ status }) => status === 'done').length).toBeGreaterThan(5);
    const reading = await room.reading();
    expect(isIsolated(reading, room.world)).toBe(true);
    expect(reading.snapshots).toHaveLength(2);
  },
);

test('CreateSnapshots never answers: isolated, and each volume gets a snapshot of its own', async () => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ operation: 'CreateSnapshots', kind: 'hang' });
  const incident = await room.respond(room.event(), { budgets: { collectorMs: 8_000 } });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  expect(incident.evidence.find(({ collector }) => collector === 'ebs-snapshots')?.status).toBe('done');
  expect((await room.reading()).snapshots).toHaveLength(2);
});

test('one volume keeps the set from being made: each volume gets a snapshot of its own', async () => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ operation: 'CreateSnapshots', kind: 'error' });
  const incident = await room.respond(room.event());
  expect(incident.evidence.find(({ collector }) => collector === 'ebs-snapshots')?.status).toBe('done');
  expect((await room.reading()).snapshots.map(({ volumeId }) => volumeId).toSorted()).toEqual(
    room.world.volumeIds.toSorted(),
  );
});

test('the ledger is gone: the run goes on unclaimed, isolates, and says so', async () => {
  const room = await incidentRoom(await local.newAccount());
  await new DynamoDBClient(labConfig({ endpoint: room.account.endpoint })).send(
    new DeleteTableCommand({ TableName: room.deployment.table }),
  );
  const incident = await room.respond(room.event());
  expect(incident.status).toBe('quarantined');
  expect(incident.failures.join()).toContain('could not be claimed');
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});

test.each(['GetInstanceProfile', 'GetRolePolicy'])(
  '%s is denied: isolated, and the sessions are not said to be denied',
  async (operation) => {
    const room = await incidentRoom(await local.newAccount());
    room.account.proxy.fault({ operation, kind: 'denied' });
    const incident = await room.respond(room.event());
    expect(incident.status).toBe('quarantined');
    const denial = incident.changes.find(({ action }) => action === 'session-denial');
    expect(denial).toMatchObject({ status: 'failed', verified: false, reason: expect.stringMatching(/AccessDenied/) });
    expect(exitCode([incident])).toBe(1);
  },
);

test.each([
  ['GetInstanceProfile', 'its own record'],
  ['GetRolePolicy', 'its own record'],
  ['DescribeIamInstanceProfileAssociations', 'what the instance shows'],
])('%s fails at first: isolated, and the sessions are denied late, by %s', async (operation) => {
  const room = await incidentRoom(await local.newAccount());
  const { proxy, endpoint } = room.account;
  // Of the associations, whoever asks: the evidence, this action, and the one that takes the profile away.
  const times = operation.startsWith('Describe') ? 4 : 1;
  proxy.fault({ operation, kind: 'denied', times });
  const incident = await room.respond(room.event(), { budgets: { verifyAttempts: 6 } });
  expect(incident).toMatchObject({ status: 'quarantined', failures: [] });
  expect(incident.changes.find(({ action }) => action === 'session-denial')).toMatchObject({
    status: 'done',
    verified: true,
    from: { roles: { [room.world.roleName ?? '']: 'none' } },
  });
  const text = await rolesAt(endpoint).denialText(room.world.roleName ?? '');
  expect(text).toContain(room.world.instanceId);
  proxy.clear();
  await release(room, { incident_id: incident.incidentId, reason: 'false alarm' });
  expect(await rolesAt(endpoint).denialText(room.world.roleName ?? '')).toBeNull();
});

test.each([
  [true, { status: 'done', verified: true }],
  [false, { status: 'failed', verified: false, reason: expect.stringContaining('AccessDenied') }],
])(
  'the profile is gone, its role was never read: the next run reads it by the record: %s',
  async (readable, denial) => {
    const room = await incidentRoom(await local.newAccount());
    const { proxy } = room.account;
    proxy.fault({ operation: 'GetInstanceProfile', kind: 'denied' });
    const mends = proxy.fault({ operation: 'ModifyNetworkInterfaceAttribute', kind: 'denied' });
    expect((await room.respond(room.event())).status).toBe('failed');
    expect((await room.reading()).profiles).toEqual([]);
    if (readable) proxy.clear();
    else mends();
    const again = await room.respond(room.event());
    expect(again.status).toBe('quarantined');
    expect(again.changes.find(({ action }) => action === 'session-denial')).toMatchObject(denial);
  },
);

test('the ledger can be written and not read: isolated, and what could not be asked is told', async () => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ service: 'dynamodb', operation: 'GetItem', kind: 'denied' });
  const incident = await room.respond(room.event());
  expect(incident.status).toBe('quarantined');
  expect(incident.failures.join('\n')).toContain('could not be asked whether the responder is stopped');
});

test.each([
  ['Publish', true],
  ['Publish and SendMessage', false],
])('%s denied: the message is among the dead letters: %s', async (operations, kept) => {
  const room = await incidentRoom(await local.newAccount());
  const { proxy } = room.account;
  for (const operation of operations.split(' and ')) proxy.fault({ operation, kind: 'denied' });
  const incident = await room.respond(room.event());
  proxy.clear();
  expect(incident.status).toBe('quarantined');
  expect(incident.notification).toMatchObject({
    status: 'failed',
    reason: expect.stringContaining(
      kept ? 'the message is in the queue of dead letters' : 'the queue of dead letters did not take it either',
    ),
  });
  const letters = (await room.deadLetters()).map(({ body }) => JSON.parse(body) as Record<string, string>);
  expect(letters).toHaveLength(kept ? 1 : 0);
  for (const letter of letters) {
    expect(letter).toMatchObject({ undelivered: 'notification', topic: room.deployment.topicArn });
    expect(letter['message']).toContain(incident.incidentId);
  }
});
