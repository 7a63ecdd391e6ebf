/** Everything that is read before anything is changed. One step, one round of calls. */
import type { Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { InterfaceReading } from '../aws/ec2-readings.ts';
import type { Action, ActionContext } from '../containment/action.ts';
import { actions } from '../containment/index.ts';
import { readVpcFacts, type VpcFacts } from '../containment/lifeline.ts';
import { quarantineNetwork } from '../containment/quarantine-network.ts';
import type { TargetFacts } from '../finding/finding.ts';
import type { Budgets } from './budgets.ts';
import type { InstanceSummary, Json } from './incident.ts';
import { NO_SUCH_INSTANCE } from './plan.ts';

export interface ActionReading {
  /** Null where the reading failed. */
  state: Json;
  error?: string;
  /** What is prepared already; null where that is not known or needs nothing. */
  found: Json;
}

export interface Observation {
  /** Milliseconds since 1970: the handler's first line. */
  startedAt: number;
  instance: InstanceSummary | null;
  /** Present where the instance could not be read, or does not exist. */
  instanceError?: string;
  /** ARN of its instance profile as the instance shows it; absent where it shows none, or could not be read. */
  profile?: string;
  /** Of the network; what else is changed is read beside. */
  readings: Record<string, ActionReading>;
  host: HostAccess;
  vpcFacts: VpcFacts;
  /** VPC → private addresses of the instance there. */
  addresses: Record<string, string[]>;
}

/** Whether something can be run on the host through Systems Manager. */
export type HostAccess =
  | { reachable: true; platform: string; agentVersion: string }
  /** `failed`: it could not be found out, where it should have been. */
  | { reachable: false; failed: boolean; reason: string };

export async function observe(
  given: Aws,
  context: ActionContext,
  budgets: Budgets,
  startedAt: number,
): Promise<Observation> {
  // Two want to know it at this moment: one call tells both.
  const asking = new Map<string, ReturnType<Aws['ec2']['instance']>>();
  const instanceOnce = (id: string): ReturnType<Aws['ec2']['instance']> => {
    const answer = asking.get(id) ?? given.ec2.instance(id);
    asking.set(id, answer);
    return answer;
  };
  const aws = { ...given, ec2: { ...given.ec2, instance: instanceOnce } };
  const read = <T>(what: string, work: () => Promise<T>) => attempt(budgets.readMs, what, work);
  const [instance, host, vpcFacts, network] = await Promise.all([
    read('reading the instance', () => aws.ec2.instance(context.target.instanceId)),
    hostAccess(aws, context.target.instanceId, budgets),
    readVpcFacts(aws, budgets.agentMs),
    readAction(aws, quarantineNetwork, context, budgets),
  ]);
  const base = { startedAt, readings: { [quarantineNetwork.name]: network }, host, vpcFacts, addresses: {} };
  if (!instance.ok) return { ...base, instance: null, instanceError: instance.error };
  if (!instance.value) return { ...base, instance: null, instanceError: NO_SUCH_INSTANCE };
  const { tags, state, hibernated, interfaces, vpcId, instanceType, privateIp, publicIp, profile } = instance.value;
  const name = tags['Name'];
  const owner = tags['Owner'] ?? tags['owner'];
  return {
    ...base,
    ...(profile === undefined ? {} : { profile }),
    addresses: addressesByVpc(interfaces),
    instance: {
      state,
      ...(hibernated ? { hibernated } : {}),
      tags,
      vpcs: [...new Set([...(vpcId ? [vpcId] : []), ...interfaces.map((found) => found.vpcId)])].filter(Boolean),
      ...(name === undefined ? {} : { name }),
      ...(owner === undefined ? {} : { owner }),
      ...(instanceType === undefined ? {} : { instanceType }),
      ...(privateIp === undefined ? {} : { privateIp }),
      ...(publicIp === undefined ? {} : { publicIp }),
    },
  };
}

/** Everything but the network, which isolation does not wait for. */
export async function observeOthers(
  aws: Aws,
  context: ActionContext,
  budgets: Budgets,
): Promise<Record<string, ActionReading>> {
  const others = actions.filter(({ name }) => name !== quarantineNetwork.name);
  return Object.fromEntries(
    await Promise.all(
      others.map(async (action) => [action.name, await readAction(aws, action, context, budgets)] as const),
    ),
  );
}

async function readAction(
  aws: Aws,
  action: Action,
  context: ActionContext,
  { readMs }: Budgets,
): Promise<ActionReading> {
  const [state, found] = await Promise.all([
    attempt(readMs, `reading ${action.name}`, () => action.read(aws, context, null)),
    action.find
      ? attempt(readMs, `looking up ${action.name}`, () => action.find?.(aws, context) ?? Promise.resolve(null))
      : null,
  ]);
  return {
    state: state.ok ? state.value : null,
    ...(state.ok ? {} : { error: state.error }),
    found: found?.ok ? found.value : null,
  };
}

function addressesByVpc(interfaces: readonly InterfaceReading[]): Record<string, string[]> {
  const byVpc: Record<string, string[]> = {};
  for (const { vpcId, privateAddresses } of interfaces) byVpc[vpcId] = [...(byVpc[vpcId] ?? []), ...privateAddresses];
  return byVpc;
}

async function hostAccess(aws: Aws, instanceId: string, budgets: Budgets): Promise<HostAccess> {
  const answer = await attempt(budgets.agentMs, 'asking Systems Manager', () => aws.ssm.agent(instanceId));
  if (!answer.ok)
    return { reachable: false, failed: true, reason: `Systems Manager could not be asked: ${answer.error}` };
  const agent = answer.value;
  if (!agent) return { reachable: false, failed: false, reason: 'Systems Manager does not manage the instance' };
  if (agent.ping !== 'Online')
    return { reachable: false, failed: false, reason: `the Systems Manager agent is offline (${agent.ping})` };
  return { reachable: true, platform: agent.platform, agentVersion: agent.agentVersion };
}

/** What the policy may look at: what was read, else what the event says. */
export function factsOf(observation: Observation, fromEvent: TargetFacts): TargetFacts {
  if (!observation.instance) return fromEvent;
  return { tags: observation.instance.tags, vpcs: observation.instance.vpcs };
}
