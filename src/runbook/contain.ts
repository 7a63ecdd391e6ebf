/**
 * Containment: the network on its way, and everything else beside it. Nothing that isolation does not need is waited for by
 * it, and no action can keep another from being done.
 */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import type { Action } from '../containment/action.ts';
import { actions, addressing, isolating, leaving } from '../containment/index.ts';
import { quarantineNetwork } from '../containment/quarantine-network.ts';
import type { Decision } from '../policy/decision.ts';
import {
  changeResult,
  evidenceGate,
  kept,
  makeReady,
  planOf,
  readAgain,
  recordFrom,
  verify,
  within,
  write,
  type ByAction,
  type Ready,
  type Verified,
  type Written,
} from './change.ts';
import { contextOf } from './context.ts';
import { collectFromHost, hostStart } from './host.ts';
import type { ChangeResult, EvidenceResult, Isolation, Json } from './incident.ts';
import { isolate, type Held, type NetworkOutcome } from './network.ts';
import type { ActionReading, Observation } from './observe.ts';
import { goneReason, managedByDefault, plannedChange, type PlannedChange } from './plan.ts';
import { collects, type Route } from './route.ts';
import type { IncidentContext } from './runbook.ts';
import { storePlan } from './store-plan.ts';

export interface Containment {
  changes: ChangeResult[];
  isolation: Isolation | null;
  failures: string[];
  /** What stays open although all is as asked, for people. */
  risks: string[];
  /** The plans as objects of evidence; null where there was nothing to plan. */
  plan: EvidenceResult | null;
  /** What was taken from the host itself, or why nothing was. */
  host: EvidenceResult;
}

/** All but the one that isolates. */
const besides = actions.filter(({ name }) => name !== isolating);

/**
 * What is planned together. A group would have a host that fails its health checks terminated: its member leaves it as early
 * as can be. All else begins once the host is cut off: so soon after the finding, every call costs isolation time.
 */
const PARTS = [
  { name: 'auto-scaling', early: true, of: besides.filter(({ name }) => name === leaving) },
  { name: 'changes', early: false, of: besides.filter(({ name }) => name !== leaving) },
];

/** They do not wait longer than this, e.g. for a group that cannot be made. */
const PATIENCE_MS = 2_000;

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

export async function contain(
  ctx: DurableContext,
  incident: IncidentContext,
  request: ContainRequest,
): Promise<Containment | Held> {
  const { decision, observed, stored, taken, admitted, fromHost } = request;
  const gone = goneReason(observed);
  const start = hostStart(incident, decision, observed, fromHost);
  if (gone !== null) {
    return {
      changes: actions.map((action) =>
        skipped(plannedChange(action, contextOf(incident), undefined, null, undefined, gone), gone),
      ),
      isolation: NOT_VERIFIED,
      failures: [],
      risks: [],
      plan: null,
      host: start.kind === 'not' ? start.why : { ...NOTHING, reason: gone },
    };
  }
  return ctx.runInChildContext('contain', async (child) => {
    const [planned, addressesOff, collected] = [deferred<unknown>(), deferred<unknown>(), deferred<unknown>()];
    const [routed, cutOff] = [deferred<{ route: Route; at: number } | null>(), deferred<unknown>()];
    const hosts = child.runInChildContext('host', async (own) => {
      const known = await routed.promise;
      if (known === null) return null;
      const { route, at } = known;
      if (start.kind === 'not' || !collects(route)) {
        collected.resolve(null);
        return start.kind === 'not' ? start.why : { ...NOTHING, reason: route.why };
      }
      // The profile that the host has is to be known before it gets another one.
      await Promise.all([planned.promise, cutOff.promise]);
      const collection = collectFromHost(own, incident, start, { route, readyAt: at });
      void collection.done.then(collected.resolve);
      return collection.result;
    });
    const moved = deferred<unknown>();
    // By then known, unless the preparation hangs: what is planned later reads by it.
    let way: Route | undefined;
    const networks = child.runInChildContext('network', (own) =>
      isolate(own, incident, decision, observed, stored, start, {
        taken,
        admitted,
        onRoute: (route, at) => {
          way = route;
          routed.resolve({ route, at });
        },
        onMoved: () => moved.resolve(null),
        collect: () => {
          cutOff.resolve(null);
          return collected.promise;
        },
        addressesOff: addressesOff.promise,
      }),
    );
    const changing = PARTS.map(({ name, early, of }) =>
      child.runInChildContext(name, async (own) => {
        if (!(await admitted)) return null;
        if (!early) await within(PATIENCE_MS, moved.promise);
        const plan = await own.step(`plan-${name}`, () =>
          planChanges(incident, of, name, {
            decision,
            observed,
            stored,
            taken,
            admitted,
            collecting: way !== undefined && collects(way),
          }),
        );
        if (!early) planned.resolve(null);
        const outcomes = await Promise.all(
          of.map((action) =>
            own
              .runInChildContext(action.name, (alone) =>
                carryOut(alone, incident, action, plan.ready[action.name], routed.promise, collected.promise),
              )
              .finally(() => {
                if (action.name === addressing) addressesOff.resolve(null);
              }),
          ),
        );
        return { plan, outcomes };
      }),
    );
    // What an earlier invocation has completed is not run again: its result opens the gates.
    const [network, parts, host] = await Promise.all([
      networks.then((outcome) => {
        routed.resolve('held' in outcome ? null : outcome);
        cutOff.resolve(null);
        moved.resolve(null);
        return outcome;
      }),
      Promise.all(changing).then((outcome) => {
        planned.resolve(null);
        addressesOff.resolve(null);
        return outcome;
      }),
      hosts.then((outcome) => {
        collected.resolve(null);
        return outcome;
      }),
    ]);
    // All of them or none: they have the same word for it.
    const told = parts.flatMap((part) => part ?? []);
    if ('held' in network || host === null || told.length < parts.length) return { held: true, plan: network.plan };
    return summed(incident, observed, network, told, host);
  });
}

