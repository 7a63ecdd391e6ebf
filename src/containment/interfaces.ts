/** The network interfaces of an instance, and their groups as a state. */
import type { Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { InterfaceReading } from '../aws/ec2-readings.ts';
import type { ActionContext } from './action.ts';

/** Interface id → its VPC and its security groups, sorted. */
export type NetworkState = {
  [interfaceId: string]: {
    vpc: string;
    groups: string[];
    /** The service whose interface it is: AWS lets nobody else change it. */
    requester?: string;
  };
};

export function networkState(readings: readonly InterfaceReading[]): NetworkState {
  return Object.fromEntries(
    readings.map(({ interfaceId, vpcId, groups, requester }) => [
      interfaceId,
      { vpc: vpcId, groups: groups.toSorted(), ...(requester === undefined ? {} : { requester }) },
    ]),
  );
}

/**
 * By the interfaces themselves and by what the instance says of them: isolation must hang on neither call, and a list that
 * lags behind must not make it look complete.
 * @throws where neither answers, or AWS knows no such instance
 */
export async function readInterfaces(
  aws: Aws,
  { target, readMs }: Pick<ActionContext, 'target' | 'readMs'>,
): Promise<InterfaceReading[]> {
  const listing = attempt(readMs * 0.7, 'listing the interfaces', () => aws.ec2.interfaces(target.instanceId));
  const asking = attempt(readMs * 0.7, 'reading the instance', () => aws.ec2.instance(target.instanceId));
  const listed = await listing;
  // The second opinion is worth a moment, not a hanging call's whole time.
  const moment = new Promise<null>((resolve) => setTimeout(resolve, readMs * 0.2, null).unref());
  const said = listed.ok ? await Promise.race([asking, moment]) : await asking;
  if (said?.ok && said.value === null) throw new Error('AWS knows no such instance');
  if (!listed.ok && !said?.ok) throw new Error(listed.error);
  const readings = new Map<string, InterfaceReading>();
  for (const one of said?.ok ? (said.value?.interfaces ?? []) : []) readings.set(one.interfaceId, one);
  // The interface's own word says more, of who manages it for one.
  for (const one of listed.ok ? listed.value.readings : [])
    readings.set(one.interfaceId, { ...readings.get(one.interfaceId), ...one });
  return [...readings.values()];
}
