/** The metadata service: guarded while the host is collected from, off afterwards, and given back as it was. */
import { CreateTagsCommand, DeleteTagsCommand, ModifyInstanceMetadataOptionsCommand } from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import { metadataService } from '../../src/containment/metadata-service.ts';
import { actionRoom, type ActionRoom } from '../support/action-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

const open = { endpoint: 'enabled', tokens: 'optional', hopLimit: 2 };
const off = { endpoint: 'disabled', tokens: 'required', hopLimit: 1 };
const TAG = { Key: 'lab:metadata', Value: 'pending' };

async function openRoom(state: 'running' | 'stopped' = 'running'): Promise<ActionRoom> {
  const room = await actionRoom(metadataService, await local.newAccount(), { state });
  await set(room, { HttpPutResponseHopLimit: 2 });
  return room;
}

async function set({ ec2, world }: ActionRoom, options: object): Promise<void> {
  await ec2.send(new ModifyInstanceMetadataOptionsCommand({ InstanceId: world.instanceId, ...options }));
}

/** Read by the SDK. */
async function options(room: ActionRoom): Promise<object> {
  const { MetadataOptions: found } = await room.instance();
  return { endpoint: found?.HttpEndpoint, tokens: found?.HttpTokens, hopLimit: found?.HttpPutResponseHopLimit };
}

test.each(['running', 'stopped'] as const)(
  'of a %s instance is off afterwards, and as it was after the release',
  async (state) => {
    const room = await openRoom(state);
    const contained = await room.contain();
    expect(contained).toMatchObject({
      reading: open,
      from: open,
      to: off,
      idle: null,
      after: off,
      verified: true,
      risks: [],
    });
    expect(contained.error).toBeUndefined();
    expect(await options(room)).toEqual(off);
    expect(metadataService.describe(contained.from, contained.to)).toBe(
      'metadata service: enabled, tokens optional, hop limit 2 → disabled, tokens required, hop limit 1',
    );
    expect(await room.contain(contained.from)).toMatchObject({ from: open, verified: true, idle: expect.any(String) });
    expect(await room.release(contained)).toEqual({ left: [], lost: [], verified: true, after: open });
    expect(await options(room)).toEqual(open);
  },
);

test('while the host is collected from it answers, but only who asks from the host with a token', async () => {
  const room = await openRoom();
  const reading = await room.read();
  const meanwhile = metadataService.meanwhile?.(reading, null, room.context) ?? null;
  await metadataService.write(room.aws, room.context, reading, meanwhile);
  expect(await options(room)).toEqual({ ...off, endpoint: 'enabled' });
  // What is read of it is not what was there before.
  const contained = await room.contain(reading);
  expect(contained).toMatchObject({ from: open, to: off, verified: true });
  await room.release(contained);
  expect(await options(room)).toEqual(open);
});

test('a run that died while the host was collected from is undone, too', async () => {
  const room = await openRoom();
  await set(room, { HttpTokens: 'required', HttpPutResponseHopLimit: 1 });
  await room.release({ from: open, to: null });
  expect(await options(room)).toEqual(open);
});

test('a service that is off already stays off, now and meanwhile, and is not touched', async () => {
  const room = await openRoom();
  await set(room, { HttpEndpoint: 'disabled' });
  const before = room.account.proxy.calls.length;
  const reading = await room.read();
  expect(metadataService.meanwhile?.(reading, null, room.context)).toEqual(reading);
  const contained = await room.contain();
  expect(contained).toMatchObject({ idle: 'the metadata service was off already', verified: true });
  expect(await room.release(contained)).toMatchObject({ skip: 'it is so already' });
  expect(room.writes(before)).toEqual([]);
});

test('what a running instance has not taken yet is not claimed', async () => {
  const room = await openRoom();
  await room.ec2.send(new CreateTagsCommand({ Resources: [room.world.instanceId], Tags: [TAG] }));
  const contained = await room.contain();
  expect(contained).toMatchObject({ from: open, to: off, verified: false });
  expect(metadataService.describe(null, await room.read())).toContain('not taken by the instance yet');
  // Nothing is written twice: it is only looked at again.
  const before = room.account.proxy.calls.length;
  const waiting = await room.read();
  await metadataService.write(room.aws, room.context, waiting, metadataService.desired(waiting, null, room.context));
  expect(room.writes(before)).toEqual([]);
  await room.ec2.send(new DeleteTagsCommand({ Resources: [room.world.instanceId], Tags: [TAG] }));
  expect(await room.contain(contained.from)).toMatchObject({ verified: true });
});

test('a stopped instance takes them when it starts, and asks for nothing until then', async () => {
  const room = await openRoom('stopped');
  await room.ec2.send(new CreateTagsCommand({ Resources: [room.world.instanceId], Tags: [TAG] }));
  expect(await room.contain()).toMatchObject({ verified: true });
});

test('where tokens and hop limit cannot be set, the service is switched off all the same', async () => {
  const room = await openRoom();
  room.account.proxy.fault({ operation: 'ModifyInstanceMetadataOptions', kind: 'denied', times: 1 });
  const contained = await room.contain();
  expect(contained.error).toMatch(/tokens and hop limit: UnauthorizedOperation/);
  expect(contained.error).not.toContain('endpoint:');
  expect(await options(room)).toEqual({ ...open, endpoint: 'disabled' });
  expect(contained.verified).toBe(true);
  await room.release(contained);
  expect(await options(room)).toEqual(open);
});

test('where tokens cannot be given back, the service is switched on all the same', async () => {
  const room = await openRoom();
  const contained = await room.contain();
  room.account.proxy.fault({ operation: 'ModifyInstanceMetadataOptions', kind: 'denied', skip: 1 });
  expect(await room.release(contained)).toMatchObject({
    verified: false,
    error: expect.stringContaining('tokens and hop limit'),
  });
  expect(await options(room)).toEqual({ ...off, endpoint: 'enabled' });
});

test('what a person changed since is left and named, the rest is given back', async () => {
  const room = await openRoom();
  const contained = await room.contain();
  await set(room, { HttpEndpoint: 'enabled', HttpPutResponseHopLimit: 5 });
  const released = await room.release(contained);
  expect(released).toMatchObject({ lost: [], verified: true });
  expect(released.left).toEqual(['the hop limit of the metadata service is left at 5: somebody has changed it since']);
  expect(await options(room)).toEqual({ ...open, hopLimit: 5 });
});

test('options of which nothing is recorded are told as lost', async () => {
  const room = await openRoom();
  const contained = await room.contain();
  expect(await room.release({ ...contained, from: null })).toMatchObject({
    lost: ['the options before are not known'],
  });
  expect(await options(room)).toEqual(off);
});
