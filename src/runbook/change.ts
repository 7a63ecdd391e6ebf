/** One action from its reading to its verified state. Each stands alone; none can keep another from being done. */
import { setTimeout as sleep } from 'node:timers/promises';
import { attempt } from '../aws/deadline.ts';
import type { Action } from '../containment/action.ts';
import type { Budgets } from './budgets.ts';
import { contextOf } from './context.ts';
import { LOST, stillOurs } from './hold.ts';
import type { ChangeResult, Json } from './incident.ts';
import type { ActionReading } from './observe.ts';
import { patience } from './patience.ts';
import { plannedChange, type PlannedChange } from './plan.ts';
import type { IncidentContext } from './runbook.ts';

export type ByAction<T> = Record<string, T>;

/** What is known of an action before its first write; JSON-safe. */
export interface Ready {
  reading: ActionReading;
  prepared: Json;
  /** Why its preparation failed. */
  error?: string;
  /** State before the first write of this or an earlier run; absent where it is not known. */
  from?: Json;
}

export interface Verified {
  verified: boolean;
  state: Json;
  to: Json;
  /** What stands against it, or what the last write said. */
  reason?: string;
  /** What went wrong beside, though it may be verified. */
  note?: string;
  /** What the preparation gave in the end. */
  prepared: Json;
  /** Something was written while verifying. */
  wrote: boolean;
  /** Milliseconds since 1970. */
  at: number;
}

export interface Written {
  /** ISO 8601, UTC. */
  at: string;
  error?: string;
}

/** The parts of the ledger's record: they are written at the same time, so each has a place of its own. */
export type RecordPart = 'network' | 'changes';

/** Evidence from outside is asked for before the first change, and gets its time, no more. */
export function evidenceGate(taken: Promise<unknown>, { preserveMs }: Budgets): Promise<unknown> {
  return within(preserveMs, taken);
}

/** Waits no longer than that. The timer keeps the process alive meanwhile, and no longer. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise<void>((resolve) => void (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

/** Reads what could not be read before, and what can only be read by an earlier run's record. */
export async function readAgain(
  incident: IncidentContext,
  action: Action,
  seen: ActionReading | undefined,
  stored: Json | undefined,
  context = contextOf(incident),
): Promise<ActionReading> {
  const { aws, deps } = incident;
  const { readMs } = deps.budgets;
  const unread = !seen || seen.error !== undefined || stored !== undefined;
  // Without it nobody knows what is ours, and that would become a state to go back to.
  const unfound = action.find !== undefined && (seen?.found ?? null) === null;
  const [again, found] = await Promise.all([
    unread ? attempt(readMs, `reading ${action.name}`, () => action.read(aws, context, stored ?? null)) : null,
    unfound ? attempt(readMs, `looking up ${action.name}`, async () => action.find?.(aws, context) ?? null) : null,
  ]);
  const usable = again?.ok === true || (seen !== undefined && seen.error === undefined);
  const state = again?.ok ? again.value : (seen?.state ?? null);
  const error = usable ? undefined : again && !again.ok ? again.error : seen?.error;
  return {
    state,
    found: found?.ok ? found.value : (seen?.found ?? null),
    ...(error === undefined ? {} : { error }),
  };
}

/** What must exist first. */
export async function makeReady(
  incident: IncidentContext,
  action: Action,
  reading: ActionReading,
): Promise<{ prepared: Json; error?: string }> {
  if (!action.prepare || reading.error !== undefined) return { prepared: reading.found };
  const made = await attempt(
    incident.deps.budgets.writeMs,
    `preparing ${action.name}`,
    async () => action.prepare?.(incident.aws, contextOf(incident), reading.state, reading.found) ?? null,
  );
  return made.ok ? { prepared: made.value } : { prepared: reading.found, error: made.error };
}

/** The `from` to keep of each action: what was stored wins over what is read. */
export function kept(
  actions: readonly Action[],
  stored: ByAction<Json>,
  readings: ByAction<ActionReading>,
): ByAction<Json> {
  return Object.fromEntries(
    actions.flatMap((action) => {
      const reading = readings[action.name];
      const earlier = stored[action.name];
      if (!reading || reading.error !== undefined) return earlier === undefined ? [] : [[action.name, earlier]];
      return [[action.name, action.keep(earlier, reading.state, reading.found)]];
    }),
  );
}

