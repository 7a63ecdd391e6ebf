/** Out of the Auto Scaling group's reach: standby, detachment, and what neither can be done to. */
import { describe, expect, test } from '@jest/globals';
import type { Aws } from '../../src/aws/connect.ts';
import { autoScaling } from '../../src/containment/auto-scaling.ts';
import { createScalingGroup, createTargetGroup, targetStates, type ScalingGroupOptions } from '../../src/lab/fleet.ts';
import type { ActionRoom } from '../support/action-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { groupOf, members, play, scalingRoom, type Wish } from '../support/scaling-room.ts';

const local = useLocalAws();

async function room(wish?: Wish, group?: ScalingGroupOptions | null): Promise<ActionRoom> {
  return scalingRoom(await local.newAccount(), wish, group);
}

describe('standby', () => {
  test('a replacement is launched, the desired capacity stays, and a release brings it back', async () => {
    const it = await room();
    const contained = await it.contain();
    expect(contained).toMatchObject({
      idle: null,
      verified: true,
      from: { group: 'shop-web', lifecycle: 'InService', capacity: { min: 1, max: 4, desired: 2 }, suspended: [] },
      after: { group: 'shop-web', lifecycle: 'Standby' },
      description: 'Auto Scaling group: in service in shop-web → in standby in shop-web',
    });
    expect(contained.error).toBeUndefined();
    expect(contained.risks).toEqual([expect.stringContaining('instance refresh')]);
    expect(await groupOf(it)).toMatchObject({ desired: 2 });
    expect(await members(it)).toEqual({ victim: 'Standby', others: ['InService', 'InService'] });

    const released = await it.release(contained);
    expect(released).toMatchObject({ verified: true, lost: [], after: { lifecycle: 'InService' } });
    expect(released.left).toEqual([expect.stringContaining('desired capacity of shop-web from 2 to 3')]);
    expect((await members(it)).victim).toBe('InService');
    expect(it.writes()).toEqual(['EnterStandby', 'ExitStandby']);
  });

  test('a second run finds it done, and keeps the first one’s record', async () => {
    const it = await room();
    const first = await it.contain();
    const second = await it.contain(first.from);
    expect(second.idle).toMatch(/in standby in the Auto Scaling group shop-web already/);
    expect(second.from).toEqual(first.from);
    expect(it.writes()).toEqual(['EnterStandby']);
    expect(await it.release(second)).toMatchObject({
      verified: true,
      after: { lifecycle: 'InService' },
    });
  });

  test('an instance that was in standby before stays there when it is released', async () => {
    const it = await room();
    await it.aws.autoScaling.enterStandby('shop-web', it.world.instanceId, true);
    const contained = await it.contain();
    expect(contained).toMatchObject({ verified: true, idle: expect.stringContaining('in standby') });
    const released = await it.release(contained);
    expect(released).toMatchObject({ skip: 'it is so already', left: [], lost: [], after: { lifecycle: 'Standby' } });
    expect(it.writes()).toEqual(['EnterStandby']);
  });

  test.each<[string, ScalingGroupOptions]>([
    ['at its maximum', { max: 2 }],
    ['at its minimum', { min: 2 }],
    ['with nobody else in it', { others: 0, min: 1, max: 1 }],
    ['that protects it from scale-in', { protectedFromScaleIn: true }],
  ])('out of a group %s', async (_name, options) => {
    const it = await room('standby', options);
    const before = await groupOf(it);
    expect(await it.contain()).toMatchObject({ verified: true });
    const { members: _members, ...sizes } = (await groupOf(it)) ?? {};
    expect(sizes).toEqual({ desired: before?.desired, min: before?.min, max: before?.max });
    expect((await members(it)).victim).toBe('Standby');
  });

  test('leaves the target groups of its group, and is back in them after the release', async () => {
    const it = await room('standby', null);
    const arn = await createTargetGroup(it.place, { name: 'web', vpcId: it.world.vpcId });
    await createScalingGroup(it.place, it.world, { targetGroupArns: [arn] });
    const state = async () =>
      (await targetStates(it.place, arn)).filter((line) => line.startsWith(it.world.instanceId));
    const { from, to } = await it.contain();
    expect(await state()).toEqual([`${it.world.instanceId}:80 draining`]);
    await it.release({ from, to });
    expect(await state()).toEqual([`${it.world.instanceId}:80 healthy`]);
  });

  test('says that no replacement comes while Launch is suspended', async () => {
    const it = await room('standby', { suspended: ['Launch'] });
    const { risks, verified } = await it.contain();
    expect(verified).toBe(true);
    expect(risks).toContain('the Auto Scaling group shop-web launches no replacement while Launch is suspended');
    expect(await members(it)).toEqual({ victim: 'Standby', others: ['InService'] });
  });

  test('a group at its maximum does not take it back, and the release says why', async () => {
    const it = await room('standby', { max: 2 });
    const { from, to } = await it.contain();
    const reading = await autoScaling.read(it.aws, it.context, from);
    const restoration = autoScaling.restore?.(from, reading, { contained: to, found: null });
    expect(restoration?.left).toEqual([expect.stringContaining('its maximum does not leave room')]);
    expect((await it.release({ from, to })).error).toMatch(/update the AutoScalingGroup sizes/);
    expect(await groupOf(it)).toMatchObject({ max: 2, desired: 2 });
  });
});

