/** The collection from the host itself, before it is cut off for good. */
import { randomBytes } from 'node:crypto';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt } from '../aws/deadline.ts';
import { quarantineNetwork } from '../containment/quarantine-network.ts';
import { collect } from '../evidence/collect.ts';
import { osTriage, triage } from '../evidence/os-triage.ts';
import type { Decision } from '../policy/decision.ts';
import type { Budgets } from './budgets.ts';
import { contextOf } from './context.ts';
import { LOST, stillOurs } from './hold.ts';
import type { EvidenceResult } from './incident.ts';
import type { Observation } from './observe.ts';
import { asksForIsolation, goneReason, looksIsolated } from './plan.ts';
import { orderForbidsCollection, type Route } from './route.ts';
import type { IncidentContext } from './runbook.ts';

export interface HostCollection {
  /** Isolation need not wait any longer. In memory only. */
  done: Promise<unknown>;
  result: Promise<EvidenceResult>;
}

export type HostStart =
  { kind: 'run'; platform: 'Linux' | 'Windows'; agentVersion: string } | { kind: 'not'; why: EvidenceResult };

/** Room for the call that puts the profile in place and the one that sends the first command. */
const START_MS = 10_000;

/** How long isolation may have to wait for the collection. */
export function hostTimeMs(budgetSeconds: number, { profileMs }: Pick<Budgets, 'profileMs'>): number {
  return budgetSeconds * 1000 + Math.min(START_MS, 2 * profileMs);
}

/** `readyAt`: when the preparation was done; a resumed run does not get its time anew. */
export function collectFromHost(
  ctx: DurableContext,
  incident: IncidentContext,
  start: Extract<HostStart, { kind: 'run' }>,
  { route, readyAt }: { route: Route; readyAt: number },
): HostCollection {
  const { aws, target, event, deps, incidentId, run, prefix } = incident;
  const { budgetSeconds } = deps.policy(target.account).collection;
  const allowed = hostTimeMs(budgetSeconds, deps.budgets);
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => void (open = resolve));
  const result = ctx.step(osTriage.name, async () => {
    // A clock that was put back meanwhile gives it no more than its time.
    const until = Math.min(readyAt, deps.now()) + allowed;
    if (deps.now() >= until) return notTaken('failed', 'the time for it was over when the run was resumed');
    // Nor onto one that a person has released meanwhile.
    if (!(await stillOurs(incident))) return notTaken('failed', LOST);
    // Run again after a crash, it must not put a profile onto a host that has been isolated meanwhile.
    if (await isIsolated(incident)) return notTaken('failed', 'the host was isolated when the run was resumed');
    // Whatever goes wrong in there: isolation does not wait beyond this.
    const alarm = setTimeout(open, until - deps.now() + deps.budgets.profileMs);
    const { platform, agentVersion } = start;
    const { evidence } = await collect(
      {
        ...osTriage,
        take: (gateways, context) =>
          triage(gateways, {
            ...context,
            platform,
            agentVersion,
            token: randomBytes(16).toString('hex'),
            budgets: deps.budgets,
            budgetSeconds,
            // A lifeline leads to Systems Manager only.
            upload: route.way !== 'lifeline',
            until,
            now: deps.now,
            onDone: open,
          }),
      },
      aws,
      { target, incidentId, event },
      { prefix, run, budgetMs: until - deps.now() + deps.budgets.collectorMs, now: deps.now, onTaken: open },
    );
    clearTimeout(alarm);
    return evidence;
  });
  return { done: Promise.race([opened, result]), result };
}

/** Whether something is to be run on the host. `brought`: by an earlier run of the incident. */
export function hostStart(
  incident: IncidentContext,
  decision: Decision,
  observed: Observation,
  brought: EvidenceResult | null,
): HostStart {
  const skip = (reason: string): HostStart => ({ kind: 'not', why: notTaken('skipped', reason) });
  const { collection, containment } = incident.deps.policy(incident.target.account);
  if (brought) return { kind: 'not', why: brought };
  if (!asksForIsolation(decision)) return skip('nothing is run on a host that is not to be quarantined');
  if (collection.os === 'off') return skip('the policy has collection from the host switched off');
  const forbidden = orderForbidsCollection(containment.order);
  if (forbidden !== null) return skip(forbidden);
  const { document } = incident.aws.collection;
  if (document !== undefined && incident.target.region !== incident.aws.homeRegion)
    return skip(`the document ${document} is in ${incident.aws.homeRegion}, not in ${incident.target.region}`);
  const gone = goneReason(observed);
  if (gone !== null) return skip(gone);
  const state = observed.instance?.state;
  if (state !== undefined && state !== 'running')
    return skip(
      `the instance is ${state}${observed.instance?.hibernated ? ' (hibernated: its memory is on the root volume)' : ''}`,
    );
  const network = observed.readings[quarantineNetwork.name];
  if (network?.error === undefined && network?.found && looksIsolated(network, containment))
    return skip('the host is isolated already, and is not let out again for this');
  const { host } = observed;
  if (!host.reachable) return host.failed ? { kind: 'not', why: notTaken('failed', host.reason) } : skip(host.reason);
  if (host.platform !== 'Linux' && host.platform !== 'Windows')
    return skip(`there is no collection for the platform ${host.platform}`);
  return { kind: 'run', platform: host.platform, agentVersion: host.agentVersion };
}

function notTaken(status: 'skipped' | 'failed', reason: string): EvidenceResult {
  return { collector: osTriage.name, status, reason, artifacts: [] };
}

async function isIsolated(incident: IncidentContext): Promise<boolean> {
  const { aws, deps } = incident;
  const context = contextOf(incident);
  const action = quarantineNetwork;
  const [state, found] = await Promise.all([
    attempt(deps.budgets.readMs, 'reading the interfaces', () => action.read(aws, context, null)),
    attempt(deps.budgets.readMs, 'looking up the groups', async () => action.find?.(aws, context) ?? null),
  ]);
  return state.ok && found.ok && looksIsolated({ state: state.value, found: found.value }, context.containment);
}
