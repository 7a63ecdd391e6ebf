/** Termination protection: switched on and back, and left alone where AWS has none. */
import { expect, test } from '@jest/globals';
import { terminationProtection } from '../../src/containment/termination-protection.ts';
import { actionRoom } from '../support/action-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

test('is switched on, and off again at release', async () => {
  const room = await actionRoom(terminationProtection, await local.newAccount());
  const contained = await room.contain();
  expect(contained).toMatchObject({ from: { enabled: false }, to: { enabled: true }, idle: null, verified: true });
  expect((await room.attribute('disableApiTermination')).DisableApiTermination?.Value).toBe(true);
  expect(await room.release(contained)).toMatchObject({ left: [], lost: [], verified: true });
  expect((await room.attribute('disableApiTermination')).DisableApiTermination?.Value).toBe(false);
});

test('of a Spot instance: nothing is tried, the reason and the risk are told', async () => {
  const room = await actionRoom(terminationProtection, await local.newAccount(), { spot: true });
  const before = room.account.proxy.calls.length;
  const contained = await room.contain();
  expect(contained).toMatchObject({ idle: 'a Spot instance takes no termination protection', verified: true });
  expect(contained.to).toEqual(contained.from);
  expect(room.writes(before)).toEqual([]);
  expect(terminationProtection.risks?.(contained.from, contained.to, room.context)).toEqual([
    expect.stringContaining('Spot'),
  ]);
});

test('does not hang on what the instance is: a reading of it that hangs or fails costs nothing but the reason', async () => {
  const room = await actionRoom(terminationProtection, await local.newAccount());
  room.account.proxy.fault({ operation: 'DescribeInstances', kind: 'hang' });
  const started = performance.now();
  expect(await room.read()).toEqual({ enabled: false });
  expect(performance.now() - started).toBeLessThan(room.context.readMs * 0.8);
  room.account.proxy.clear();
  room.account.proxy.fault({ operation: 'DescribeInstances', kind: 'denied' });
  expect(await room.contain()).toMatchObject({ verified: true });
});