describe('where AWS refuses a replacement', () => {
  /** A gateway that refuses as AWS refuses for a group whose sizes do not allow it. */
  function refusing({ autoScaling: gateway, ...aws }: Aws): Aws {
    const refuse = (replace: boolean): void => {
      if (replace) throw Object.assign(new Error('no room for one more'), { name: 'ValidationError' });
    };
    return {
      ...aws,
      autoScaling: {
        ...gateway,
        async enterStandby(group, instanceId, replace) {
          refuse(replace);
          await gateway.enterStandby(group, instanceId, replace);
        },
        async detach(group, instanceId, replace) {
          refuse(replace);
          await gateway.detach(group, instanceId, replace);
        },
      },
    };
  }

  test.each<[Wish, string]>([
    ['standby', 'Standby'],
    ['detach', 'Detached'],
  ])('%s goes without one, where the group may get smaller', async (wish, lifecycle) => {
    const it = await room(wish);
    const contained = await it.contain(undefined, refusing(it.aws));
    expect(contained).toMatchObject({ verified: true, after: { lifecycle, capacity: { desired: 1, min: 1 } } });
    expect(autoScaling.risks?.(contained.from, contained.after, it.context)).toContain(
      'the Auto Scaling group shop-web has got smaller: 2 → 1',
    );
  });

  test('and fails where it may not; its minimum stays', async () => {
    const it = await room('standby', { min: 2 });
    const contained = await it.contain(undefined, refusing(it.aws));
    expect(contained.verified).toBe(false);
    expect(contained.error).toBe(
      'shop-web: with a replacement: ValidationError: no room for one more; without one the group would be below its minimum',
    );
    expect(await groupOf(it)).toMatchObject({ min: 2, desired: 2 });
    expect((await members(it)).victim).toBe('InService');
  });
});

describe('detachment', () => {
  test('a replacement is launched, and a release names the group to attach it to', async () => {
    const it = await room('detach');
    const contained = await it.contain();
    expect(contained).toMatchObject({
      verified: true,
      after: { group: 'shop-web', lifecycle: 'Detached' },
      description: 'Auto Scaling group: in service in shop-web → detached from shop-web',
      risks: ['the instance leaves the Auto Scaling group shop-web for good: a release does not attach it again'],
    });
    expect(await groupOf(it)).toMatchObject({ desired: 2 });
    expect(await members(it)).toEqual({ victim: undefined, others: ['InService', 'InService'] });

    const released = await it.release(contained);
    expect(released.lost).toEqual(['detached from the Auto Scaling group shop-web: attach it by hand']);
    expect(it.writes()).toEqual(['DetachInstances']);
    expect((await it.contain(contained.from)).idle).toMatch(/has left the Auto Scaling group shop-web already/);
  });

  test('never out of standby', async () => {
    const it = await room('detach');
    await it.aws.autoScaling.enterStandby('shop-web', it.world.instanceId, true);
    expect((await it.contain()).idle).toMatch(/in standby/);
    const state = { group: 'shop-web', lifecycle: 'Detached' };
    await expect(autoScaling.write(it.aws, it.context, state, state)).rejects.toThrow(/not detached, it is standby/);
    expect((await members(it)).victim).toBe('Standby');
  });
});

