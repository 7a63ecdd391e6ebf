/** Elastic IP addresses: taken off where the policy has it so, given back to their place, and never taken from anybody. */
import {
  AllocateAddressCommand,
  AssignPrivateIpAddressesCommand,
  AssociateAddressCommand,
  DescribeAddressesCommand,
  DisassociateAddressCommand,
  ReleaseAddressCommand,
  UnassignPrivateIpAddressesCommand,
} from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import { publicAddress } from '../../src/containment/public-address.ts';
import { createWorld, type WorldOptions } from '../../src/lab/world.ts';
import { actionRoom, type ActionRoom } from '../support/action-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();
const SECONDARY = '10.20.1.77';

async function roomWith(
  options: Partial<WorldOptions> = { elasticIp: true },
  containment: Parameters<typeof actionRoom>[3] = {},
): Promise<ActionRoom> {
  return actionRoom(publicAddress, await local.newAccount(), options, containment);
}

/** Where an address is, by the SDK. */
async function place({ ec2 }: ActionRoom, allocationId: string | undefined): Promise<string | null> {
  const { Addresses } = await ec2.send(new DescribeAddressesCommand({ AllocationIds: [allocationId ?? ''] }));
  const found = Addresses?.[0];
  return found?.AssociationId ? `${found.NetworkInterfaceId} ${found.PrivateIpAddress}` : null;
}

async function associate({ ec2 }: ActionRoom, allocationId: string | undefined, interfaceId: string, ip?: string) {
  await ec2.send(
    new AssociateAddressCommand({
      AllocationId: allocationId,
      NetworkInterfaceId: interfaceId,
      ...(ip === undefined ? {} : { PrivateIpAddress: ip }),
    }),
  );
}

async function allocate({ ec2 }: ActionRoom): Promise<string> {
  const { AllocationId = '' } = await ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }));
  return AllocationId;
}

test('addresses of every interface and of secondary private addresses are taken off, and given back to their places', async () => {
  const room = await roomWith();
  const [first = '', second = ''] = room.world.interfaceIds;
  await room.ec2.send(
    new AssignPrivateIpAddressesCommand({ NetworkInterfaceId: second, PrivateIpAddresses: [SECONDARY] }),
  );
  const other = await allocate(room);
  await associate(room, other, second, SECONDARY);
  const before = await place(room, room.world.allocationId);
  expect(before).toContain(first);

  const contained = await room.contain();
  expect(contained).toMatchObject({ idle: null, verified: true });
  expect(contained.error).toBeUndefined();
  expect([await place(room, room.world.allocationId), await place(room, other)]).toEqual([null, null]);
  expect(publicAddress.describe(contained.from, contained.to)).toMatch(
    new RegExp(`: ${second} \\(${SECONDARY}\\) → at no interface`),
  );
  expect(publicAddress.risks?.(contained.from, contained.to, room.context)).toEqual([]);

  // Another run cannot find them at the instance, and knows of them all the same.
  const again = await room.contain(contained.from);
  expect(again).toMatchObject({ from: contained.from, idle: 'the instance has no Elastic IP address', verified: true });

  expect(await room.release(again)).toEqual({ left: [], lost: [], verified: true, after: expect.anything() });
  expect(await place(room, room.world.allocationId)).toBe(before);
  expect(await place(room, other)).toBe(`${second} ${SECONDARY}`);
  expect(await room.release(again)).toMatchObject({ skip: 'it is so already' });
});

test.each([
  ['disassociate', 'never', true],
  ['disassociate', 'auto', true],
  ['auto', 'auto', true],
  ['auto', 'always', true],
  ['auto', 'never', false],
  ['keep', 'always', false],
] as const)('publicAddress %s with cutFlows %s: taken off %s', async (wish, cutFlows, off) => {
  const room = await roomWith({ elasticIp: true }, { publicAddress: wish, cutFlows });
  const before = await place(room, room.world.allocationId);
  const contained = await room.contain();
  expect(contained.verified).toBe(true);
  expect(await place(room, room.world.allocationId)).toBe(off ? null : before);
  if (off) return;
  expect(contained.idle).toContain('the policy');
  expect(contained.to).toEqual(contained.from);
  expect(publicAddress.risks?.(contained.from, contained.to, room.context)).toEqual([
    expect.stringMatching(/keeps its public address .* only its security groups/),
  ]);
});

test('an address that AWS gave by itself cannot be taken off, which is told as a risk', async () => {
  const room = await roomWith({ publicAddress: true });
  const contained = await room.contain();
  const { PublicIpAddress } = await room.instance();
  expect(PublicIpAddress).toBeDefined();
  expect(contained).toMatchObject({ idle: 'the instance has no Elastic IP address', verified: true });
  expect(publicAddress.risks?.(contained.from, contained.to, room.context)).toEqual([
    expect.stringContaining(`keeps its public address ${PublicIpAddress}`),
  ]);
});

test('one that AWS gives once the Elastic IP is off is told, too', async () => {
  const room = await roomWith({ publicAddress: true, elasticIp: true });
  const { from, to } = await room.contain();
  expect(publicAddress.risks?.(from, to, room.context)).toEqual([]);
  const to2 = publicAddress.desired(await room.read(from), null, room.context);
  expect(publicAddress.risks?.(from, to2, room.context)).toEqual([expect.stringContaining('AWS gave it by itself')]);
});