/** Writes down the state before. @returns it as it is stored now, and what went wrong. */
export async function recordFrom(
  incident: IncidentContext,
  part: RecordPart,
  actions: readonly Action[],
  stored: ByAction<Json>,
  readings: ByAction<ActionReading>,
): Promise<{ from: ByAction<Json>; failure?: string }> {
  const { aws, deps, incidentId } = incident;
  const from = kept(actions, stored, readings);
  const outcome = await attempt(deps.budgets.recordMs, 'writing down the state before', () =>
    aws.ledger.recordFrom(incidentId, part, from, (before) => ({ ...before, ...kept(actions, before, readings) })),
  );
  return outcome.ok
    ? { from: outcome.value }
    : { from, failure: `the state before the change could not be written to the ledger: ${outcome.error}` };
}

export function planOf(action: Action, incident: IncidentContext, ready: Ready): PlannedChange {
  const { reading, prepared, from, error } = ready;
  const plan = plannedChange(action, contextOf(incident), reading, prepared, from, null);
  return error === undefined ? plan : { ...plan, impossible: error };
}

export async function write(incident: IncidentContext, action: Action, from: Json, to: Json): Promise<Written> {
  const { aws, deps } = incident;
  const at = new Date(deps.now()).toISOString();
  if (!(await stillOurs(incident))) return { at, error: LOST };
  const outcome = await attempt(deps.budgets.writeMs, action.title, () =>
    action.write(aws, contextOf(incident), from, to),
  );
  return outcome.ok ? { at } : { at, error: outcome.error };
}

/**
 * Reads again until the state is as asked, writing once more where it is not: an interface may have appeared, a call may
 * have had no effect. Says what is left when it gives up.
 */
export async function verify(
  incident: IncidentContext,
  action: Action,
  part: RecordPart,
  ready: Ready,
  looks = incident.deps.budgets.verifyAttempts,
): Promise<Verified> {
  const { aws, deps } = incident;
  const { budgets } = deps;
  const context = contextOf(incident);
  let prepared = ready.prepared;
  let { from } = ready;
  let last: Verified = { verified: false, state: null, to: null, prepared, wrote: false, at: deps.now() };
  if (action.recall && ready.from === undefined && ready.reading.error !== undefined)
    return { ...last, reason: `what it is about was never read: ${ready.reading.error}` };
  const patient = patience(incident);
  for (let look = 1, first = true; look <= looks; look += 1, first = false) {
    if (!first) await sleep(budgets.verifyPauseMs);
    const outcome = await attempt(budgets.writeMs, `verifying ${action.name}`, async () => {
      const state = await action.read(aws, context, from ?? null);
      // Free where everything is there; makes what an interface in another VPC, or a failed first try, still needs.
      prepared = (await action.prepare?.(aws, context, state, prepared)) ?? prepared;
      const to = action.desired(state, prepared, context);
      const at = deps.now();
      if (action.same(state, to)) {
        const faults = (await action.inspect?.(aws, context, to, prepared)) ?? [];
        if (faults.length === 0) return { ...last, verified: true, state, to, prepared, at: deps.now() };
        // Altered under our hands: let it be made anew.
        prepared = null;
        return { ...last, verified: false, state, to, prepared, at, reason: faults.join('; ') };
      }
      const reason = `a second reading does not show what was asked for, but ${JSON.stringify(state)}`;
      last = { ...last, state, to, prepared, at, reason };
      const keeping = action.keep(from, state, prepared);
      if (JSON.stringify(keeping) !== JSON.stringify(from)) {
        const note = await recordMore(incident, action, part, keeping);
        if (note !== null) last = { ...last, note };
        from = keeping ?? undefined;
      }
      if (look < looks) {
        if (!(await stillOurs(incident))) return { ...last, reason: LOST };
        last = { ...last, wrote: true };
        await action.write(aws, context, state, to);
      }
      return last;
    });
    if (outcome.ok) last = outcome.value;
    else last = { ...last, verified: false, reason: outcome.error };
    if (last.verified || last.reason === LOST) break;
    if (!outcome.ok && (await patient(outcome.code))) look -= 1;
  }
  if (last.verified) delete last.reason;
  return last;
}

/** A `from` that the first record does not have, e.g. of an interface that appeared since. @returns what went wrong. */
async function recordMore(
  incident: IncidentContext,
  action: Action,
  part: RecordPart,
  keeping: Json,
): Promise<string | null> {
  const { aws, deps, incidentId } = incident;
  const outcome = await attempt(deps.budgets.recordMs, 'writing down the state before', () =>
    aws.ledger.recordFrom(incidentId, part, { [action.name]: keeping }, (before) => ({
      ...before,
      [action.name]: keeping,
    })),
  );
  return outcome.ok
    ? null
    : `the state before the change of ${action.name} could not be written down in full: ${outcome.error}`;
}

export function changeResult(
  plan: PlannedChange,
  written: Written | null,
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
