/** Containment: prepare and write down, change, verify. Each action stands alone; none can keep another from being done. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt } from '../aws/deadline.ts';
import type { Action } from '../containment/action.ts';
import { actions, isolating } from '../containment/index.ts';
import { terminationProtection } from '../containment/termination-protection.ts';
import { jsonObject } from '../evidence/collector.ts';
import { numbered } from '../evidence/manifest.ts';
import type { Decision } from '../policy/decision.ts';
import { contextOf } from './context.ts';
import type { Artifact, ChangeResult, EvidenceResult, Isolation, Json } from './incident.ts';
import { collectFromHost, nothingOnHost } from './host.ts';
import type { ActionReading, Observation } from './observe.ts';
import { goneReason, plannedChange, type PlannedChange } from './plan.ts';
import type { IncidentContext } from './runbook.ts';

export interface Containment {
  changes: ChangeResult[];
  isolation: Isolation | null;
  failures: string[];
  /** The plan as an object of evidence. */
  plan?: EvidenceResult;
  /** What was taken from the host itself, or why nothing was. */
  host: EvidenceResult;
}

type ByAction<T> = Record<string, T>;

interface Preparation {
  readings: ByAction<ActionReading>;
  prepared: ByAction<Json>;
  /** Why an action's preparation failed. */
  errors: ByAction<string>;
  /** State before the first write of this or an earlier run. */
  from: ByAction<Json>;
  failures: string[];
  plan: EvidenceResult;
  /** Milliseconds since 1970. */
  at: number;
}

interface Verified {
  verified: boolean;
  state: Json;
  to: Json;
  /** What stands against it, or what the last write said. */
  reason?: string;
  /** What went wrong beside, though it may be verified. */
  note?: string;
  /** Something was written while verifying. */
  wrote: boolean;
  /** Milliseconds since 1970. */
  at: number;
}

export async function contain(
  ctx: DurableContext,
  incident: IncidentContext,
  decision: Decision,
  observed: Observation,
  stored: ByAction<Json>,
  taken: Promise<unknown>,
  fromHost: EvidenceResult | null,
): Promise<Containment> {
  const gone = goneReason(observed);
  const notVerified: Isolation = { verified: false, establishedFlows: 'may-continue', secondsToIsolation: null };
  if (gone !== null) {
    const changes = actions.map((action) =>
      skipped(plannedChange(action, contextOf(incident), undefined, null, undefined, gone), gone),
    );
    return {
      changes,
      isolation: notVerified,
      failures: [],
      host: nothingOnHost(incident, decision, observed, fromHost),
    };
  }

  return ctx.runInChildContext('contain', async (child) => {
    const ready = await child.step('prepare', () => prepare(incident, decision, observed, stored, taken));
    const plans = actions.map((action) => planOf(action, incident, ready));
    const collection = collectFromHost(child, incident, decision, observed, fromHost, ready.at);
    const written = await Promise.all(
      actions.map(async (action, index) => {
        const plan = plans[index];
        if (action.name !== terminationProtection.name) await collection.done;
        if (!plan || plan.skip !== undefined || plan.impossible !== undefined) return null;
        return child.step(action.name, () =>
          write(action, incident, ready.readings[action.name]?.state ?? null, plan.to),
        );
      }),
    );
    // Also where nothing had to be written: while the host is collected from, it has a profile of ours.
    await collection.done;
    const verified = await child.step('verify', () => verifyAll(incident, ready));
    const host = await collection.result;
    const notes = Object.values(verified).flatMap(({ note }) => note ?? []);
    const changes = actions.map((action, index) =>
      changeResult(plans[index] as PlannedChange, written[index] ?? null, verified[action.name], action),
    );
    const network = verified[isolating];
    const isolation: Isolation = network?.verified
      ? {
          verified: true,
          establishedFlows: 'may-continue',
          secondsToIsolation: Math.round(network.at - observed.startedAt) / 1000,
          verifiedAt: new Date(network.at).toISOString(),
        }
      : notVerified;
    return { changes, isolation, failures: [...ready.failures, ...notes], plan: ready.plan, host };
  });
}

/** What a dry run says of each action: from and to, and that nothing was changed. */
export function plannedChanges(incident: IncidentContext, observed: Observation): ChangeResult[] {
  const gone = goneReason(observed);
  return actions.map((action) => {
    const reading = observed.readings[action.name];
    const plan = plannedChange(action, contextOf(incident), reading, reading?.found ?? null, undefined, gone);
    return skipped(plan, `dry run: ${plan.skip ?? plan.impossible ?? 'would be changed'}`);
  });
}

function skipped(plan: PlannedChange, reason: string): ChangeResult {
  const { action, from, to, description } = plan;
  return { action, status: 'skipped', reason, from, to, verified: false, description };
}

