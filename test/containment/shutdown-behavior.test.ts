/** A shutdown from inside: stops the instance instead of terminating it, where AWS lets that be changed. */
import { ModifyInstanceAttributeCommand } from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import { shutdownBehavior } from '../../src/containment/shutdown-behavior.ts';
import { actionRoom, type ActionRoom } from '../support/action-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

async function setBehavior({ ec2, world }: ActionRoom, behavior: string): Promise<void> {
  await ec2.send(
    new ModifyInstanceAttributeCommand({
      InstanceId: world.instanceId,
      InstanceInitiatedShutdownBehavior: { Value: behavior },
    }),
  );
}

async function behavior(room: ActionRoom): Promise<string | undefined> {
  const attribute = await room.attribute('instanceInitiatedShutdownBehavior');
  return attribute.InstanceInitiatedShutdownBehavior?.Value;
}

test.each(['running', 'stopped'] as const)(
  'of a %s instance: terminate becomes stop, and comes back',
  async (state) => {
    const room = await actionRoom(shutdownBehavior, await local.newAccount(), { state });
    await setBehavior(room, 'terminate');
    const contained = await room.contain();
    expect(contained).toMatchObject({ from: { behavior: 'terminate' }, to: { behavior: 'stop' }, verified: true });
    expect(shutdownBehavior.describe(contained.from, contained.to)).toBe('shutdown from inside: terminate → stop');
    expect(shutdownBehavior.risks?.(contained.from, contained.to, room.context)).toEqual([]);
    expect(await behavior(room)).toBe('stop');
    expect(await room.contain(contained.from)).toMatchObject({ from: { behavior: 'terminate' }, verified: true });

    expect(await room.release(contained)).toMatchObject({ left: [], lost: [], verified: true });
    expect(await behavior(room)).toBe('terminate');
  },
);

test('that stops it already is left as it is', async () => {
  const room = await actionRoom(shutdownBehavior, await local.newAccount());
  const before = room.account.proxy.calls.length;
  const contained = await room.contain();
  expect(contained.idle).toContain('already');
  await room.release(contained);
  expect(room.writes(before)).toEqual([]);
});

test('of a Spot instance: nothing is tried, the reason and the risk are told', async () => {
  const room = await actionRoom(shutdownBehavior, await local.newAccount(), { spot: true });
  const before = room.account.proxy.calls.length;
  const contained = await room.contain();
  expect(contained).toMatchObject({ idle: 'a Spot instance takes no other shutdown behavior', verified: true });
  expect(contained.to).toEqual(contained.from);
  expect(room.writes(before)).toEqual([]);
  expect(shutdownBehavior.risks?.(contained.from, contained.to, room.context)).toEqual([
    expect.stringContaining('terminates it'),
  ]);
});

test('of an instance with an instance store for its root: it can only terminate', async () => {
  const { context } = await actionRoom(shutdownBehavior, await local.newAccount());
  const reading = { behavior: 'terminate', unfit: 'instance-store' };
  expect(shutdownBehavior.desired(reading, null, context)).toEqual(reading);
  expect(shutdownBehavior.idle(reading, context)).toContain('can only terminate');
  expect(shutdownBehavior.risks?.(reading, reading, context)).toHaveLength(1);
});
