/** What is changed beside the network: planned together, carried out one by one. No action can keep another from being done. */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import type { Action } from '../containment/action.ts';
import { actions, isolating, leaving } from '../containment/index.ts';
import { instanceProfile } from '../containment/instance-profile.ts';
import { isCollectionProfile } from '../evidence/os/profile.ts';
import type { Decision } from '../policy/decision.ts';
import {
  evidenceGate,
  kept,
  makeReady,
  planOf,
  readAgain,
  recordFrom,
  verify,
  write,
  type ByAction,
  type Ready,
  type Verified,
  type Written,
} from './change.ts';
import { contextOf } from './context.ts';
import type { EvidenceResult, Json } from './incident.ts';
import type { Observation } from './observe.ts';
import { collects, type Route } from './route.ts';
import type { IncidentContext } from './runbook.ts';
import { storePlan } from './store-plan.ts';

/** All but the one that isolates. */
export const besides = actions.filter(({ name }) => name !== isolating);

/**
 * What is planned together. A group would have a host that fails its health checks terminated: its member leaves it as early
 * as can be. All else begins once the host is cut off: so soon after the finding, every call costs isolation time.
 */
export const PARTS = [
  { name: 'auto-scaling', early: true, of: besides.filter(({ name }) => name === leaving) },
  { name: 'changes', early: false, of: besides.filter(({ name }) => name !== leaving) },
];

export interface ContainRequest {
  decision: Decision;
  observed: Observation;
  /** State before the first write by an earlier run, by action. */
  stored: ByAction<Json>;
  /** Evidence from outside has been asked for. */
  taken: Promise<unknown>;
  /** Whether the limits let it through. Before that nothing of the target is changed. */
  admitted: Promise<boolean>;
  /** What an earlier run brought from the host. */
  fromHost: EvidenceResult | null;
}

export interface ChangesPlan {
  ready: ByAction<Ready>;
  failures: string[];
  plan: EvidenceResult;
}

/** What was planned together and what came of it. */
export interface Part {
  plan: ChangesPlan;
  outcomes: ByAction<Outcome>;
}

export interface Outcome {
  written: Written | null;
  verified: Verified;
}

/** Reads what is not known yet, writes the state before down, and makes what must exist first. */
export async function planChanges(
  incident: IncidentContext,
  planned: readonly Action[],
  name: string,
  { decision, observed, stored, taken, collecting }: Omit<ContainRequest, 'fromHost'> & { collecting: boolean },
): Promise<ChangesPlan> {
  const context = { ...contextOf(incident), ...(collecting ? ({ collects: true } as const) : {}) };
  const evidenceTime = evidenceGate(taken, incident.deps.budgets);
  const readings = Object.fromEntries(
    await Promise.all(
      planned.map(
        async (action) =>
          [action.name, await readAgain(incident, action, undefined, knownOf(action, stored), context)] as const,
      ),
    ),
  );
  const [record, plan, made] = await Promise.all([
    recordFrom(incident, 'changes', planned, stored, readings),
    storePlan(incident, {
      name: `plan-${name}.json`,
      decision,
      from: kept(planned, stored, readings),
      readings,
      observed,
    }),
    Promise.all(
      planned.map((action) => makeReady(incident, action, readings[action.name] ?? { state: null, found: null })),
    ),
    evidenceTime,
  ]);
  const ready = Object.fromEntries(
    planned.map((action, index) => {
      const from = record.from[action.name];
      const reading = readings[action.name] ?? { state: null, found: null, error: 'no reading' };
      const state: Ready = {
        reading,
        prepared: null,
        ...made[index],
        ...(from === undefined ? {} : { from }),
      };
      return [action.name, state] as const;
    }),
  );
  return { ready, failures: record.failure === undefined ? [] : [record.failure], plan };
}

/** What an action is read by: its own record, else what that of the others tells of it. */
function knownOf(action: Action, stored: ByAction<Json>): Json | undefined {
  return stored[action.name] ?? action.recall?.(stored) ?? undefined;
}

/**
 * What could not be seen when it was time to is looked for once more by what has come on record since, e.g. the profile. By
 * then the host is cut off: only the report waits for it.
 */
export async function carryOutLate(
  ctx: DurableContext,
  incident: IncidentContext,
  request: Parameters<typeof planChanges>[3],
  done: readonly Part[],
): Promise<Part[]> {
  const ready: ByAction<Ready> = Object.assign({}, ...done.map(({ plan }) => plan.ready));
  const record: ByAction<Json> = { ...recordOf(incident, request.observed), ...request.stored };
  for (const [name, { from }] of Object.entries(ready)) if (from !== undefined && from !== null) record[name] = from;
  const missed = besides.filter(
    (action) =>
      ready[action.name]?.from === undefined &&
      ready[action.name]?.reading.error !== undefined &&
      (action.recall?.(record) ?? null) !== null,
  );
  if (missed.length === 0) return [];
  return ctx.runInChildContext('late', async (own) => {
    const plan = await own.step('plan-late', () =>
      planChanges(incident, missed, 'late', { ...request, stored: record }),
    );
    const outcomes: Part['outcomes'] = {};
    for (const action of missed) {
      outcomes[action.name] = await own.runInChildContext(action.name, (alone) =>
        carryOut(alone, incident, action, plan.ready[action.name], Promise.resolve(null), Promise.resolve()),
      );
    }
    return [{ plan, outcomes }];
  });
}

/** What the very first reading tells of the state before, where the action's own may have failed. */
function recordOf({ aws }: IncidentContext, { profile }: Observation): ByAction<Json> {
  return profile === undefined || isCollectionProfile(profile, aws.collection.profile)
    ? {}
    : { [instanceProfile.name]: { profiles: [profile] } };
}

export async function carryOut(
  ctx: DurableContext,
  incident: IncidentContext,
  action: Action,
  ready: Ready | undefined,
  routed: Promise<{ route: Route } | null>,
  collected: Promise<unknown>,
): Promise<Outcome> {
  const known = ready ?? { reading: { state: null, found: null, error: 'no reading' }, prepared: null };
  const { state } = known.reading;
  let written: Written | null = null;
  if (action.when === 'after-collection') {
    const route = (await routed)?.route;
    if (route !== undefined && collects(route) && action.meanwhile && known.reading.error === undefined) {
      const to = action.meanwhile(state, known.prepared, contextOf(incident));
      if (!action.same(state, to))
        written = await ctx.step(`${action.name}-meanwhile`, () => write(incident, action, state, to));
    }
    await collected;
  }
  return ctx.step(action.name, async () => {
    const plan = planOf(action, incident, known);
    if (plan.skip === undefined && plan.impossible === undefined)
      written = await write(incident, action, state, plan.to);
    return { written, verified: await verify(incident, action, 'changes', known) };
  });
}
