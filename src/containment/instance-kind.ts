import type { Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { ActionContext } from './action.ts';

/** What makes AWS refuse some settings: bought as Spot, or with an instance store for its root. */
export type InstanceKind = 'spot' | 'instance-store';

/**
 * Null for every other instance, and where it cannot be found out in a part of the time: then AWS's own refusal tells, and a
 * call that hangs keeps no setting from being made.
 */
export async function kindOf(aws: Aws, { target, readMs }: ActionContext): Promise<InstanceKind | null> {
  const found = await attempt(readMs * 0.4, 'reading the instance', () => aws.ec2.instance(target.instanceId));
  if (!found.ok || found.value === null) return null;
  if (found.value.lifecycle === 'spot') return 'spot';
  return found.value.rootDeviceType === 'instance-store' ? 'instance-store' : null;
}
