/** What an instance is in its Auto Scaling group, and what follows from that. Pure. */

export type Membership = {
  /** Name of the group; null where the instance is in none. */
  group: string | null;
  /** As AWS says it; `Detached` where the instance has left the recorded group, `none` where there is no group. */
  lifecycle: string;
  /** From scale-in, which does not keep an unhealthy instance from being terminated. */
  protected?: boolean;
  capacity?: { min: number; max: number; desired: number };
  suspended?: string[];
  /** There is no group of that name any more. */
  gone?: true;
  /** Why the group itself could not be read. */
  unread?: string;
};

/** `member`: the group may terminate it. `ending`: it is doing so. `warm`: in its warm pool. `out`: it has left the group. */
export type Standing = 'member' | 'standby' | 'out' | 'ending' | 'warm';

/** A way that has been begun counts as gone: AWS drains the load balancers' connections first, for minutes. */
export function standingOf({ group, lifecycle }: Pick<Membership, 'group' | 'lifecycle'>): Standing {
  if (group === null || /^Detach(ing|ed)$/.test(lifecycle)) return 'out';
  if (/^(EnteringStandby|Standby)$/.test(lifecycle)) return 'standby';
  if (/Terminat(ing|ed)/.test(lifecycle)) return 'ending';
  // On its way into the group it is Pending, as any other; on its way into the pool it is Warmed:Pending.
  return lifecycle.startsWith('Warmed:') ? 'warm' : 'member';
}

/** `in web`, `in standby in web`, … */
export function standingWord(membership: Membership): string {
  const { group, lifecycle } = membership;
  if (group === null) return 'in no group';
  const words: Record<Standing, string> = {
    member: lifecycle === 'InService' ? `in service in ${group}` : `in ${group} (${lifecycle})`,
    standby: `in standby in ${group}`,
    out: `detached from ${group}`,
    ending: `being terminated by ${group}`,
    warm: `in the warm pool of ${group}`,
  };
  return words[standingOf(membership)];
}

/** Why nothing is to be changed, for people; null where something is. */
export function reasonToLeave(reading: Membership, policy: 'standby' | 'detach' | 'keep'): string | null {
  const { group, lifecycle } = reading;
  if (group === null) return 'the instance is in no Auto Scaling group';
  const reasons: Record<Standing, string | null> = {
    member: policy === 'keep' ? `the policy leaves the instance in the Auto Scaling group ${group}` : null,
    standby: `the instance is in standby in the Auto Scaling group ${group} already`,
    out: `the instance has left the Auto Scaling group ${group} already`,
    ending: `the Auto Scaling group ${group} is terminating the instance, which cannot be stopped`,
    warm: `the instance is in the warm pool of the Auto Scaling group ${group} (${lifecycle}), and AWS takes none out of there`,
  };
  return reasons[standingOf(reading)];
}

/** What stays open with the membership as it is, for people. */
export function risksOf(from: Membership | null, to: Membership): string[] {
  const { group } = to;
  if (group === null) return [];
  const risks = RISKS[standingOf(to)](to, group, from);
  const unread = to.unread === undefined ? [] : [`the Auto Scaling group ${group} could not be read: ${to.unread}`];
  return [...risks, ...unread];
}

const RISKS: Record<Standing, (to: Membership, group: string, from: Membership | null) => string[]> = {
  member(to, group) {
    const holding = (to.suspended ?? []).filter((name) => /^(HealthCheck|ReplaceUnhealthy|Terminate)$/.test(name));
    const protection = to.protected ? '; its scale-in protection does not keep it from that' : '';
    return [
      holding.length > 0
        ? `the Auto Scaling group ${group} may terminate the instance as unhealthy as soon as ${holding.join(', ')} is resumed`
        : `the Auto Scaling group ${group} may terminate the instance as unhealthy${protection}`,
    ];
  },
  standby: (to, group, from) => [
    ...notReplaced(from, to, group),
    `deleting the Auto Scaling group ${group}, or an instance refresh that ends instances in standby, would terminate the instance`,
  ],
  out: (to, group, from) => [
    ...notReplaced(from, to, group),
    ...(from !== null && standingOf(from) === 'member'
      ? [`the instance leaves the Auto Scaling group ${group} for good: a release does not attach it again`]
      : []),
  ],
  ending: (_to, group) => [`the Auto Scaling group ${group} is terminating the instance: its memory will be lost`],
  warm: (_to, group) => [
    `the Auto Scaling group ${group} may put the instance into service, or terminate it, out of its warm pool`,
  ],
};

function notReplaced(from: Membership | null, { suspended = [], capacity }: Membership, group: string): string[] {
  if (suspended.includes('Launch'))
    return [`the Auto Scaling group ${group} launches no replacement while Launch is suspended`];
  const before = from?.capacity?.desired;
  const smaller = before !== undefined && capacity !== undefined && capacity.desired < before;
  return smaller ? [`the Auto Scaling group ${group} has got smaller: ${before} → ${capacity.desired}`] : [];
}

/** What a return into service does to the group, which is not ours to correct. */
export function capacityNote({ group, capacity }: Membership): string[] {
  if (!capacity) return [`AWS raises the desired capacity of ${group} by one, and may scale in again`];
  const { desired, max } = capacity;
  const room =
    desired < max
      ? 'the group may scale in again, and terminate any instance without protection'
      : 'which its maximum does not leave room for: raise it, or lower the desired capacity';
  return [`AWS raises the desired capacity of ${group} from ${desired} to ${desired + 1}: ${room}`];
}

export function changedSince(reading: Membership): string {
  return `the instance is ${standingWord(reading)}: somebody has changed that since, it is left so`;
}