const NOT_VERIFIED: Isolation = { verified: false, establishedFlows: 'may-continue', secondsToIsolation: null };
const NOTHING: EvidenceResult = { collector: 'os-triage', status: 'skipped', artifacts: [] };

interface ChangesPlan {
  ready: ByAction<Ready>;
  failures: string[];
  plan: EvidenceResult;
}

interface Outcome {
  written: Written | null;
  verified: Verified;
}

/** Reads what is not known yet, writes the state before down, and makes what must exist first. */
async function planChanges(
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
          [action.name, await readAgain(incident, action, undefined, stored[action.name], context)] as const,
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

async function carryOut(
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

function summed(
  incident: IncidentContext,
  observed: Observation,
  network: NetworkOutcome,
  parts: readonly { plan: ChangesPlan; outcomes: readonly Outcome[] }[],
  host: EvidenceResult,
): Containment {
  const { cut, route, verified } = network;
  const context = contextOf(incident);
  const all: { action: Action; ready: Ready; outcome: Outcome }[] = [
    ...PARTS.flatMap(({ of }, part) =>
      of.map((action, index) => ({
        action,
        ready: parts[part]?.plan.ready[action.name] as Ready,
        outcome: parts[part]?.outcomes[index] as Outcome,
      })),
    ).toSorted((one, other) => besides.indexOf(one.action) - besides.indexOf(other.action)),
    { action: quarantineNetwork, ready: network.ready, outcome: network },
  ];
  const changes = all.map(({ action, ready, outcome }) =>
    changeResult(planOf(action, incident, ready), outcome.written, outcome.verified, action),
  );
  const notes = all.flatMap(({ outcome }) => outcome.verified.note ?? []);
  const risks = all.flatMap(({ action, outcome }, index) => {
    const to = outcome.verified.state ?? changes[index]?.to ?? null;
    return to === null ? [] : (action.risks?.(changes[index]?.from ?? null, to, context) ?? []);
  });
  const prepared = verified.prepared as { notes?: string[] } | null;
  return {
    changes,
    isolation: {
      ...(verified.verified
        ? {
            verified: true,
            establishedFlows: cut.attempted ? 'cut-attempted' : 'may-continue',
            secondsToIsolation: secondsBetween(observed.startedAt, verified.at),
            verifiedAt: new Date(verified.at).toISOString(),
          }
        : NOT_VERIFIED),
      ...(network.written ? { cutOffAt: network.written.at } : {}),
      flows: cut.note,
      ...route,
    },
    failures: [
      ...network.failures,
      ...parts.flatMap(({ plan }) => plan.failures),
      ...notes,
      ...cut.failures,
      ...(prepared?.notes ?? []),
    ],
    risks: [...new Set([...risks, ...managedByDefault(observed, changes)])],
    plan: parts.reduce((one, { plan }) => asOne(one, plan.plan), network.plan),
    host,
  };
}

/** Null where the clock was put back meanwhile: nobody knows then how long it took. */
function secondsBetween(from: number, to: number): number | null {
  return to < from ? null : Math.round(to - from) / 1000;
}

/** What isolation cannot wait for is planned by itself: two objects, one entry. */
function asOne(one: EvidenceResult, other: EvidenceResult): EvidenceResult {
  const reasons = [one, other].flatMap(({ reason }) => reason ?? []);
  return {
    collector: one.collector,
    status: one.status === 'failed' ? one.status : other.status,
    ...(reasons.length === 0 ? {} : { reason: [...new Set(reasons)].join('; ') }),
    artifacts: [...one.artifacts, ...other.artifacts],
  };
}

/** What a dry run says of each action: from and to, and that nothing was changed. */
export function plannedChanges(
  incident: IncidentContext,
  observed: Observation,
  readings: ByAction<ActionReading>,
): ChangeResult[] {
  const gone = goneReason(observed);
  return actions.map((action) => {
    const reading = readings[action.name] ?? observed.readings[action.name];
    const plan = plannedChange(action, contextOf(incident), reading, reading?.found ?? null, undefined, gone);
    return skipped(plan, `dry run: ${plan.skip ?? plan.impossible ?? 'would be changed'}`);
  });
}

function skipped(plan: PlannedChange, reason: string): ChangeResult {
  const { action, from, to, description } = plan;
  return { action, status: 'skipped', reason, from, to, verified: false, description };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => void (resolve = done));
  return { promise, resolve };
}
