/**
 * The network's way into quarantine: prepare → cut off → collect from the host → cut what is established → quarantine →
 * verify. A host that is cut off in part (lifeline, interim or open group) is never the end: every step that may leave it
 * so is followed by one that does not.
 */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt } from '../aws/deadline.ts';
import { emptyGroups, groupOf, groupWith } from '../containment/groups.ts';
import { hasEndpoints, interimRules, lifelineOf } from '../containment/lifeline.ts';
import { NO_GROUPS, quarantineNetwork, type Groups } from '../containment/quarantine-network.ts';
import type { Decision } from '../policy/decision.ts';
import { contextOf } from './context.ts';
import {
  evidenceGate,
  kept,
  makeReady,
  readAgain,
  recordFrom,
  verify,
  within,
  write,
  type Ready,
  type Verified,
  type Written,
} from './change.ts';
import { cutFlows, type Cut } from './cut-flows.ts';
import { LOST, stillOurs } from './hold.ts';
import type { HostStart } from './host.ts';
import type { EvidenceResult, Json } from './incident.ts';
import type { Observation } from './observe.ts';
import { isHalfContained, routeOf, type Route } from './route.ts';
import type { IncidentContext } from './runbook.ts';
import { storePlan } from './store-plan.ts';

export interface Prepared {
  ready: Ready;
  route: Route;
  failures: string[];
  plan: EvidenceResult;
  /** Milliseconds since 1970. */
  at: number;
}

/** The limits did not let it through: there is a plan, and nothing has been changed. */
export interface Held {
  held: true;
  plan: EvidenceResult;
}

export interface NetworkOutcome extends Prepared {
  /** The first change of the network. */
  written: Written | null;
  verified: Verified;
  cut: Cut;
}

/** What the network waits for, and what it tells. In memory only. */
export interface NetworkGates {
  /** Evidence from outside has been asked for. */
  taken: Promise<unknown>;
  /** Whether the limits let it through. */
  admitted: Promise<boolean>;
  /** Tells how it is done, as soon as that is known. */
  onRoute: (route: Route, at: number) => void;
  /** The first change of the network has been asked for, or there is none before the collection. */
  onMoved: () => void;
  /** The host may be collected from: its interfaces are where they are for that time. @returns when that is over. */
  collect: () => Promise<unknown>;
  /** Addresses that strangers could come in by are off, as far as they can be. */
  addressesOff: Promise<unknown>;
}

export async function isolate(
  ctx: DurableContext,
  incident: IncidentContext,
  decision: Decision,
  observed: Observation,
  stored: Record<string, Json>,
  start: HostStart,
  gates: NetworkGates,
): Promise<NetworkOutcome | Held> {
  const action = quarantineNetwork;
  const prepared = await ctx.step('prepare', () => prepare(incident, decision, observed, stored, start, gates));
  if ('held' in prepared) return prepared;
  const { ready, route } = prepared;
  gates.onRoute(route, prepared.at);
  const context = contextOf(incident);
  const { state, error } = ready.reading;
  const possible = error === undefined && ready.error === undefined;
  const final = possible ? action.desired(state, ready.prepared, context) : null;
  const isFinal = final !== null && action.same(state, final);
  const move = async (name: string, to: Json | null, from: Json): Promise<Written | null> =>
    to === null || isFinal ? null : ctx.step(name, () => write(incident, action, from, to));

  let first: Written | null = null;
  if (route.way === 'at-once') first = await move(action.name, final, state);
  if (isHalfContained(route)) {
    const meanwhile = possible ? (action.meanwhile?.(state, ready.prepared, context) ?? null) : null;
    first = await move(`${route.way}-network`, meanwhile, state);
  }
  gates.onMoved();
  await gates.collect();
  let cut: Cut = { attempted: false, note: 'this run found the instance isolated already', failures: [] };
  if (!isFinal) {
    const { cutFlows: when } = context.containment;
    if (when !== 'never') await within(ADDRESSES_MS, gates.addressesOff);
    cut = await ctx.step('cut-flows', () => cutFlows(incident, ready.prepared as Groups | null, observed));
  }
  // Every interface anew, wherever it has been meanwhile.
  const last = route.way === 'at-once' || cut.closedAt !== undefined ? null : await move(action.name, final, {});
  const written = first ?? last;
  const verified = await ctx.step('verify', async () => {
    const last = await verify(incident, action, 'network', ready);
    return last.verified ? last : neutralised(incident, last);
  });
  return { ...prepared, written, verified, cut };
}

/**
 * Before the first write: `from` goes into ledger and vault, what must exist is made, the way is chosen, and evidence gets its
 * time. All of it side by side, none of it awaited past its budget.
 */
