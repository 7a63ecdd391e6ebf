/** Everything that is read before anything is changed. One step, one round of calls. */
import type { Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import { actions } from '../containment/index.ts';
import type { ActionContext } from '../containment/action.ts';
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
  readings: Record<string, ActionReading>;
  host: HostAccess;
}

/** Whether something can be run on the host through Systems Manager. */
export type HostAccess =
  | { reachable: true; platform: string; agentVersion: string }
  /** `failed`: it could not be found out, where it should have been. */
  | { reachable: false; failed: boolean; reason: string };

export async function observe(
  aws: Aws,
  context: ActionContext,
  budgets: Budgets,
  startedAt: number,
): Promise<Observation> {
  const read = <T>(what: string, work: () => Promise<T>) => attempt(budgets.readMs, what, work);
  const [instance, host, entries] = await Promise.all([
    read('reading the instance', () => aws.ec2.instance(context.target.instanceId)),
    hostAccess(aws, context.target.instanceId, budgets),
    Promise.all(
      actions.map(async (action) => {
        const [state, found] = await Promise.all([
          read(`reading ${action.name}`, () => action.read(aws, context, null)),
          action.find
            ? read(`looking up ${action.name}`, () => action.find?.(aws, context) ?? Promise.resolve(null))
            : null,
        ]);
        const reading: ActionReading = {
          state: state.ok ? state.value : null,
          ...(state.ok ? {} : { error: state.error }),
          found: found?.ok ? found.value : null,
        };
        return [action.name, reading] as const;
      }),
    ),
  ]);
  const readings = Object.fromEntries(entries);
  if (!instance.ok) return { startedAt, instance: null, instanceError: instance.error, readings, host };
  if (!instance.value) return { startedAt, instance: null, instanceError: NO_SUCH_INSTANCE, readings, host };
  const { tags, state, interfaces, vpcId, instanceType, privateIp, publicIp } = instance.value;
  const name = tags['Name'];
  const owner = tags['Owner'] ?? tags['owner'];
  return {
    startedAt,
    instance: {
      state,
      tags,
      vpcs: [...new Set([...(vpcId ? [vpcId] : []), ...interfaces.map((found) => found.vpcId)])].filter(Boolean),
      ...(name === undefined ? {} : { name }),
      ...(owner === undefined ? {} : { owner }),
      ...(instanceType === undefined ? {} : { instanceType }),
      ...(privateIp === undefined ? {} : { privateIp }),
      ...(publicIp === undefined ? {} : { publicIp }),
    },
    readings,
    host,
  };
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