function planOf(action: Action, incident: IncidentContext, ready: Preparation): PlannedChange {
  const reading = ready.readings[action.name];
  const error = ready.errors[action.name];
  const plan = plannedChange(
    action,
    contextOf(incident),
    reading,
    ready.prepared[action.name] ?? null,
    ready.from[action.name],
    null,
  );
  return error === undefined ? plan : { ...plan, impossible: error };
}

/**
 * Before the first write: `from` goes into ledger and vault, what must exist is made, and evidence gets its time. All of it
 * side by side, none of it awaited past its budget.
 */
async function prepare(
  incident: IncidentContext,
  decision: Decision,
  observed: Observation,
  stored: ByAction<Json>,
  taken: Promise<unknown>,
): Promise<Preparation> {
  const { aws, deps, incidentId } = incident;
  const { budgets } = deps;
  const context = contextOf(incident);
  const readings: ByAction<ActionReading> = {};
  const prepared: ByAction<Json> = {};
  const errors: ByAction<string> = {};
  const evidenceTime = Promise.race([taken, sleep(budgets.preserveMs, undefined, { ref: false })]);

  const read = async (action: Action): Promise<void> => {
    const seen = observed.readings[action.name];
    const unread = !seen || seen.error !== undefined;
    // Without it nobody knows which groups are ours, and one of them would become a state to go back to.
    const unfound = action.find !== undefined && (seen?.found ?? null) === null;
    const [again, found] = await Promise.all([
      unread
        ? attempt(budgets.readMs, `reading ${action.name}`, () =>
            action.read(aws, context, stored[action.name] ?? null),
          )
        : null,
      unfound
        ? attempt(budgets.readMs, `looking up ${action.name}`, async () => action.find?.(aws, context) ?? null)
        : null,
    ]);
    const state = again?.ok ? again.value : (seen?.state ?? null);
    const error = again && !again.ok ? again.error : undefined;
    readings[action.name] = {
      state,
      found: found?.ok ? found.value : (seen?.found ?? null),
      ...(error === undefined ? {} : { error }),
    };
  };
  const makeReady = async (action: Action): Promise<void> => {
    const reading = readings[action.name];
    if (!action.prepare || !reading || reading.error !== undefined) return;
    const made = await attempt(
      budgets.writeMs,
      `preparing ${action.name}`,
      async () => action.prepare?.(aws, context, reading.state, reading.found) ?? null,
    );
    if (made.ok) prepared[action.name] = made.value;
    else errors[action.name] = made.error;
  };

  await Promise.all(actions.map(read));
  const merge = (before: ByAction<Json>): ByAction<Json> =>
    Object.fromEntries(
      actions.flatMap((action) => {
        const reading = readings[action.name];
        const earlier = before[action.name];
        if (!reading || reading.error !== undefined) return earlier === undefined ? [] : [[action.name, earlier]];
        return [[action.name, action.keep(earlier, reading.state, reading.found)]];
      }),
    );
  let from = merge(stored);
  const failures: string[] = [];
  const record = async (): Promise<void> => {
    const outcome = await attempt(budgets.recordMs, 'writing down the state before', () =>
      aws.ledger.recordFrom(incidentId, from, (before) => merge(before)),
    );
    if (outcome.ok) from = outcome.value;
    else failures.push(`the state before the change could not be written to the ledger: ${outcome.error}`);
  };
  const [plan] = await Promise.all([
    storePlan(incident, { decision, from, readings, observed }),
    record(),
    evidenceTime,
    ...actions.map(makeReady),
  ]);
  return { readings, prepared, errors, from, failures, plan, at: deps.now() };
}

/** The plan as JSON in the vault, before anything is changed. */
export async function storePlan(
  incident: IncidentContext,
  what: { decision: Decision; from: ByAction<Json>; readings: ByAction<ActionReading>; observed: Observation },
): Promise<EvidenceResult> {
  const { aws, deps, incidentId, finding, target } = incident;
  const object = jsonObject(numbered('plan.json', incident.run), {
    version: 1,
    incidentId,
    finding: finding.id,
    target: { account: target.account, region: target.region, instanceId: target.instanceId },
    decision: what.decision,
    instance: what.observed.instance,
    from: what.from,
    changes: actions.map((action) => {
      const reading = what.readings[action.name];
      return plannedChange(
        action,
        contextOf(incident),
        reading,
        reading?.found ?? null,
        what.from[action.name],
        goneReason(what.observed),
      );
    }),
  });
  const outcome = await attempt(deps.budgets.recordMs, 'storing the plan', () =>
    aws.vault.put(incident.prefix + object.name, object.body, object.contentType),
  );
  if (!outcome.ok) return { collector: 'plan', status: 'failed', reason: outcome.error, artifacts: [] };
  const { key, sha256, bytes } = outcome.value;
  const artifact: Artifact = { key, sha256, bytes, collector: 'plan', takenAt: new Date(deps.now()).toISOString() };
  return { collector: 'plan', status: 'done', artifacts: [artifact] };
}

