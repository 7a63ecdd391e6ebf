/** Idle times: the shortest on every interface that can be changed, and given back to each. */
import {
  AttachNetworkInterfaceCommand,
  CreateNetworkInterfaceCommand,
  DescribeNetworkInterfacesCommand,
  DetachNetworkInterfaceCommand,
  ModifyNetworkInterfaceAttributeCommand,
} from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import { connectionTracking } from '../../src/containment/connection-tracking.ts';
import { actionRoom, type ActionRoom } from '../support/action-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

const unset = { tcp: null, udpStream: 180, udp: 30 };
const shortest = { tcp: 60, udpStream: 60, udp: 30 };
/** As AWS names them. */
const defaults = { TcpEstablishedTimeout: 432_000, UdpStreamTimeout: 180, UdpTimeout: 30 };
const short = { TcpEstablishedTimeout: 60, UdpStreamTimeout: 60, UdpTimeout: 30 };

/** Of each interface of the world, by the SDK. */
async function timeouts({ ec2, world }: ActionRoom): Promise<unknown[]> {
  const { NetworkInterfaces = [] } = await ec2.send(
    new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: world.interfaceIds }),
  );
  return world.interfaceIds.map(
    (id) =>
      NetworkInterfaces.find(({ NetworkInterfaceId }) => NetworkInterfaceId === id)?.ConnectionTrackingConfiguration,
  );
}

async function set({ ec2 }: ActionRoom, id: string, ConnectionTrackingSpecification: object): Promise<void> {
  await ec2.send(
    new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: id, ConnectionTrackingSpecification }),
  );
}

async function attachAnother({ ec2, world }: ActionRoom): Promise<string> {
  const { NetworkInterface } = await ec2.send(new CreateNetworkInterfaceCommand({ SubnetId: world.subnetId }));
  const id = NetworkInterface?.NetworkInterfaceId ?? '';
  await ec2.send(
    new AttachNetworkInterfaceCommand({ InstanceId: world.instanceId, NetworkInterfaceId: id, DeviceIndex: 5 }),
  );
  return id;
}

async function detach({ ec2 }: ActionRoom, id: string): Promise<void> {
  const { NetworkInterfaces } = await ec2.send(new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [id] }));
  const AttachmentId = NetworkInterfaces?.[0]?.Attachment?.AttachmentId;
  await ec2.send(new DetachNetworkInterfaceCommand({ AttachmentId }));
}

test('every interface gets the shortest times, and back what it had: set by a person, or the default of its type', async () => {
  const room = await actionRoom(connectionTracking, await local.newAccount());
  const [first = '', second = ''] = room.world.interfaceIds;
  await set(room, second, { TcpEstablishedTimeout: 900, UdpTimeout: 45 });
  const contained = await room.contain();
  expect(contained).toMatchObject({
    from: { [first]: unset, [second]: { tcp: 900, udpStream: 180, udp: 45 } },
    to: { [first]: shortest, [second]: shortest },
    idle: null,
    verified: true,
  });
  expect(await timeouts(room)).toEqual([short, short]);
  const described = connectionTracking.describe(contained.from, contained.to);
  expect(described).toContain(`${first}: default, 180, 30 s → 60, 60, 30 s`);

  expect(await room.contain(contained.from)).toMatchObject({ from: contained.from, verified: true });
  expect(await room.release(contained)).toEqual({ left: [], lost: [], verified: true, after: expect.anything() });
  expect(await timeouts(room)).toEqual([undefined, { ...defaults, TcpEstablishedTimeout: 900, UdpTimeout: 45 }]);
  // The default is read as not set, whether it was written or not.
  expect(await room.read()).toEqual(contained.from);
  expect(await room.release(contained)).toMatchObject({ skip: 'it is so already' });
});

test('where nothing is set, one call reads it', async () => {
  const room = await actionRoom(connectionTracking, await local.newAccount());
  const before = room.account.proxy.calls.length;
  await room.read();
  expect(room.account.proxy.calls.slice(before).map(({ operation }) => operation)).toEqual([
    'DescribeNetworkInterfaces',
  ]);
});

