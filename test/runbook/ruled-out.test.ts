/** Faults that responders of this kind are known for, each ruled out by a test that is named after it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { incidentRoom, isIsolated, isWrite } from '../support/incident-room.ts';
import { createHost, managedRoom, respondQuickly, triageOf, type Host } from '../support/host.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { denialOf, wholeWorld } from '../support/whole-world.ts';

const local = useLocalAws();
let host: Host;
beforeAll(async () => void (host = await createHost()));
afterAll(() => host.remove());
const NEVER = { containment: { cutFlows: 'never' as const } };

test('success that was not: with every change of the network denied no text says that it is isolated', async () => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ operation: 'ModifyNetworkInterfaceAttribute', kind: 'denied' });
  const incident = await room.respond(room.event());
  expect(incident).toMatchObject({ status: 'failed', isolation: { verified: false, secondsToIsolation: null } });
  const [message] = await room.messages();
  expect(message?.body).toContain('is NOT shown to be isolated');
  expect(message?.body).not.toMatch(/\[ISOLATED|quarantined/i);
});

test('a hung command that holds isolation up: the host has left its groups before it is asked anything', async () => {
  const room = await managedRoom(await local.newAccount(), host, { 'ssm:agent': 'hung' });
  const start = room.account.proxy.calls.length;
  const incident = await respondQuickly(room, NEVER);
  expect(incident.status).toBe('quarantined');
  expect(triageOf(incident).status).toBe('failed');
  const calls = room.account.proxy.calls.slice(start);
  const move = calls.findIndex(({ request }) => request.includes('SecurityGroupId.1='));
  expect(move).toBeGreaterThan(0);
  expect(move).toBeLessThan(calls.findIndex(({ operation }) => operation === 'SendCommand'));
});

test('a second finding that takes everything twice: it joins, and nothing is taken or overwritten', async () => {
  const room = await incidentRoom(await local.newAccount());
  await room.respond(room.event(), NEVER);
  const keys = (await room.objects()).map(({ key }) => key);
  const again = await room.respond(
    room.event(({ detail }) => void (detail.id = 'another')),
    NEVER,
  );
  expect(again.status).toBe('joined');
  expect((await room.objects()).map(({ key }) => key)).toEqual(keys);
  expect((await room.reading()).snapshots).toHaveLength(2);
});

test('no instance profile that ends the response: isolated, and never put back', async () => {
  const room = await incidentRoom(await local.newAccount(), { profile: false });
  expect(await room.respond(room.event(), NEVER)).toMatchObject({ status: 'quarantined', failures: [] });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
});

test('no Systems Manager that ends the response: protected, snapshots taken, isolated', async () => {
  const room = await incidentRoom(await local.newAccount());
  expect(await room.respond(room.event(), NEVER)).toMatchObject({ status: 'quarantined', failures: [] });
  const reading = await room.reading();
  expect(reading).toMatchObject({ terminationProtection: true, rules: 0 });
  expect(reading.snapshots).toHaveLength(2);
});

test('isolation that comes last: it precedes the notification, the report and the seal', async () => {
  const room = await incidentRoom(await local.newAccount());
  const start = room.account.proxy.calls.length;
  await room.respond(room.event(), NEVER);
  const calls = room.account.proxy.calls.slice(start);
  const moved = Math.max(
    ...calls.filter(({ request }) => request.includes('SecurityGroupId.1=')).map(({ startedAt }) => startedAt),
  );
  const after = calls.filter(
    ({ operation, path }) => operation === 'Publish' || /\/(report\.html|manifest\.json)/.test(path),
  );
  expect(after).toHaveLength(3);
  for (const { startedAt } of after) expect(moved).toBeLessThan(startedAt);
});

test('a dry run that changes something: not one call that writes to the instance or around it', async () => {
  const room = await wholeWorld(await local.newAccount());
  const before = await room.everything(room.world.instanceId);
  const start = room.account.proxy.calls.length;
  const incident = await room.respond({ instance_id: room.world.instanceId, dryRun: true });
  expect(incident.status).toBe('notified');
  const writes = room.calls(start).filter(isWrite);
  expect(new Set(writes)).toEqual(new Set(['PutObject', 'Publish']));
  expect(await room.everything(room.world.instanceId)).toEqual(before);
});

test('an instance in no target group that fails the job: isolated, and the part is skipped with its reason', async () => {
  const room = await incidentRoom(await local.newAccount());
  const incident = await room.respond(room.event(), NEVER);
  expect(incident.status).toBe('quarantined');
  expect(incident.changes.find(({ action }) => action === 'load-balancers')).toMatchObject({
    status: 'skipped',
    verified: true,
  });
});

test('groups that are changed by instance, which AWS refuses with several interfaces: each by itself', async () => {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 3 });
  const start = room.account.proxy.calls.length;
  await room.respond(room.event(), NEVER);
  const calls = room.account.proxy.calls.slice(start);
  expect(calls.filter(({ request }) => request.includes('SecurityGroupId.1='))).toHaveLength(3);
  const byInstance = calls.filter(
    ({ operation, request }) => operation === 'ModifyInstanceAttribute' && request.includes('GroupId'),
  );
  expect(byInstance).toEqual([]);
});

test('a profile that is taken off and put on in two calls: the collection profile replaces it in one', async () => {
  const room = await managedRoom(await local.newAccount(), host);
  const start = room.account.proxy.calls.length;
  const incident = await respondQuickly(room, NEVER);
  expect(incident.status).toBe('quarantined');
  const calls = room.calls(start);
  expect(calls).toContain('ReplaceIamInstanceProfileAssociation');
  expect(calls).not.toContain('AssociateIamInstanceProfile');
});

test("a whole role's sessions that are revoked: the policy names the one instance, not its sibling", async () => {
  const room = await wholeWorld(await local.newAccount());
  await room.respond(room.event(), NEVER);
  const denial = (await denialOf(room)) ?? '';
  expect(denial).toContain(room.world.instanceId);
  expect(denial).not.toContain(room.siblingId);
  expect(denial).not.toContain('TokenIssueTime');
});
