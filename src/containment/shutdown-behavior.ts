import { defineAction } from './action.ts';
import { kindOf, type InstanceKind } from './instance-kind.ts';

type ShutdownState = {
  /** stop or terminate. */
  behavior: string;
  /** Why it can only terminate. Absent: it can be changed. */
  unfit?: InstanceKind;
};

const UNFIT: Record<InstanceKind, string> = {
  spot: 'a Spot instance takes no other shutdown behavior',
  'instance-store': 'an instance with an instance store for its root can only terminate',
};

/** Whoever is on the host can shut it down: that shall not delete it, which termination protection does not prevent. */
export const shutdownBehavior = defineAction<ShutdownState>({
  name: 'shutdown-behavior',
  title: 'Let a shutdown from inside stop the instance, not terminate it',
  reversible: true,
  when: 'at-once',
  permissions: ['ec2:DescribeInstanceAttribute', 'ec2:DescribeInstances', 'ec2:ModifyInstanceAttribute'],
  async read(aws, context) {
    const [behavior, unfit] = await Promise.all([
      aws.ec2.shutdownBehavior(context.target.instanceId),
      kindOf(aws, context),
    ]);
    return unfit === null ? { behavior } : { behavior, unfit };
  },
  desired: (reading) => (reading.unfit ? reading : { behavior: 'stop' }),
  write: (aws, { target }, _from, to) => aws.ec2.setShutdownBehavior(target.instanceId, to.behavior),
  keep: (stored, reading) => stored ?? reading,
  same: (a, b) => a.behavior === b.behavior,
  idle({ behavior, unfit }) {
    if (behavior === 'stop') return 'a shutdown from inside stops the instance already';
    return unfit ? UNFIT[unfit] : null;
  },
  risks: (_from, to) =>
    to.behavior === 'stop' ? [] : ['A shutdown from inside the instance terminates it: AWS lets nobody change that.'],
  describe: (from, to) => `shutdown from inside: ${from ? from.behavior : 'not known'} → ${to.behavior}`,
});