test('an interface that AWS manages is left and named, the others are changed and given back', async () => {
  const room = await actionRoom(connectionTracking, await local.newAccount(), { requesterManaged: true });
  const managed = room.world.interfaceIds.at(-1) ?? '';
  const contained = await room.contain();
  expect(contained).toMatchObject({ verified: true, to: { [managed]: { ...unset, requester: 'amazon-eks' } } });
  expect(contained.error).toBeUndefined();
  expect(await timeouts(room)).toEqual([short, short, undefined]);
  expect(connectionTracking.risks?.(contained.from, contained.to, room.context)).toEqual([
    expect.stringContaining(`${managed} is managed by amazon-eks`),
  ]);
  expect(await room.release(contained)).toEqual({ left: [], lost: [], verified: true, after: expect.anything() });
});

test('one interface that AWS refuses does not cost the other, and is named', async () => {
  const room = await actionRoom(connectionTracking, await local.newAccount());
  room.account.proxy.fault({ operation: 'ModifyNetworkInterfaceAttribute', kind: 'denied', times: 1 });
  const contained = await room.contain();
  expect(contained.verified).toBe(false);
  expect(contained.error).toMatch(/eni-\w+: UnauthorizedOperation/);
  expect((await timeouts(room)).filter((found) => found !== undefined)).toEqual([short]);
  expect(await room.contain(contained.from)).toMatchObject({ from: contained.from, verified: true });
});

test('an interface that comes later is changed, and gets back what it had', async () => {
  const room = await actionRoom(connectionTracking, await local.newAccount());
  const first = await room.contain();
  const later = await attachAnother(room);
  const contained = await room.contain(first.from);
  expect(contained).toMatchObject({ verified: true, from: { [later]: unset }, to: { [later]: shortest } });
  expect(await room.release(contained)).toEqual({ left: [], lost: [], verified: true, after: expect.anything() });
  expect(await room.read()).toMatchObject({ [later]: unset });
});

test('one that came later and has our times without a record is no state to go back to', async () => {
  const room = await actionRoom(connectionTracking, await local.newAccount());
  const first = await room.contain();
  const later = await attachAnother(room);
  await set(room, later, short);
  const contained = await room.contain(first.from);
  expect(contained.from).not.toHaveProperty(later);
  expect((await room.release(contained)).lost).toEqual([`${later} keeps short idle times: those before are not known`]);
});

test('what a person changed or detached since is left and named', async () => {
  const room = await actionRoom(connectionTracking, await local.newAccount(), { interfaces: 3 });
  const [first = '', second = '', third = ''] = room.world.interfaceIds;
  const contained = await room.contain();
  await set(room, second, { ...short, TcpEstablishedTimeout: 300 });
  await detach(room, third);
  expect(await room.release(contained)).toEqual({
    left: [
      `${second} is left with 300, 60, 30 s: somebody has changed its idle times since`,
      `${third} is not attached to the instance any more`,
    ],
    lost: [],
    after: expect.anything(),
    verified: true,
  });
  expect(await room.read()).toEqual({ [first]: unset, [second]: { ...shortest, tcp: 300 } });
});

test('an unknown default is told, not guessed: nothing is written', async () => {
  const room = await actionRoom(connectionTracking, await local.newAccount());
  const contained = await room.contain();
  room.account.proxy.fault({ operation: 'DescribeInstanceTypes', kind: 'denied' });
  const released = await room.release(contained).catch((error: unknown) => String(error));
  expect(JSON.stringify(released)).toContain('UnauthorizedOperation');
  expect(await timeouts(room)).toEqual([short, short]);
});

test.each([
  [{}, 'no network interface'],
  [{ 'eni-1': { ...unset, requester: 'amazon-eks' } }, 'manage all'],
  [{ 'eni-1': shortest }, 'already'],
])('%j leaves nothing to change', async (reading, reason) => {
  const { context } = await actionRoom(connectionTracking, await local.newAccount());
  expect(connectionTracking.idle(reading, context)).toContain(reason);
  expect(connectionTracking.same(reading, connectionTracking.desired(reading, null, context))).toBe(true);
});
