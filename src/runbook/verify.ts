/**
 * Reads the containment of an open incident again: is everything still as it was asked for? Changes nothing, and claims
 * nothing that was not read just now.
 */
import type { Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { OpenIncident } from '../aws/ledger-open.ts';
import { accessRules, finalKinds } from '../containment/access.ts';
import type { Action, ActionContext } from '../containment/action.ts';
import { actions, isolating } from '../containment/index.ts';
import type { NetworkState } from '../containment/interfaces.ts';
import type { Groups } from '../containment/quarantine-network.ts';
import type { Target } from '../finding/finding.ts';
import type { Policy } from '../policy/policy.ts';
import type { Budgets } from './budgets.ts';
import type { ChangeResult, Json } from './incident.ts';
import { networkDrift } from './network-drift.ts';

/** What a look at the containment found; JSON-safe. */
export interface Verification {
  incidentId: string;
  target: Target;
  /** ISO 8601, UTC. */
  at: string;
  /** Everything that was asked for was read, and is there. */
  contained: boolean;
  /** What is not as it was asked for, a line each for people. */
  drift: { action: string; description: string }[];
  unread: { action: string; error: string }[];
  /** Why there is nothing left to contain. */
  gone?: string;
  /** An interface is in a group that lets something through for a time, and nobody is at work to end that. */
  halfContained?: true;
  /** A run works on it: what is read meanwhile says nothing. */
  working?: true;
  /** A release has begun to undo it: what it has put back shows as drift. */
  releasing?: true;
}

export interface VerifyDeps {
  /** Of the target. */
  aws: Aws;
  budgets: Budgets;
  containment: Policy['containment'];
  /** Milliseconds since 1970. */
  now: () => number;
}

type Found = Pick<Verification, 'drift' | 'unread'> & { halfContained?: true };

const NOTHING: Found = { drift: [], unread: [] };

export async function verifyIncident(incident: OpenIncident, deps: VerifyDeps): Promise<Verification> {
  const { incidentId, target, releasing, held } = incident;
  const { aws, budgets, now } = deps;
  const base = {
    incidentId,
    target,
    at: new Date(now()).toISOString(),
    contained: false,
    ...NOTHING,
    ...(releasing ? ({ releasing: true } as const) : {}),
  };
  if (held) return { ...base, working: true };
  const context: ActionContext = {
    target,
    incidentId,
    readMs: budgets.readMs,
    containment: deps.containment,
  };
  const [instance, ...found] = await Promise.all([
    attempt(budgets.readMs, 'reading the instance', () => aws.ec2.instance(target.instanceId)),
    ...actions.map((action) => look(incident, action, context, deps)),
  ]);
  const gone = instance.ok ? goneReason(instance.value?.state) : null;
  if (gone !== null) return { ...base, gone };
  const drift = found.flatMap((one) => one.drift);
  const unread = found.flatMap((one) => one.unread);
  if (drift.length + unread.length === 0) return { ...base, contained: true };
  // What looks like drift may be the work of a run, or of a release, that has begun meanwhile.
  const again = await attempt(budgets.claimMs, 'the ledger', () =>
    aws.ledger.openIncident({ which: { target }, within: target, now: now() }),
  );
  const isSame = again.ok && !('why' in again.value) && again.value.run === incident.run && again.value.held === null;
  if (again.ok && !isSame) return { ...base, working: true };
  return { ...base, drift, unread, ...(found.some((one) => one.halfContained) ? { halfContained: true } : {}) };
}

/** One action: its state, and what else must hold. Never rejects. */
async function look(
  incident: OpenIncident,
  action: Action,
  context: ActionContext,
  { aws, budgets }: VerifyDeps,
): Promise<Found> {
  const { name } = action;
  const isNetwork = name === isolating;
  const change = incident.result?.changes.find((one) => one.action === name);
  // Without a network that was brought about nothing is contained, whatever else was done.
  if (!change && !isNetwork) return NOTHING;
  const known = incident.from[name] ?? change?.from ?? null;
  const [state, found] = await Promise.all([
    attempt(budgets.readMs, `reading ${name}`, () => action.read(aws, context, known)),
    isNetwork ? attempt(budgets.readMs, `looking up ${name}`, async () => action.find?.(aws, context) ?? null) : null,
  ]);
  const unread = [state, found].flatMap((one) => (one && !one.ok ? [{ action: name, error: one.error }] : []));
  if (!state.ok) return { drift: [], unread };
  const groups = found?.ok ? (found.value as Groups | null) : null;
  const halfContained = isNetwork && groups !== null && isHalf(state.value as NetworkState, groups, context);
  const lines = differences(action, change, withoutUnread(state.value));
  if (halfContained)
    lines.push(
      'the instance is cut off in part only, as for the time of collecting, and no run is at work to end that',
    );
  unread.push(...unreadParts(state.value).map((error) => ({ action: name, error })));
  const inspected = await inspect(action, change, groups, context, { aws, budgets });
  return {
    drift: [...lines, ...inspected.faults].map((description) => ({ action: name, description })),
    unread: [...unread, ...inspected.unread.map((error) => ({ action: name, error }))],
    ...(halfContained ? { halfContained: true } : {}),
  };
}

/** A line for everything that is not as it was asked for. */
function differences(action: Action, change: ChangeResult | undefined, state: Json): string[] {
  if (!change) return ['no run came to its end that would have moved the network interfaces'];
  const { to, status, reason } = change;
  if (to !== null && action.same(state, to)) return [];
  if (!wasBroughtAbout(change))
    return status === 'failed'
      ? [`${action.title}: the response did not manage to (${reason ?? 'no reason given'})`]
      : [];
  return action.name === isolating
    ? networkDrift(to as NetworkState, state as NetworkState)
    : [action.describe(to, state)];
}

/** A later reading showed it; what was left alone without one was never part of the containment. */
function wasBroughtAbout({ status, verified, to }: ChangeResult): boolean {
  return to !== null && (status === 'done' || (status === 'skipped' && verified));
}

/** What must hold of the things that the state names, e.g. that groups have no rules. */
async function inspect(
  action: Action,
  change: ChangeResult | undefined,
  groups: Groups | null,
  context: ActionContext,
  { aws, budgets }: Pick<VerifyDeps, 'aws' | 'budgets'>,
): Promise<{ faults: string[]; unread: string[] }> {
  const to = change && wasBroughtAbout(change) ? change.to : null;
  // Whose the groups are has to be known: else the rules that the policy wants would count as faults.
  if (!action.inspect || to === null || (action.name === isolating && groups === null))
    return { faults: [], unread: [] };
  const outcome = await attempt(budgets.readMs, `inspecting ${action.name}`, async () => {
    const prepared = groups === null ? null : await withAccess(aws, context, to as NetworkState, groups);
    return (await action.inspect?.(aws, context, to, prepared)) ?? [];
  });
  return outcome.ok ? { faults: outcome.value, unread: [] } : { faults: [], unread: [outcome.error] };
}

/** Groups for analysts have rules on purpose: exactly those that the policy asks for. */
async function withAccess(aws: Aws, context: ActionContext, to: NetworkState, groups: Groups): Promise<Groups> {
  const { access } = context.containment;
  const rules = { ...groups.rules };
  for (const { vpc, groups: ids } of Object.values(to))
    for (const id of ids) {
      const kind = groups.ours[id];
      if (access === 'none' || kind === undefined || kind === 'quarantine' || !finalKinds(access).includes(kind))
        continue;
      rules[id] ??= (await accessRules(aws, context, vpc, access)).rules;
    }
  return { ...groups, rules };
}

/** Some interface is in a group of ours in which none may end. */
function isHalf(state: NetworkState, { ours }: Groups, { containment }: ActionContext): boolean {
  const final = finalKinds(containment.access);
  return Object.values(state).some(({ groups, requester }) => {
    const kinds = groups.flatMap((id) => ours[id] ?? []);
    return requester === undefined && kinds.some((kind) => !final.includes(kind) && kind !== 'access');
  });
}

/** Parts that a reading itself says it could not read; they are no difference. */
function unreadParts(state: Json): string[] {
  const unread = isObject(state) ? state['unread'] : undefined;
  if (!isObject(unread)) return [];
  return Object.entries(unread).map(
    ([what, why]) => `${what} could not be read: ${typeof why === 'string' ? why : ''}`,
  );
}

function withoutUnread(state: Json): Json {
  return unreadParts(state).length > 0 && isObject(state) ? { ...state, unread: {} } : state;
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function goneReason(state: string | undefined): string | null {
  if (state === undefined) return 'the instance does not exist any more';
  return state === 'terminated' || state === 'shutting-down' ? `the instance is ${state}` : null;
}