async function prepare(
  incident: IncidentContext,
  decision: Decision,
  observed: Observation,
  stored: Record<string, Json>,
  start: HostStart,
  { taken, admitted }: NetworkGates,
): Promise<Prepared | Held> {
  const { deps, target } = incident;
  const action = quarantineNetwork;
  const evidenceTime = evidenceGate(taken, deps.budgets);
  const reading = await readAgain(incident, action, observed.readings[action.name], undefined);
  const earlier = stored[action.name];
  const before = earlier === undefined ? {} : { [action.name]: earlier };
  const readings = { [action.name]: reading };
  const [through, record, plan, made, meanwhile] = await Promise.all([
    // Beside the rest: what is written down and made here changes nothing for anybody.
    admitted,
    recordFrom(incident, 'network', [action], before, readings),
    storePlan(incident, {
      name: 'plan.json',
      decision,
      from: kept([action], before, readings),
      readings,
      observed,
    }),
    makeReady(incident, action, reading),
    meanwhileGroup(incident, observed, start),
    evidenceTime,
  ]);
  if (!through) return { held: true, plan };
  const { order } = deps.policy(target.account).containment;
  const notOnHost = start.kind === 'run' ? null : (start.why.reason ?? 'an earlier run has collected from the host');
  // Nothing is collected from a host that could not be cut off: that is tried until it is, and not put off.
  const against = reading.error ?? made.error;
  const route =
    against !== undefined
      ? atOnce(`nothing was asked of the host: the network could not be changed at first (${against})`).route
      : (meanwhile.route ?? routeOf({ order, notOnHost, lifeline: { possible: false, why: '' } }));
  const from = record.from[action.name];
  return {
    ready: {
      reading,
      prepared: withMeanwhile(made.prepared as Groups | null, meanwhile),
      ...(made.error === undefined ? {} : { error: made.error }),
      ...(from === undefined ? {} : { from }),
    },
    route,
    failures: record.failure === undefined ? [] : [record.failure],
    plan,
    at: deps.now(),
  };
}

/** Cutting established connections does not wait longer for addresses to be taken off. */
const ADDRESSES_MS = 10_000;

interface Meanwhile {
  route?: Route;
  group?: { vpc: string; groupId: string; kind: 'lifeline' | 'interim'; rules: string[] };
}

/** The group for the time of collection. What fails here makes the host be cut off at once: it is not left as it was. */
async function meanwhileGroup(incident: IncidentContext, observed: Observation, start: HostStart): Promise<Meanwhile> {
  const { aws, deps, target, incidentId } = incident;
  const { budgets } = deps;
  const { order } = deps.policy(target.account).containment;
  if (start.kind !== 'run' || order === 'collect-first') return {};
  const vpc = observed.instance?.vpcs[0];
  if (vpc === undefined) return atOnce('the instance could not be read, so its VPC is not known');
  const addresses = observed.addresses[vpc] ?? [];
  // The group is made while its rules are found out: a call's time.
  const likely = hasEndpoints(vpc, observed.vpcFacts) ? 'lifeline' : 'interim';
  const making = attempt(budgets.writeMs, `making the ${likely} group`, () => groupOf(aws, { vpc, kind: likely }));
  const lifeline = await lifelineOf(aws, vpc, addresses, observed.vpcFacts, budgets.agentMs);
  const route = routeOf({ order, notOnHost: null, lifeline });
  const kind = lifeline.possible ? 'lifeline' : 'interim';
  const rules = lifeline.possible ? lifeline.rules : interimRules(lifeline.resolvers);
  const early = await making;
  const made = await attempt(budgets.writeMs, `making the ${kind} group`, () =>
    groupWith(aws, { vpc, kind, rules, incidentId }, kind === likely && early.ok ? early.value : undefined),
  );
  if (!made.ok) return atOnce(`the ${kind} group could not be made: ${made.error}`);
  return { route, group: { vpc, groupId: made.value, kind, rules } };
}

function atOnce(why: string): { route: Route } {
  return { route: { way: 'at-once', why } };
}

function withMeanwhile(groups: Groups | null, { group }: Meanwhile): Groups | null {
  if (groups === null || !group) return groups;
  const { vpc, groupId, kind, rules } = group;
  return {
    ...groups,
    meanwhile: { [vpc]: groupId },
    rules: { ...groups.rules, [groupId]: rules },
    ours: { ...groups.ours, [groupId]: kind },
  };
}

/**
 * The last resort where an interface does not leave a group of ours that lets something through: the group's rules go.
 * Nothing is claimed for it: the group is shared, and gets its rules back when it is used again.
 */
async function neutralised(incident: IncidentContext, last: Verified): Promise<Verified> {
  const { aws, deps } = incident;
  const found = await attempt(deps.budgets.readMs, 'looking up the groups', async () =>
    quarantineNetwork.find?.(aws, contextOf(incident)),
  );
  const { ours } = { ...NO_GROUPS, ...((found.ok ? found.value : last.prepared) as Groups | null) };
  const stuck = [
    ...new Set(
      Object.values((last.state ?? {}) as Record<string, { groups: string[] }>).flatMap(({ groups }) => groups),
    ),
  ].filter((id) => ['lifeline', 'interim', 'open'].includes(ours[id] ?? ''));
  if (stuck.length === 0 || last.reason === LOST || !(await stillOurs(incident))) return last;
  const outcome = await attempt(deps.budgets.writeMs, 'taking the rules away', () => emptyGroups(aws, stuck));
  const note = outcome.ok
    ? `interfaces are stuck in ${stuck.join(', ')}; all rules of that were taken away`
    : `interfaces are stuck in ${stuck.join(', ')}, whose rules could not be taken away: ${outcome.error}`;
  return { ...last, note: last.note === undefined ? note : `${last.note}; ${note}` };
}
