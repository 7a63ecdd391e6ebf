/**
 * The clock's look at every open incident that asked for quarantine: is its containment still there? People are told once of
 * each drift. Nothing is put back, since somebody may have had a reason; only a host that is cut off in part, and that no
 * run holds, is brought to the end that was asked for. What fails on one incident stops no other.
 */
import { createHash } from 'node:crypto';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt, errorLine, type Attempt } from '../aws/deadline.ts';
import type { OpenIncident } from '../aws/ledger-open.ts';
import type { Start } from '../aws/starter.ts';
import type { Target } from '../finding/finding.ts';
import { parseFinding } from '../finding/parse.ts';
import type { Rule } from '../policy/schema.ts';
import { driftMessage, linesOf } from '../notify/drift-message.ts';
import type { Ending } from '../notify/state-event.ts';
import { send } from './close.ts';
import { driftPart } from './drift-check.ts';
import { closeGone, closeOver, type Ended } from './end-of-life.ts';
import type { NotificationResult } from './incident.ts';
import { partitioned } from './partitioned.ts';
import { inParts } from './parts.ts';
import { respond, type RunbookDeps } from './runbook.ts';
import { verifyIncident, type Verification } from './verify.ts';

export interface DriftDeps extends RunbookDeps {
  /** That this runs in, and the ledger is in. */
  region: string;
}

export interface DriftResult {
  /** One of each incident that was looked at. */
  verifications: Verification[];
  /** Of each drift that had not been told yet. */
  notifications: ({ incidentId: string } & NotificationResult)[];
  /** Incidents that were half contained, and what the run came to that was to complete them. */
  completed: { incidentId: string; status: string }[];
  /** Incidents that have come to their end: the instance is gone, or a day ago evidence was taken and nothing else. */
  closed: Ending[];
  /** Incidents whose run is paused, stuck or dead: it holds them still, long after its lease. */
  overdue: { incidentId: string; target: Target }[];
  /** What could not be done, a line each. */
  failures: string[];
}

/** How many incidents are looked at at once: AWS throttles, and findings come first. */
const AT_ONCE = 4;
/** How many one execution in Lambda looks at, and how many of these it completes: it takes no more than 3,000 operations. */
const LOOKED_AT = 200;
const COMPLETED = 20;

/** A run may take longer than its lease, of some twenty minutes, but not so long. */
const OVERDUE_MS = 3_600_000;

interface Looked {
  /** Null where there is nothing to look after. */
  verification: Verification | null;
  /** Digest that was told last. */
  told: string | null;
  /** Id of the incident, where its run is. */
  overdue: string | null;
}

/** What came of one incident. A replay has it from the durable state, so it travels as a value. */
interface Outcome {
  target: Target;
  /** Null where there was nothing to look after, or it could not be done. */
  verification: Verification | null;
  notification: NotificationResult | null;
  closed: Ending | null;
  overdue: string | null;
  failures: string[];
}

/** `given`: the targets to look at, else all; and what starts other executions, where one may be too few. */
export async function checkDrift(
  ctx: DurableContext,
  deps: DriftDeps,
  given: { targets?: Target[] | null; start?: Start } = {},
): Promise<DriftResult> {
  if (given.targets) return lookAfterAll(ctx, given.targets, deps);
  const home = deps.aws({ account: deps.account, region: deps.region, instanceId: '' });
  const listed = await ctx.step('list', () =>
    attempt(deps.budgets.closeMs, 'the ledger', () => home.ledger.openTargets()),
  );
  if (!listed.ok) return { ...NOTHING, failures: [`the open incidents could not be listed: ${listed.error}`] };
  const parts = partitioned(listed.value, LOOKED_AT);
  if (!given.start || parts.length <= 1) return lookAfterAll(ctx, listed.value, deps);
  const outcomes = await inParts(ctx, parts, deps, given.start, {
    payload: (index) => driftPart(parts[index] ?? []),
    here: (child, part) => lookAfterAll(child, part, deps),
  });
  const results = outcomes.flatMap((outcome) => ('here' in outcome ? outcome.here : []));
  return {
    verifications: results.flatMap(({ verifications }) => verifications),
    notifications: results.flatMap(({ notifications }) => notifications),
    completed: results.flatMap(({ completed }) => completed),
    closed: results.flatMap(({ closed }) => closed),
    overdue: results.flatMap(({ overdue }) => overdue),
    failures: results.flatMap(({ failures }) => failures),
  };
}

