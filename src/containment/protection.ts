import type { Aws } from '../aws/connect.ts';
import { defineAction, type Action } from './action.ts';
import { kindOf, type InstanceKind } from './instance-kind.ts';

type ProtectionState = {
  enabled: boolean;
  /** Why AWS lets nobody switch it on. Absent: it can be. */
  unfit?: InstanceKind;
};

interface Protection {
  name: string;
  title: string;
  /** For people: `stop protection`. */
  what: string;
  isOn: (aws: Aws, instanceId: string) => Promise<boolean>;
  set: (aws: Aws, instanceId: string, on: boolean) => Promise<void>;
  /** The instances that cannot have it, with the reason. */
  unfit: Partial<Record<InstanceKind, string>>;
  /** What can still happen to those. */
  risks: Partial<Record<InstanceKind, string>>;
}

/** An attribute that keeps people from losing the evidence by mistake. */
export function protection({ name, title, what, isOn, set, unfit, risks }: Protection): Action {
  return defineAction<ProtectionState>({
    name,
    title,
    reversible: true,
    when: 'at-once',
    permissions: ['ec2:DescribeInstanceAttribute', 'ec2:DescribeInstances', 'ec2:ModifyInstanceAttribute'],
    async read(aws, context) {
      const [enabled, kind] = await Promise.all([isOn(aws, context.target.instanceId), kindOf(aws, context)]);
      return kind !== null && unfit[kind] !== undefined ? { enabled, unfit: kind } : { enabled };
    },
    desired: (reading) => (reading.unfit ? reading : { enabled: true }),
    write: (aws, { target }, _from, to) => set(aws, target.instanceId, to.enabled),
    keep: (stored, reading) => stored ?? reading,
    same: (a, b) => a.enabled === b.enabled,
    idle: (reading) => (reading.unfit && unfit[reading.unfit]) ?? (reading.enabled ? `${what} was on already` : null),
    risks: (_from, to) => (to.unfit && risks[to.unfit] ? [risks[to.unfit] ?? ''] : []),
    describe: (from, to) => `${what}: ${from ? word(from.enabled) : 'not known'} → ${word(to.enabled)}`,
  });
}

function word(enabled: boolean): string {
  return enabled ? 'on' : 'off';
}
