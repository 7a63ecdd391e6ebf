/** Volumes outlive the instance, each of them, and what is given back is given back to the volume that it was of. */
import {
  AttachVolumeCommand,
  CreateVolumeCommand,
  DetachVolumeCommand,
  ModifyInstanceAttributeCommand,
} from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import { keepVolumes } from '../../src/containment/keep-volumes.ts';
import { actionRoom, type ActionRoom } from '../support/action-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

/** Device → deleted with the instance. */
async function flags(room: ActionRoom): Promise<Record<string, boolean | undefined>> {
  const { BlockDeviceMappings = [] } = await room.instance();
  return Object.fromEntries(
    BlockDeviceMappings.map(({ DeviceName = '', Ebs }) => [DeviceName, Ebs?.DeleteOnTermination]),
  );
}

async function setFlags({ ec2, world }: ActionRoom, devices: Record<string, boolean>): Promise<void> {
  const BlockDeviceMappings = Object.entries(devices).map(([DeviceName, DeleteOnTermination]) => ({
    DeviceName,
    Ebs: { DeleteOnTermination },
  }));
  await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: world.instanceId, BlockDeviceMappings }));
}

async function detach({ ec2, world }: ActionRoom, volumeId: string): Promise<void> {
  await ec2.send(new DetachVolumeCommand({ InstanceId: world.instanceId, VolumeId: volumeId }));
}

async function attachAnother(room: ActionRoom, device: string): Promise<string> {
  const { Placement } = await room.instance();
  const { VolumeId = '' } = await room.ec2.send(
    new CreateVolumeCommand({ AvailabilityZone: Placement?.AvailabilityZone, Size: 8 }),
  );
  await room.ec2.send(new AttachVolumeCommand({ InstanceId: room.world.instanceId, VolumeId, Device: device }));
  return VolumeId;
}

const before = { '/dev/sda1': true, '/dev/sdf': false, '/dev/sdg': true };

async function threeVolumes(): Promise<ActionRoom> {
  const room = await actionRoom(keepVolumes, await local.newAccount(), { volumes: 3 });
  await setFlags(room, before);
  return room;
}

test('every volume is kept, in one call, and each gets back what it had', async () => {
  const room = await threeVolumes();
  const from = room.account.proxy.calls.length;
  const contained = await room.contain();
  expect(room.writes(from)).toEqual(['ModifyInstanceAttribute']);
  expect(contained).toMatchObject({ idle: null, verified: true });
  expect(await flags(room)).toEqual({ '/dev/sda1': false, '/dev/sdf': false, '/dev/sdg': false });
  expect(contained.from).toMatchObject({
    '/dev/sda1': { volume: room.world.volumeIds[0], deleteOnTermination: true },
    '/dev/sdf': { volume: room.world.volumeIds[1], deleteOnTermination: false },
  });
  expect(keepVolumes.describe(contained.from, contained.to)).toContain(
    `${room.world.volumeIds[0]} (/dev/sda1): deleted → kept`,
  );

  const again = await room.contain(contained.from);
  expect(again).toMatchObject({ from: contained.from, idle: 'every volume was kept already', verified: true });
  expect(await room.release(again)).toEqual({ left: [], lost: [], verified: true, after: expect.anything() });
  expect(await flags(room)).toEqual(before);
});

test('a volume that AWS refuses does not cost the others, and is named', async () => {
  const room = await threeVolumes();
  const reading = (await room.read()) as Record<string, { volume: string; deleteOnTermination: boolean }>;
  const gone = { '/dev/sdz': { volume: 'vol-0123456789abcdef0', deleteOnTermination: true } };
  const to = keepVolumes.desired({ ...reading, ...gone }, null, room.context);
  await expect(keepVolumes.write(room.aws, room.context, { ...reading, ...gone }, to)).rejects.toThrow(
    /^\/dev\/sdz: InvalidInstanceAttributeValue/,
  );
  expect(await flags(room)).toEqual({ '/dev/sda1': false, '/dev/sdf': false, '/dev/sdg': false });
});

test('a volume that was replaced or detached since is left, and the others get back what they had', async () => {
  const room = await threeVolumes();
  const contained = await room.contain();
  const [root = '', , last = ''] = room.world.volumeIds;
  await detach(room, last);
  const another = await attachAnother(room, '/dev/sdg');
  const released = await room.release(contained);
  expect(released).toMatchObject({
    left: [`${last} is not attached as /dev/sdg any more, ${another} is there`],
    lost: [],
    verified: true,
  });
  expect(await flags(room)).toEqual({ ...before, '/dev/sdg': false });
  await detach(room, root);
  expect((await room.release(contained)).left).toContain(`${root} is not attached as /dev/sda1 any more`);
});

test('a volume in place of a recorded one is recorded as what it is', async () => {
  const room = await threeVolumes();
  const contained = await room.contain();
  const [, , last = ''] = room.world.volumeIds;
  await detach(room, last);
  const another = await attachAnother(room, '/dev/sdg');
  await setFlags(room, { '/dev/sdg': true });
  const second = await room.contain(contained.from);
  expect(second.from).toMatchObject({
    '/dev/sda1': { deleteOnTermination: true },
    '/dev/sdg': { volume: another, deleteOnTermination: true },
  });
  await room.release(second);
  expect(await flags(room)).toEqual(before);
});

test('what a person changed since is left and named', async () => {
  const room = await threeVolumes();
  const contained = await room.contain();
  await setFlags(room, { '/dev/sdf': true });
  const { left } = await room.release(contained);
  expect(left).toEqual([expect.stringMatching(/^vol-\w+ is left to be deleted .* somebody has changed that since$/)]);
  expect(await flags(room)).toEqual({ ...before, '/dev/sdf': true });
});

test('a volume of which nothing is recorded is told as lost', async () => {
  const room = await threeVolumes();
  const contained = await room.contain();
  const released = await room.release({ ...contained, from: {} });
  expect(released.lost).toHaveLength(3);
  expect(released.lost[0]).toContain('is not known');
});

test('an instance without EBS volumes: the reason and the risk are told', async () => {
  const room = await actionRoom(keepVolumes, await local.newAccount(), { volumes: 1 });
  await detach(room, room.world.volumeIds[0] ?? '');
  const contained = await room.contain();
  expect(contained).toMatchObject({ from: {}, to: {}, verified: true });
  expect(contained.idle).toContain('no EBS volume');
  expect(keepVolumes.risks?.(contained.from, contained.to, room.context)).toHaveLength(1);
});

test('a stopped instance is no exception', async () => {
  const room = await actionRoom(keepVolumes, await local.newAccount(), { state: 'stopped' });
  expect(await room.contain()).toMatchObject({ verified: true });
  expect(await flags(room)).toEqual({ '/dev/sda1': false, '/dev/sdf': false });
});
