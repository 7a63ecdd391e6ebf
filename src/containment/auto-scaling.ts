import type { Aws } from '../aws/connect.ts';
import { errorName } from '../aws/client.ts';
import { attempt, errorLine } from '../aws/deadline.ts';
import { defineAction } from './action.ts';
import {
  capacityNote,
  changedSince,
  reasonToLeave,
  risksOf,
  standingOf,
  standingWord,
  type Membership,
  type Standing,
} from './auto-scaling-state.ts';

/**
 * A host without traffic fails its health check, and its group would terminate the evidence. In standby it is still a member
 * that nobody checks; detached it is none. A replacement takes its place.
 */
export const autoScaling = defineAction<Membership>({
  name: 'auto-scaling',
  title: 'Keep the Auto Scaling group from terminating the instance',
  reversible: true,
  when: 'at-once',
  permissions: [
    'autoscaling:DescribeAutoScalingGroups',
    'autoscaling:DescribeAutoScalingInstances',
    'autoscaling:DetachInstances',
    'autoscaling:EnterStandby',
  ],
  releasePermissions: ['autoscaling:ExitStandby'],

  async read(aws, { target, readMs }, known) {
    const member = await aws.autoScaling.member(target.instanceId);
    // What a detached instance came from is only in the record.
    const name = member?.group ?? known?.group ?? null;
    if (name === null) return { group: null, lifecycle: 'none' };
    const membership: Membership = member
      ? { group: name, lifecycle: member.lifecycle, protected: member.protectedFromScaleIn }
      : { group: name, lifecycle: 'Detached' };
    // The group's sizes are good to know; nothing hangs on them.
    const group = await attempt(readMs * 0.5, 'reading the group', () => aws.autoScaling.group(name));
    if (!group.ok) return { ...membership, unread: group.error };
    if (group.value === null) return { ...membership, gone: true };
    const { suspended, ...capacity } = group.value;
    return { ...membership, capacity, suspended };
  },

  desired(reading, _prepared, { containment }) {
    if (reasonToLeave(reading, containment.autoScaling) !== null) return reading;
    return { ...reading, lifecycle: containment.autoScaling === 'standby' ? 'Standby' : 'Detached' };
  },

  async write(aws, { target }, from, to) {
    const wanted = standingOf(to);
    const bring = WRITES[wanted];
    // Whoever has put a member into standby meanwhile shall find it there.
    if (to.group === null || !bring || (wanted === 'member' && standingOf(from) === 'member')) return;
    const now = await present(aws, target.instanceId, to.group);
    if (now !== wanted) await bring(aws, target.instanceId, to.group, now);
  },

  keep: (stored, reading) => stored ?? reading,

  // Out of the group is out of it, also for whoever does not know which one it was.
  same: (a, b) => standingOf(a) === standingOf(b) && (a.group === b.group || standingOf(a) === 'out'),

  restore(from, reading, { contained }) {
    const asIs = { to: reading, left: [] as string[], lost: [] as string[] };
    const [now, made] = [standingOf(reading), contained && standingOf(contained)];
    if (from === null) {
      const ours = made !== null && made === now && (now === 'standby' || now === 'out');
      return ours ? { ...asIs, lost: [`${standingWord(reading)}: what it was before is not known`] } : asIs;
    }
    if (from.group === null && reading.group === null) return asIs;
    if (from.group !== reading.group) return { ...asIs, left: [changedSince(reading)] };
    const before = standingOf(from);
    if (before === now) return asIs;
    if (before !== 'member') return { ...asIs, left: [changedSince(reading)] };
    // Where no record says what was done, it is taken for ours: it was a member when the incident began.
    const ours = made === null || made === now;
    if (now === 'standby' && ours)
      return { to: { ...reading, lifecycle: 'InService' }, left: capacityNote(reading), lost: [] };
    if (now === 'out' && reading.gone) return { ...asIs, left: [`the Auto Scaling group ${from.group} is gone`] };
    if (now === 'out' && ours)
      return { ...asIs, lost: [`detached from the Auto Scaling group ${from.group}: attach it by hand`] };
    return { ...asIs, left: [changedSince(reading)] };
  },

  idle: (reading, { containment }) => reasonToLeave(reading, containment.autoScaling),

  risks: risksOf,

  describe(from, to) {
    if (to.group === null) return 'Auto Scaling group: none';
    const before = from ? standingWord(from) : 'not known';
    const after = standingWord(to);
    return `Auto Scaling group: ${before}${before === after ? ' (unchanged)' : ` → ${after}`}`;
  },
});

type Write = (aws: Aws, instanceId: string, group: string, now: Standing) => Promise<void>;

const WRITES: { [standing in Standing]?: Write } = {
  async standby(aws, instanceId, group, now) {
    if (now !== 'member') throw new Error(`${group}: the instance cannot go to standby, it is ${now}`);
    await leave(aws, instanceId, group, 'standby', (replace) =>
      aws.autoScaling.enterStandby(group, instanceId, replace),
    );
  },
  async out(aws, instanceId, group, now) {
    // Never out of standby: a release could not put it back.
    if (now !== 'member') throw new Error(`${group}: the instance is not detached, it is ${now}`);
    await leave(aws, instanceId, group, 'out', (replace) => aws.autoScaling.detach(group, instanceId, replace));
  },
  async member(aws, instanceId, group, now) {
    if (now !== 'standby') throw new Error(`${group}: the instance cannot go into service, it is ${now}`);
    try {
      await aws.autoScaling.exitStandby(group, instanceId);
    } catch (error) {
      if ((await presentAfter(error, aws, instanceId, group)) !== 'member') throw error;
    }
  },
};

/** With a replacement, or without one where AWS refuses that and the group may get smaller. Its limits stay as they are. */
async function leave(
  aws: Aws,
  instanceId: string,
  group: string,
  wanted: Standing,
  call: (replace: boolean) => Promise<void>,
): Promise<void> {
  try {
    await call(true);
  } catch (error) {
    // The answer to an earlier try may have been lost: then AWS refuses the next one.
    if ((await presentAfter(error, aws, instanceId, group)) === wanted) return;
    const { lifecycle } = (await aws.autoScaling.member(instanceId)) ?? { lifecycle: 'Detached' };
    if (lifecycle !== 'InService')
      throw new Error(`${group}: the instance is ${lifecycle}: ${errorLine(error)}`, { cause: error });
    if (errorName(error) !== 'ValidationError') throw error;
    const sizes = await aws.autoScaling.group(group);
    const reason = `${group}: with a replacement: ${errorLine(error)}`;
    if (!sizes || sizes.desired <= sizes.min)
      throw new Error(`${reason}; without one the group would be below its minimum`, { cause: error });
    try {
      await call(false);
    } catch (second) {
      throw new Error(`${reason}; without one: ${errorLine(second)}`, { cause: second });
    }
  }
}

/** @throws where the instance is in another group. */
async function present(aws: Aws, instanceId: string, group: string): Promise<Standing> {
  const member = await aws.autoScaling.member(instanceId);
  if (member && member.group !== group) throw new Error(`the instance is in another group by now: ${member.group}`);
  return standingOf({ group, lifecycle: member?.lifecycle ?? 'Detached' });
}

/** @throws the error itself where nothing can be read: it says more. */
async function presentAfter(error: unknown, aws: Aws, instanceId: string, group: string): Promise<Standing> {
  try {
    return await present(aws, instanceId, group);
  } catch {
    throw error;
  }
}
