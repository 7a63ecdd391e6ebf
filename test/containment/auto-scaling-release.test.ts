/** What a release makes of standby and detachment, and of what a person has done since. */
import {
  AttachInstancesCommand,
  DeleteAutoScalingGroupCommand,
  UpdateAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from '@jest/globals';
import { createScalingGroup } from '../../src/lab/fleet.ts';
import type { ActionRoom } from '../support/action-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { groupOf, scalingClient, scalingRoom, type Wish } from '../support/scaling-room.ts';

const local = useLocalAws();

async function room(wish?: Wish): Promise<ActionRoom> {
  return scalingRoom(await local.newAccount(), wish);
}

describe('after a detachment', () => {
  test('somebody has attached it, to the same group or to another one: nothing is left to do', async () => {
    for (const name of ['shop-web', 'other']) {
      const it = await room('detach');
      await createScalingGroup(it.place, { ...it.world, instanceId: await anotherInstance(it) }, { name: 'other' });
      const { from, to } = await it.contain();
      const InstanceIds = [it.world.instanceId];
      await scalingClient(it).send(new AttachInstancesCommand({ AutoScalingGroupName: name, InstanceIds }));
      const released = await it.release({ from, to });
      expect(released).toMatchObject({ verified: true, lost: [] });
      expect(released.left).toEqual(name === 'other' ? [expect.stringContaining('in service in other')] : []);
    }
  });

  test('the group is gone by then', async () => {
    const it = await room('detach');
    const { from, to } = await it.contain();
    await scalingClient(it).send(
      new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: 'shop-web', ForceDelete: true }),
    );
    expect(await it.release({ from, to })).toMatchObject({
      left: ['the Auto Scaling group shop-web is gone'],
      lost: [],
    });
  });

  async function anotherInstance(it: ActionRoom): Promise<string> {
    const other = Object.keys((await groupOf(it))?.members ?? {}).find((id) => id !== it.world.instanceId) ?? '';
    await it.aws.autoScaling.detach('shop-web', other, false);
    return other;
  }
});

describe('a release leaves what a person has done since', () => {
  test('a detachment out of our standby', async () => {
    const it = await room();
    const { from, to } = await it.contain();
    await it.aws.autoScaling.detach('shop-web', it.world.instanceId, false);
    expect(await it.release({ from, to })).toMatchObject({
      left: ['the instance is detached from shop-web: somebody has changed that since, it is left so'],
      lost: [],
    });
  });

  test('a standby where the policy had kept it', async () => {
    const it = await room('keep');
    const { from, to } = await it.contain();
    await it.aws.autoScaling.enterStandby('shop-web', it.world.instanceId, true);
    expect(await it.release({ from, to })).toMatchObject({
      left: [expect.stringContaining('is in standby in shop-web')],
      after: { lifecycle: 'Standby' },
    });
  });

  test('a return into service', async () => {
    const it = await room();
    const { from, to } = await it.contain();
    await it.aws.autoScaling.exitStandby('shop-web', it.world.instanceId);
    expect(await it.release({ from, to })).toMatchObject({ skip: 'it is so already', left: [], lost: [] });
    expect(await groupOf(it)).toMatchObject({ desired: 3 });
  });

  test('other sizes of the group', async () => {
    const it = await room();
    const { from, to } = await it.contain();
    await scalingClient(it).send(new UpdateAutoScalingGroupCommand({ AutoScalingGroupName: 'shop-web', MaxSize: 9 }));
    expect(await it.release({ from, to })).toMatchObject({ verified: true });
    expect(await groupOf(it)).toMatchObject({ max: 9 });
  });

  test('and says so where the state before is not known', async () => {
    const it = await room();
    const { to } = await it.contain();
    expect(await it.release({ from: null, to })).toMatchObject({
      lost: ['in standby in shop-web: what it was before is not known'],
      after: { lifecycle: 'Standby' },
    });
  });

  test('and undoes a run that came to no end', async () => {
    const it = await room();
    const { from } = await it.contain();
    expect(await it.release({ from, to: undefined })).toMatchObject({
      verified: true,
      after: { lifecycle: 'InService' },
    });
  });
});
