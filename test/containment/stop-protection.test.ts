/** Stop protection: switched on and back, and left alone where AWS has none. */
import { StopInstancesCommand } from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import { stopProtection } from '../../src/containment/stop-protection.ts';
import { actionRoom } from '../support/action-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

test.each(['running', 'stopped'] as const)(
  'of a %s instance is switched on, and off again at release',
  async (state) => {
    const room = await actionRoom(stopProtection, await local.newAccount(), { state });
    const contained = await room.contain();
    expect(contained).toMatchObject({ from: { enabled: false }, to: { enabled: true }, idle: null, verified: true });
    await expect(
      room.ec2.send(new StopInstancesCommand({ InstanceIds: [room.world.instanceId] })),
    ).rejects.toMatchObject({ name: 'OperationNotPermitted' });
    expect((await room.attribute('disableApiTermination')).DisableApiTermination?.Value).toBe(false);

    // Another run finds it so, and does not take it for what was there before.
    expect(await room.contain(contained.from)).toMatchObject({
      from: { enabled: false },
      idle: 'stop protection was on already',
      verified: true,
    });

    expect(await room.release(contained)).toMatchObject({ left: [], lost: [], verified: true });
    expect((await room.attribute('disableApiStop')).DisableApiStop?.Value).toBe(false);
    expect(await room.release(contained)).toMatchObject({ skip: 'it is so already' });
  },
);

test('that was on before stays on after the release', async () => {
  const room = await actionRoom(stopProtection, await local.newAccount());
  await room.contain();
  const contained = await room.contain();
  expect(contained).toMatchObject({ from: { enabled: true }, idle: 'stop protection was on already' });
  await room.release(contained);
  expect((await room.attribute('disableApiStop')).DisableApiStop?.Value).toBe(true);
});

test('of a Spot instance: nothing is tried, the reason and the risk are told', async () => {
  const room = await actionRoom(stopProtection, await local.newAccount(), { spot: true });
  const before = room.account.proxy.calls.length;
  const contained = await room.contain();
  expect(contained).toMatchObject({ idle: 'a Spot instance takes no stop protection', verified: true });
  expect(contained.to).toEqual(contained.from);
  expect(room.writes(before)).toEqual([]);
  expect(stopProtection.risks?.(contained.from, contained.to, room.context)).toEqual([expect.stringContaining('Spot')]);
});

test('of an instance with an instance store for its root: it cannot be stopped anyway', async () => {
  const { context } = await actionRoom(stopProtection, await local.newAccount());
  const reading = { enabled: false, unfit: 'instance-store' };
  expect(stopProtection.desired(reading, null, context)).toEqual(reading);
  expect(stopProtection.idle(reading, context)).toContain('cannot be stopped');
  expect(stopProtection.risks?.(reading, reading, context)).toEqual([]);
});

test('what AWS refuses is told in one line', async () => {
  const room = await actionRoom(stopProtection, await local.newAccount());
  room.account.proxy.fault({ operation: 'ModifyInstanceAttribute', kind: 'denied' });
  const contained = await room.contain();
  expect(contained).toMatchObject({ verified: false, error: expect.stringContaining('UnauthorizedOperation') });
  expect(contained.error).not.toContain('\n');
});

test('a lost response is no failure that lasts: the same write again does no harm', async () => {
  const room = await actionRoom(stopProtection, await local.newAccount());
  room.account.proxy.fault({ operation: 'ModifyInstanceAttribute', kind: 'lost-response', times: 1 });
  expect(await room.contain()).toMatchObject({ verified: true });
});