test('an address that was given to another host since is left to it', async () => {
  const room = await roomWith();
  const contained = await room.contain();
  const elsewhere = await createWorld({ endpoint: room.account.endpoint });
  await associate(room, room.world.allocationId, elsewhere.interfaceIds[0] ?? '');
  const given = await place(room, room.world.allocationId);
  const released = await room.release(contained);
  expect(released).toMatchObject({ lost: [], verified: true, skip: expect.any(String) });
  expect(released.left).toEqual([expect.stringContaining(`is left: it is at ${elsewhere.interfaceIds[0]} now`)]);
  expect(await place(room, room.world.allocationId)).toBe(given);
  // Nor does another run of containment take it from there.
  expect(await room.contain(contained.from)).toMatchObject({ from: contained.from, verified: true });
  expect(await place(room, room.world.allocationId)).toBe(given);
});

test('one that is given away between reading and writing is left, too', async () => {
  const room = await roomWith();
  const elsewhere = await createWorld({ endpoint: room.account.endpoint });
  const there = elsewhere.interfaceIds[0] ?? '';
  const reading = await room.read();
  const off = publicAddress.desired(reading, null, room.context);
  await associate(room, room.world.allocationId, there);
  await publicAddress.write(room.aws, room.context, reading, off);
  expect(await place(room, room.world.allocationId)).toContain(there);
  await expect(publicAddress.write(room.aws, room.context, off, reading)).rejects.toThrow(`it is at ${there} now`);
  expect(await place(room, room.world.allocationId)).toContain(there);
});

test.each<[string, (room: ActionRoom) => Promise<unknown>, RegExp]>([
  [
    'was released',
    ({ ec2, world }) => ec2.send(new ReleaseAddressCommand({ AllocationId: world.allocationId })),
    /it was released$/,
  ],
  [
    'was moved to another interface of the instance',
    (room) => associate(room, room.world.allocationId, room.world.interfaceIds[1] ?? ''),
    /somebody has moved it to eni-\w+ since$/,
  ],
  [
    'has another address at its place',
    async (room) => associate(room, await allocate(room), room.world.interfaceIds[0] ?? ''),
    /is at its place now$/,
  ],
])('an address that %s since is left, with that reason', async (_what, change, reason) => {
  const room = await roomWith();
  const contained = await room.contain();
  await change(room);
  const released = await room.release(contained);
  expect(released.left).toEqual([expect.stringMatching(reason)]);
  expect(released).toMatchObject({ lost: [], verified: true });
});

test('one whose private address is gone is left, the other is given back', async () => {
  const room = await roomWith();
  const [, second = ''] = room.world.interfaceIds;
  const secondary = { NetworkInterfaceId: second, PrivateIpAddresses: [SECONDARY] };
  await room.ec2.send(new AssignPrivateIpAddressesCommand(secondary));
  const other = await allocate(room);
  await associate(room, other, second, SECONDARY);
  const before = await place(room, room.world.allocationId);
  const contained = await room.contain();
  await room.ec2.send(new UnassignPrivateIpAddressesCommand(secondary));
  const { left, verified } = await room.release(contained);
  expect(left).toEqual([expect.stringContaining(`${second} does not have ${SECONDARY} any more`)]);
  expect(verified).toBe(true);
  expect([await place(room, room.world.allocationId), await place(room, other)]).toEqual([before, null]);
});

test('one that the policy kept, and a person took off since, stays off', async () => {
  const room = await roomWith({ elasticIp: true }, { publicAddress: 'keep' });
  const contained = await room.contain();
  const { Addresses } = await room.ec2.send(
    new DescribeAddressesCommand({ AllocationIds: [room.world.allocationId ?? ''] }),
  );
  await room.ec2.send(new DisassociateAddressCommand({ AssociationId: Addresses?.[0]?.AssociationId }));
  expect((await room.release(contained)).left).toEqual([expect.stringContaining('somebody has taken it off since')]);
  expect(await place(room, room.world.allocationId)).toBeNull();
});

test('one address that cannot be taken off does not keep the other on, and is named', async () => {
  const room = await roomWith();
  await associate(room, await allocate(room), room.world.interfaceIds[1] ?? '');
  room.account.proxy.fault({ operation: 'DisassociateAddress', kind: 'denied', times: 1 });
  const contained = await room.contain();
  expect(contained.verified).toBe(false);
  expect(contained.error).toMatch(/\(eipalloc-\w+\): UnauthorizedOperation/);
  const { Addresses = [] } = await room.ec2.send(new DescribeAddressesCommand({}));
  expect(Addresses.filter(({ AssociationId }) => AssociationId)).toHaveLength(1);
  expect(await room.contain(contained.from)).toMatchObject({ from: contained.from, verified: true });
});

test('lost responses do no harm, either way', async () => {
  const room = await roomWith();
  const before = await place(room, room.world.allocationId);
  room.account.proxy.fault({ operation: 'DisassociateAddress', kind: 'lost-response', times: 1 });
  const contained = await room.contain();
  expect(contained).toMatchObject({ verified: true });
  expect(contained.error).toBeUndefined();
  room.account.proxy.fault({ operation: 'AssociateAddress', kind: 'lost-response', times: 1 });
  await room.release(contained);
  expect(await place(room, room.world.allocationId)).toBe(before);
});

test('a stopped instance, with an IPv6 address beside, is no exception', async () => {
  const room = await roomWith({ elasticIp: true, ipv6: true, state: 'stopped' });
  const before = await place(room, room.world.allocationId);
  const contained = await room.contain();
  expect(contained).toMatchObject({ verified: true });
  await room.release(contained);
  expect(await place(room, room.world.allocationId)).toBe(before);
});
