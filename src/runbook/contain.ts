/**
 * Containment: the network on its way, and everything else beside it. Nothing that isolation does not need is waited for by
 * it, and no action can keep another from being done.
 */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { actions, addressing } from '../containment/index.ts';
import { carryOut, carryOutLate, PARTS, planChanges, type ContainRequest, type Part } from './beside.ts';
import { within, type ByAction } from './change.ts';
import { NOT_VERIFIED, summed, type Containment } from './contained.ts';
import { contextOf } from './context.ts';
import { collectFromHost, hostStart } from './host.ts';
import type { ChangeResult, EvidenceResult } from './incident.ts';
import { isolate, type Held } from './network.ts';
import type { ActionReading, Observation } from './observe.ts';
import { goneReason, plannedChange, type PlannedChange } from './plan.ts';
import { collects, type Route } from './route.ts';
import type { IncidentContext } from './runbook.ts';

/** They do not wait longer than this, e.g. for a group that cannot be made. */
const PATIENCE_MS = 2_000;

const NOTHING: EvidenceResult = { collector: 'os-triage', status: 'skipped', artifacts: [] };

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
          planChanges(incident, of, name, { ...request, collecting: way !== undefined && collects(way) }),
        );
        if (!early) planned.resolve(null);
        const outcomes: Part['outcomes'] = {};
        await Promise.all(
          of.map(async (action) => {
            outcomes[action.name] = await own
              .runInChildContext(action.name, (alone) =>
                carryOut(alone, incident, action, plan.ready[action.name], routed.promise, collected.promise),
              )
              .finally(() => {
                if (action.name === addressing) addressesOff.resolve(null);
              });
          }),
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
    const late = await carryOutLate(child, incident, { ...request, collecting: collects(network.route) }, told);
    return summed(incident, observed, network, [...told, ...late], host);
  });
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