const NOTHING: DriftResult = {
  verifications: [],
  notifications: [],
  completed: [],
  closed: [],
  overdue: [],
  failures: [],
};

async function lookAfterAll(ctx: DurableContext, all: readonly Target[], deps: DriftDeps): Promise<DriftResult> {
  const targets = all.filter(({ account }) => account === deps.account);
  const outcomes: Outcome[] = [];
  for (const some of partitioned(targets, AT_ONCE))
    outcomes.push(...(await Promise.all(some.map((target) => lookAfter(ctx, target, deps)))));
  // Afterwards: a run takes minutes, and the others are not to wait for it. What is too many is left to the next look.
  const half = outcomes.filter(({ verification }) => verification?.halfContained).slice(0, COMPLETED);
  const completed = await Promise.all(
    half.map(({ target, verification }) => complete(ctx, target, verification, deps)),
  );
  return {
    verifications: outcomes.flatMap(({ verification }) => verification ?? []),
    notifications: outcomes.flatMap(({ verification, notification }) =>
      verification && notification ? [{ incidentId: verification.incidentId, ...notification }] : [],
    ),
    closed: outcomes.flatMap(({ closed }) => closed ?? []),
    completed: completed.flatMap((one) => ('status' in one ? [one] : [])),
    overdue: outcomes.flatMap(({ overdue: incidentId, target }) => (incidentId === null ? [] : { incidentId, target })),
    failures: [
      ...outcomes.flatMap(({ failures }) => failures),
      ...completed.flatMap((one) => ('failure' in one ? one.failure : [])),
    ],
  };
}

/** One incident, from its reading to the word of it. Never rejects. */
async function lookAfter(ctx: DurableContext, target: Target, deps: DriftDeps): Promise<Outcome> {
  try {
    return await ctx.runInChildContext(nameOf(target), async (child): Promise<Outcome> => {
      const outcome: Outcome = {
        target,
        verification: null,
        notification: null,
        closed: null,
        overdue: null,
        failures: [],
      };
      const looked = await child.step('verify', () => look(target, deps));
      if (!looked.ok) return { ...outcome, failures: [lineOf(target, looked.error)] };
      if ('over' in looked.value) {
        await endOver(child, looked.value.over, deps, outcome);
        return outcome;
      }
      const { verification, told, overdue } = looked.value;
      outcome.overdue = overdue;
      if (verification === null) return outcome;
      outcome.verification = verification;
      await tell(child, verification, told, deps, outcome);
      const { gone, working } = verification;
      // Once people know.
      if (gone !== undefined && !working && outcome.notification?.status !== 'failed')
        await endGone(child, verification, gone, deps, outcome);
      return outcome;
    });
  } catch (error) {
    const failures = [lineOf(target, errorLine(error))];
    return { target, verification: null, notification: null, closed: null, overdue: null, failures };
  }
}

async function tell(
  ctx: DurableContext,
  verification: Verification,
  /** Digest that was told last. */
  told: string | null,
  deps: DriftDeps,
  outcome: Outcome,
): Promise<void> {
  const { incidentId, target, working, unread } = verification;
  if (working) return;
  const aws = deps.aws(target);
  const digest = digestOf(verification);
  if (digest === told) return;
  // What could not be read may be the drift that was told.
  if (digest === null && unread.length > 0) return;
  if (digest !== null) {
    outcome.notification = await send(ctx, { aws, deps, prefix: '' }, driftMessage(verification));
    // What nobody was told is told the next time.
    if (outcome.notification.status !== 'done') return;
  }
  const kept = await ctx.step('keep', () =>
    attempt(deps.budgets.claimMs, 'the ledger', () => aws.ledger.keepDrift(incidentId, digest, told)),
  );
  if (!kept.ok) outcome.failures.push(lineOf(target, `what was told could not be written down: ${kept.error}`));
}

/** People know that the instance is gone: nothing is left to look after. */
async function endGone(
  ctx: DurableContext,
  { incidentId, target }: Verification,
  gone: string,
  deps: DriftDeps,
  outcome: Outcome,
): Promise<void> {
  const ended = await ctx.step('end', () =>
    attempt(deps.budgets.closeMs * 3, 'ending the incident', async () => {
      const { ledger } = deps.aws(target);
      const which = { incidentId };
      const open = await ledger.openIncident({ which, within: { account: deps.account }, now: deps.now() });
      // Not open any more: what closed it may have been a try of this step that died.
      return closeGone('why' in open ? { incidentId, target, from: {} } : open, gone, deps);
    }),
  );
  noteEnd(ended.ok ? ended.value : ended, { incidentId, target }, outcome);
}

