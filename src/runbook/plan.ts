/** From a decision and what was read to what will be done, and from what was done to what may be said. Pure. */
import type { Action, ActionContext } from '../containment/action.ts';
import { finalKinds } from '../containment/access.ts';
import { instanceProfile } from '../containment/instance-profile.ts';
import type { NetworkState } from '../containment/interfaces.ts';
import type { Groups } from '../containment/quarantine-network.ts';
import type { ApprovalAsked, Decision } from '../policy/decision.ts';
import type { Policy } from '../policy/policy.ts';
import type {
  ChangeResult,
  EvidenceResult,
  IncidentResult,
  Isolation,
  Json,
  NotificationResult,
  Status,
} from './incident.ts';
import type { ActionReading, Observation } from './observe.ts';

/** What an observation says where AWS denies that there is such an instance: a typo, or another region. */
export const NO_SUCH_INSTANCE = 'AWS knows no such instance';

/** States in which there is nothing left to contain. */
export const GONE: ReadonlySet<string> = new Set(['terminated', 'shutting-down']);

/** One intended change; JSON-safe. */
export interface PlannedChange {
  action: string;
  from: Json;
  to: Json;
  description: string;
  /** Why nothing is to be done; absent where something is. */
  skip?: string;
  /** Why it cannot be done; absent where it can. */
  impossible?: string;
}

export function asksForIsolation(decision: Decision): boolean {
  return decision.response === 'quarantine';
}

export function asksForEvidence(decision: Decision): boolean {
  return ['collect', 'quarantine-after-approval', 'quarantine'].includes(decision.response);
}

/** The quarantine waits for a person; until then evidence is taken, which changes nothing. */
export function heldBack(decision: Decision, approval: ApprovalAsked): Decision {
  const reason = `${approval.because.charAt(0).toUpperCase()}${approval.because.slice(1)}: evidence is taken, and approval is asked.`;
  return { ...decision, response: 'collect', reasons: [...decision.reasons, reason], approval };
}

/** Nothing that could be contained: the reason, for people. */
export function goneReason(observation: Observation): string | null {
  if (observation.instanceError === NO_SUCH_INSTANCE) return NO_SUCH_INSTANCE;
  const state = observation.instance?.state;
  if (state !== undefined && GONE.has(state)) return `the instance is ${state}`;
  return null;
}

/** Every interface in groups of ours in which it may end, as far as a reading can tell; an unread one is given the benefit. */
export function looksIsolated(
  reading: ActionReading | undefined,
  { access }: Pick<Policy['containment'], 'access'>,
): boolean {
  if (!reading || reading.error !== undefined || reading.found === null) return true;
  const { ours, rules } = reading.found as Groups;
  const kinds = finalKinds(access);
  // Of a group without rules it is known that it has none; of the others only whose they are.
  const ends = (group: string): boolean => {
    const kind = ours[group];
    return kind !== undefined && kinds.includes(kind) && (kind !== 'quarantine' || rules[group] !== undefined);
  };
  const interfaces = Object.values(reading.state as NetworkState);
  return interfaces.every(
    ({ groups, requester }) => requester !== undefined || (groups.length > 0 && groups.every(ends)),
  );
}

/** What one action would do. `stored` is its `from` of an earlier run of the incident. */
export function plannedChange(
  action: Action,
  context: ActionContext,
  reading: ActionReading | undefined,
  prepared: Json,
  stored: Json | undefined,
  gone: string | null,
): PlannedChange {
  const base = { action: action.name, from: stored ?? null, to: null as Json, description: action.title };
  if (gone !== null) return { ...base, skip: gone };
  if (!reading || reading.error !== undefined)
    return { ...base, impossible: `the present state could not be read: ${reading?.error ?? 'no reading'}` };
  const from = action.keep(stored, reading.state, prepared);
  const to = action.desired(reading.state, prepared, context);
  const description = action.describe(from, to);
  const idle = action.idle(reading.state, context);
  if (idle !== null && action.same(reading.state, to))
    return { ...base, from: from ?? null, to, description, skip: idle };
  if (action.same(reading.state, to)) return { ...base, from: from ?? null, to, description, skip: 'it is so already' };
  return { ...base, from: from ?? null, to, description };
}

/** What is known not to be cut off although the isolation is verified, or what its absence means. For people. */
export function residualRisks(
  decision: Decision,
  isolation: Isolation | null,
  /** What the actions say of the state that they brought about. */
  ofActions: readonly string[],
  observation: Observation | null,
): string[] {
  if (!isolation) {
    return decision.approval
      ? [`The instance is not isolated until a person approves it: ${decision.approval.because}.`]
      : [];
  }
  if (!isolation.verified)
    return [
      'The instance is not shown to be isolated: treat it as able to send and receive until somebody has looked.',
    ];
  return [
    isolation.establishedFlows === 'cut-attempted'
      ? 'New connections are blocked. It was attempted to cut those that were established before; nothing outside the host can prove that they are dead.'
      : `New connections are blocked. Connections that were established before may continue until they end or time out${isolation.flows === undefined ? '' : ` (not cut: ${isolation.flows})`}.`,
    'Name resolution through the resolver of the VPC is not blocked by security groups: data can leave in DNS queries.',
    ...ofActions,
    ...(observation?.instance ? [] : ["The instance's tags could not be read: protection by tag was not checked."]),
  ];
}

/** An agent that works without a profile has its credentials from the account's setting, which no change of ours takes away. */
export function managedByDefault(observation: Observation, changes: readonly ChangeResult[]): string[] {
  const from = changes.find(({ action }) => action === instanceProfile.name)?.from as { profiles?: string[] } | null;
  if (!observation.host.reachable || from?.profiles?.length !== 0) return [];
  return [
    'The instance is managed by Systems Manager without an instance profile (Default Host Management Configuration): the credentials that its agent has by that are not taken away or denied.',
  ];
}

/** The one word for how it ended. */
export function statusOf(
  decision: Decision,
  evidence: EvidenceResult[],
  isolation: Isolation | null,
  notification: NotificationResult,
): Status {
  if (decision.response === 'ignore') return 'ignored';
  if (decision.approval && !decision.dryRun) return 'awaiting-approval';
  if (decision.dryRun || decision.response === 'notify')
    return notification.status === 'failed' ? 'failed' : 'notified';
  if (asksForIsolation(decision)) return isolation?.verified ? 'quarantined' : 'failed';
  return evidence.some(({ status }) => status === 'failed') && !evidence.some(taken) ? 'failed' : 'collected';
}

function taken({ collector, status }: EvidenceResult): boolean {
  return status === 'done' && collector !== 'finding';
}

/** 0 all was done as decided, 1 some part fell short. */
export function exitCode(results: readonly IncidentResult[]): 0 | 1 {
  return results.some(fellShort) ? 1 : 0;
}

export function fellShort(result: IncidentResult): boolean {
  return (
    result.status === 'failed' ||
    result.failures.length > 0 ||
    result.notification.status === 'failed' ||
    result.evidence.some(({ status }) => status === 'failed') ||
    result.changes.some(({ status }) => status === 'failed')
  );
}