async function write(action: Action, incident: IncidentContext, from: Json, to: Json) {
  const { aws, deps } = incident;
  const at = new Date(deps.now()).toISOString();
  const outcome = await attempt(deps.budgets.writeMs, action.title, () =>
    action.write(aws, contextOf(incident), from, to),
  );
  return outcome.ok ? { at } : { at, error: outcome.error };
}

async function verifyAll(incident: IncidentContext, ready: Preparation): Promise<ByAction<Verified>> {
  const entries = await Promise.all(
    actions.map(async (action) => [action.name, await verify(action, incident, ready)] as const),
  );
  return Object.fromEntries(entries);
}

/**
 * Reads again until the state is as asked, writing once more where it is not: an interface may have appeared, a call may
 * have had no effect. Says what is left when it gives up.
 */
async function verify(action: Action, incident: IncidentContext, ready: Preparation): Promise<Verified> {
  const { aws, deps } = incident;
  const { budgets } = deps;
  const context = contextOf(incident);
  let prepared: Json = ready.prepared[action.name] ?? null;
  let from = ready.from[action.name];
  let last: Verified = { verified: false, state: null, to: null, wrote: false, at: deps.now() };
  for (let look = 1; look <= budgets.verifyAttempts; look += 1) {
    if (look > 1) await sleep(budgets.verifyPauseMs);
    const outcome = await attempt(budgets.writeMs, `verifying ${action.name}`, async () => {
      const state = await action.read(aws, context, from ?? null);
      // Free where everything is there; makes what an interface in another VPC, or a failed first try, still needs.
      prepared = (await action.prepare?.(aws, context, state, prepared)) ?? prepared;
      const to = action.desired(state, prepared, context);
      if (action.same(state, to)) {
        const faults = (await action.inspect?.(aws, context, to, prepared)) ?? [];
        const at = deps.now();
        if (faults.length === 0) return { ...last, verified: true, state, to, at };
        // Altered under our hands: let it be made anew.
        prepared = null;
        return { ...last, verified: false, state, to, at, reason: faults.join('; ') };
      }
      last = {
        ...last,
        state,
        to,
        reason: `a second reading does not show what was asked for, but ${JSON.stringify(state)}`,
      };
      const kept = action.keep(from, state, prepared);
      if (JSON.stringify(kept) !== JSON.stringify(from)) {
        const note = await recordMore(incident, action, kept);
        if (note !== null) last = { ...last, note };
        from = kept ?? undefined;
      }
      if (look < budgets.verifyAttempts) {
        last = { ...last, wrote: true };
        await action.write(aws, context, state, to);
      }
      return last;
    });
    if (outcome.ok) last = outcome.value;
    else last = { ...last, verified: false, reason: outcome.error };
    if (last.verified) break;
  }
  if (last.verified) delete last.reason;
  return last;
}

/** A `from` that the first record does not have, e.g. of an interface that appeared since. @returns what went wrong. */
async function recordMore(incident: IncidentContext, action: Action, kept: Json): Promise<string | null> {
  const { aws, deps, incidentId } = incident;
  const outcome = await attempt(deps.budgets.recordMs, 'writing down the state before', () =>
    aws.ledger.recordFrom(incidentId, { [action.name]: kept }, (before) => ({ ...before, [action.name]: kept })),
  );
  return outcome.ok
    ? null
    : `the state before the change of ${action.name} could not be written down in full: ${outcome.error}`;
}

function changeResult(
  plan: PlannedChange,
  written: { at: string; error?: string } | null,
  verified: Verified | undefined,
  action: Action,
): ChangeResult {
  const to = verified?.to ?? plan.to;
  const base = {
    action: plan.action,
    from: plan.from,
    to,
    description: to === null ? plan.description : action.describe(plan.from, to),
    ...(written ? { at: written.at } : {}),
  };
  if (verified?.verified) {
    const nothingWritten = written === null && !verified.wrote;
    if (nothingWritten) return { ...base, status: 'skipped', reason: plan.skip ?? 'it is so already', verified: true };
    return { ...base, status: 'done', verified: true };
  }
  // Why the write failed says more than that a later reading shows it.
  const reason = written?.error ?? plan.impossible ?? verified?.reason ?? 'not verified';
  return { ...base, status: 'failed', reason, verified: false };
}