/** It took evidence only, and its day is over. */
async function endOver(ctx: DurableContext, open: OpenIncident, deps: DriftDeps, outcome: Outcome): Promise<void> {
  noteEnd(await ctx.step('end', () => closeOver(open, deps)), open, outcome);
}

function noteEnd(
  result: Attempt<Ended>,
  { incidentId, target }: Pick<OpenIncident, 'incidentId' | 'target'>,
  outcome: Outcome,
): void {
  if (!result.ok) {
    outcome.failures.push(lineOf(target, `its incident could not be closed: ${result.error}`));
    return;
  }
  const { at, failures } = result.value;
  outcome.failures.push(...failures.map((failure) => lineOf(target, failure)));
  if (at !== null) outcome.closed = { incidentId, target, at };
}

function look(target: Target, deps: DriftDeps): Promise<Attempt<Looked | { over: OpenIncident }>> {
  const { budgets, now } = deps;
  const aws = deps.aws(target);
  // Each reading has its own limit; the whole, what they and the ledger may take one after the other.
  return attempt(budgets.claimMs * 2 + budgets.readMs * 3, 'the look at the containment', async () => {
    const open: OpenIncident | { why: string } = await aws.ledger.openIncident({
      which: { target },
      within: { account: deps.account },
      now: now(),
    });
    // What its end needs, and no more: the result may be long.
    if (!('why' in open) && open.over) return { over: { ...open, from: {}, result: null } };
    const overdue = !('why' in open) && (open.lapsedAt ?? Infinity) + OVERDUE_MS < now() ? open.incidentId : null;
    // Closed meanwhile, or never contained.
    if ('why' in open || open.asked !== 'quarantine') return { verification: null, told: null, overdue };
    // Half undone by a person's release: while it works, or where it came to its end, that tells of it.
    if (open.releasing && !open.died) return { verification: null, told: null, overdue };
    const { containment } = deps.policy(target.account);
    const verification = await verifyIncident(open, { aws, budgets, containment, now });
    return { verification: open.releasing ? leftBehind(verification) : verification, told: open.drift, overdue };
  });
}

/**
 * The sequence of a forced request: it takes the open incident over. That has decided already, and half contained is the end of
 * nothing: neither a mode, nor a rule, nor a protection that came since leaves the host so. Never rejects.
 */
async function complete(
  ctx: DurableContext,
  target: Target,
  verification: Verification | null,
  deps: DriftDeps,
): Promise<{ incidentId: string; status: string } | { failure: string }> {
  const { account, region, instanceId } = target;
  const incidentId = verification?.incidentId ?? '';
  const decided: RunbookDeps = {
    ...deps,
    policy: (id) => ({ ...deps.policy(id), rules: [asDecided(incidentId)] }),
    completing: incidentId,
  };
  const request = {
    instance_id: instanceId,
    account,
    region,
    reason: `incident ${incidentId} asked for quarantine, was left half contained, and no run works on it`,
    force: true,
  };
  try {
    const [incident] = await ctx.runInChildContext(`complete ${nameOf(target)}`, async (child) => {
      const incidents = await respond(child, parseFinding(request, { account, region }), request, decided);
      return incidents.map(({ status }) => status);
    });
    return { incidentId, status: incident ?? 'failed' };
  } catch (error) {
    return { failure: lineOf(target, `could not be contained in full: ${errorLine(error)}`) };
  }
}

/** The incident's own decision, in place of what a policy would say today. */
function asDecided(incidentId: string): Rule {
  return {
    id: 'half-contained',
    description: `Incident ${incidentId} asked for quarantine and is half contained.`,
    when: {},
    respond: 'quarantine',
  };
}

function nameOf({ region, instanceId }: Target): string {
  return `${region}/${instanceId}`;
}

function lineOf({ instanceId }: Target, what: string): string {
  return `${instanceId}: ${what}`;
}

/** A release that died has told nobody what it undid, and nothing is completed behind its back. */
function leftBehind({ halfContained: _halfContained, ...verification }: Verification): Verification {
  if (verification.working || verification.gone !== undefined) return verification;
  const description = 'a release began and never came to its end: what it has put back is not contained any more';
  return { ...verification, contained: false, drift: [...verification.drift, { action: 'release', description }] };
}

/** The same for the same drift; null where there is none. */
function digestOf(verification: Verification): string | null {
  const lines = linesOf(verification).toSorted();
  return lines.length === 0 ? null : createHash('sha256').update(lines.join('\n')).digest('hex');
}