describe('nothing is changed', () => {
  test('for an instance in no group', async () => {
    const it = await room('standby', null);
    expect(await it.contain()).toMatchObject({
      idle: 'the instance is in no Auto Scaling group',
      from: { group: null },
      verified: true,
      risks: [],
    });
    expect(await it.release({ from: { group: null, lifecycle: 'none' }, to: undefined })).toMatchObject({
      left: [],
      lost: [],
    });
    expect(it.account.proxy.calls.map(({ operation }) => operation)).not.toContain('DescribeAutoScalingGroups');
  });

  test.each<[string, ScalingGroupOptions, RegExp]>([
    ['says what may happen', {}, /^the Auto Scaling group shop-web may terminate the instance as unhealthy$/],
    ['though it is protected', { protectedFromScaleIn: true }, /unhealthy; its scale-in protection does not keep it/],
    ['though the group holds still', { suspended: ['ReplaceUnhealthy'] }, /as soon as ReplaceUnhealthy is resumed$/],
  ])('where the policy keeps it, and it %s', async (_name, group, risk) => {
    const it = await room('keep', group);
    expect(await it.contain()).toMatchObject({
      idle: 'the policy leaves the instance in the Auto Scaling group shop-web',
      risks: [expect.stringMatching(risk)],
      verified: true,
    });
    expect(it.writes()).toEqual([]);
  });

  test.each([
    ['Warmed:Stopped', /warm pool/, /out of its warm pool/],
    ['Warmed:Running', /warm pool/, /out of its warm pool/],
    ['Terminating:Wait', /terminating the instance, which cannot be stopped/, /memory will be lost/],
    ['Warmed:Terminating', /cannot be stopped/, /is terminating the instance/],
    ['Detaching', /has left/, null],
    ['EnteringStandby', /in standby/, /instance refresh/],
  ])('for an instance that is %s', async (lifecycle, reason, risk) => {
    const it = await room();
    await play(it, lifecycle);
    const { idle, risks } = await it.contain();
    expect(idle).toMatch(reason);
    expect(risks).toEqual(risk ? [expect.stringMatching(risk)] : []);
    expect(it.writes()).toEqual([]);
  });
});

test.each(['Pending', 'Pending:Wait'])(
  'an instance that is %s is tried, and the refusal is told',
  async (lifecycle) => {
    const it = await room();
    await play(it, lifecycle);
    const contained = await it.contain();
    expect(contained.verified).toBe(false);
    expect(contained.error).toMatch(
      new RegExp(`^shop-web: the instance is ${lifecycle}: ValidationError: .* is not in InService`),
    );
    expect(it.writes()).toEqual(['EnterStandby']);
  },
);

describe('what may go wrong on the way', () => {
  test.each(['EnterStandby', 'DetachInstances'])('the answer to %s is lost', async (operation) => {
    const it = await room(operation === 'EnterStandby' ? 'standby' : 'detach');
    it.account.proxy.fault({ operation, kind: 'lost-response', times: 1 });
    const contained = await it.contain();
    expect(contained.error).toBeUndefined();
    expect(contained.verified).toBe(true);
    expect(await groupOf(it)).toMatchObject({ desired: 2 });
    expect((await members(it)).others).toHaveLength(2);
  });

  test('the answer to ExitStandby is lost: the capacity is raised once', async () => {
    const it = await room();
    const { from, to } = await it.contain();
    it.account.proxy.fault({ operation: 'ExitStandby', kind: 'lost-response', times: 1 });
    expect(await it.release({ from, to })).toMatchObject({ verified: true });
    expect(await groupOf(it)).toMatchObject({ desired: 3 });
  });

  test('the group itself cannot be read: the instance goes to standby all the same', async () => {
    const it = await room();
    it.account.proxy.fault({ operation: 'DescribeAutoScalingGroups', kind: 'denied' });
    const contained = await it.contain();
    expect(contained).toMatchObject({ verified: true, after: { lifecycle: 'Standby' } });
    expect(contained.risks).toContainEqual(expect.stringMatching(/shop-web could not be read: AccessDenied/));
  });

  test('a denied write is one clear line', async () => {
    const it = await room();
    it.account.proxy.fault({ operation: 'EnterStandby', kind: 'denied' });
    expect((await it.contain()).error).toMatch(/not authorized to perform: autoscaling:EnterStandby/);
  });
});
