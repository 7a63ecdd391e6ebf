/**
 * The sequence, from top to bottom: claim → observe → plan → preserve → protect → collect from the host → credentials →
 * quarantine network → verify → manifest → notify. The only place where steps are ordered, awaited or given a budget.
 *
 * A step never rejects and always has a time limit: nothing that fails or hangs may keep isolation from being done, and an
 * error outside a step would end a durable execution for good. Steps may run twice; all that they do is idempotent.
 */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import type { Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { Prior } from '../aws/ledger-claim.ts';
import { isolating } from '../containment/index.ts';
import { evidencePrefix } from '../evidence/manifest.ts';
import { osTriage } from '../evidence/os-triage.ts';
import { FindingError, type Finding, type FindingTarget, type Target } from '../finding/finding.ts';
import { decide } from '../policy/decide.ts';
import { rank, type Approved, type Decision } from '../policy/decision.ts';
import type { Policy } from '../policy/policy.ts';
import { admit, admitEvidence, THROUGH } from './admit.ts';
import { ask, decided } from './approval.ts';
import { blank, ended, newIncidentId } from './blank.ts';
import type { Budgets } from './budgets.ts';
import { certainOf, claim, giveBack, isPerson, settle, withdraw, type Claimed } from './claim.ts';
import { announce, seal } from './close.ts';
import { contain } from './contain.ts';
import type { Containment } from './contained.ts';
import { lastWord, stillOurs, type Hold } from './hold.ts';
import { hostStart } from './host.ts';
import type { ApprovalResult, EvidenceResult, IncidentResult, Snapshot } from './incident.ts';
import { factsOf, type Observation } from './observe.ts';
import { tellBeginning, tellResponse, type Telemetry } from './outside.ts';
import {
  asksForEvidence,
  asksForIsolation,
  goneReason,
  heldBack,
  looksIsolated,
  residualRisks,
  statusOf,
} from './plan.ts';
import { doneOnHost, preserve, type Preserved } from './preserve.ts';
import { joined, notifyOnly, observation, park, rehearse, stale } from './rehearse.ts';
import { answerRequest, requestedId } from './request.ts';

export interface RunbookDeps {
  aws: (target: Target) => Aws;
  policy: (account: string) => Policy;
  budgets: Budgets;
  /** Account that the responder runs in, and the only one that it can act in. */
  account: string;
  /** Milliseconds since 1970. Called inside steps only. */
  now: () => number;
  /** Ceiling over the policies' own mode. */
  modeCeiling: 'observe' | 'enforce' | undefined;
  /** A rehearsal was asked for, whatever the finding. */
  dryRun: boolean;
  /** Execution that runs this; holder of the claim. */
  executionArn: string;
  /** A local run's claim is a lease; a Lambda's is held by its execution. */
  local: boolean;
  /** Milliseconds since 1970: the handler's first line in this invocation. */
  startedAt: number;
  /** Incident that is to be brought to its end; no other is opened. */
  completing?: string;
  /** How the run is seen from outside; absent in a rehearsal. */
  telemetry?: Telemetry | undefined;
}

/** What the steps of one incident share. */
export interface IncidentContext {
  aws: Aws;
  target: FindingTarget;
  finding: Finding;
  event: unknown;
  deps: RunbookDeps;
  incidentId: string;
  /** Which run of the incident this is, 1 the first. */
  run: number;
  prefix: string;
  /** Targets that the finding names and nobody acts on, a line each: told with this incident. */
  left: string[];
  /** Present where a person has approved what was held back; `result` tells of it. */
  approved?: Approved & { result: ApprovalResult };
  /** Absent where there is no claim. */
  hold?: Hold;
  /** Milliseconds since 1970, where it lost its claim meanwhile: when it began. */
  since?: number;
}

/** Responds to every target of a finding. @throws FindingError where there is nothing that may be acted on. */
export async function respond(
  ctx: DurableContext,
  finding: Finding,
  event: unknown,
  deps: RunbookDeps,
): Promise<IncidentResult[]> {
  const targets = finding.targets.filter(({ account }) => account === deps.account);
  const left = [
    ...finding.refused.map(({ instanceId, reason }) => `${instanceId}: ${reason}`),
    ...finding.targets
      .filter(({ account }) => account !== deps.account)
      .map(
        ({ instanceId, account }) =>
          `${instanceId}: is in account ${account}, this responder acts in ${deps.account} only`,
      ),
  ];
  const [only, ...others] = targets;
  if (!only && left.length > 0) throw new FindingError('', left.join('; '));
  if (!only) return [];
  const incidents =
    others.length === 0
      ? [await runToEnd(ctx, finding, only, event, deps, left)]
      : await Promise.all(
          targets.map((target, index) =>
            ctx.runInChildContext(target.instanceId, (child) =>
              // Who is left out is no part of any incident; the first one carries the word of it.
              runToEnd(child, finding, target, event, deps, index === 0 ? left : []),
            ),
          ),
        );
  for (const result of incidents) await answerRequest(ctx, result, deps);
  return incidents;
}

/** Carries out what a person has approved, where no execution waits for the answer. `held`: what was held back. */
export async function respondApproved(
  ctx: DurableContext,
  held: IncidentResult,
  approved: NonNullable<IncidentContext['approved']>,
  deps: RunbookDeps,
): Promise<IncidentResult[]> {
  const { finding } = held;
  const target = finding.targets.find(
    ({ instanceId, region }) => instanceId === held.target.instanceId && region === held.target.region,
  );
  if (target?.account !== deps.account)
    throw new FindingError('', `${held.target.instanceId} is not in account ${deps.account}`);
  return [await runToEnd(ctx, finding, target, finding, deps, [], approved)];
}

/** One incident, and the word of it for other systems. */
async function runToEnd(...given: Parameters<typeof runIncident>): Promise<IncidentResult> {
  const [ctx, , target, , deps] = given;
  const result = await runIncident(...given);
  await tellResponse(ctx, deps.aws(target), result, deps);
  return result;
}

async function runIncident(
  ctx: DurableContext,
  finding: Finding,
  target: FindingTarget,
  event: unknown,
  deps: RunbookDeps,
  left: readonly string[],
  approved?: IncidentContext['approved'],
  since?: number,
): Promise<IncidentResult> {
  const policy = deps.policy(target.account);
  const judge = (facts = target.facts): Decision =>
    decide({
      policy,
      finding,
      target,
      facts,
      dryRun: deps.dryRun,
      ...(deps.modeCeiling ? { modeCeiling: deps.modeCeiling } : {}),
      ...(approved ? { approved } : {}),
    });
  const first = judge();
  const incidentId = requestedId(deps.executionArn, finding) ?? newIncidentId(deps.executionArn, target);
  const incident: IncidentContext = {
    aws: deps.aws(target),
    target,
    finding,
    event,
    deps,
    incidentId,
    run: 1,
    prefix: evidencePrefix(target, incidentId),
    left: left.map((line) => `not acted on: ${line}`),
    ...(approved ? { approved } : {}),
    ...(since === undefined ? {} : { since }),
  };
  if (first.response === 'ignore') return ended(incident, first, { status: 'ignored' });
  if (first.response === 'notify') return notifyOnly(ctx, incident, first);
  if (first.dryRun) return rehearse(ctx, incident, judge);

  // Claim and first reading run together: neither needs the other, and a call's time counts.
  const [answer, reading] = await Promise.all([claim(ctx, incident, first), observation(ctx, incident)]);
  // An incident that nobody works on is joined only while its isolation is there to be seen.
  const drifted =
    answer.kind === 'joined' &&
    !answer.running &&
    !answer.held &&
    asksForIsolation(first) &&
    !looksIsolated(reading.readings[isolating], policy.containment);
  const claimed = drifted ? await claim(ctx, incident, first, 'claim-drifted') : answer;
  if (claimed.kind === 'joined') return joined(ctx, incident, first, claimed, reading);
  if (claimed.kind === 'stale') return stale(incident, first, claimed);
  if (claimed.kind === 'stopped') return park(ctx, incident, first, claimed.stopped);
  if (claimed.kind === 'claimed') {
    incident.incidentId = claimed.incidentId;
    incident.run = claimed.run;
    incident.prefix = evidencePrefix(target, claimed.incidentId);
  }
  // Another run has changed the target since the first reading.
  const observed =
    claimed.kind === 'claimed' && claimed.waited ? await observation(ctx, incident, 'observe-again') : reading;
  const decision = afterRelease(incident, judge(factsOf(observed, target.facts)), claimed, observed.startedAt);
  const prior = claimed.kind === 'claimed' ? claimed.prior : null;

  if (
    prior?.result &&
    prior.result.status !== 'failed' &&
    // Who waits for a person goes on waiting, unless a person or more than that is behind this.
    (prior.result.status === 'awaiting-approval'
      ? !isPerson(incident) && !incident.approved
      : !prior.result.decision.approval) &&
    rank(prior.result.decision.response) >= rank(decision.response) &&
    // Evidence is not all that is wanted where a person is to be asked, unless one is, or there is nothing to ask.
    (!decision.approval || prior.result.status === 'awaiting-approval' || asksForIsolation(prior.result.decision)) &&
    // What a release has begun to undo does not hold any more.
    !(prior.undone && asksForIsolation(decision)) &&
    !(asksForIsolation(decision) && !looksIsolated(observed.readings[isolating], policy.containment))
  ) {
    await giveBack(ctx, incident, prior.result.incidentId, prior.undone);
    return ended(incident, decision, { status: 'joined', instance: observed.instance });
  }
  // Others judge by it whether this run does enough for them. Isolation waits for it only where it is less than was said.
  const telling =
    claimed.kind === 'claimed' && decision.response !== certainOf(first)
      ? ctx.step('lower', () =>
          attempt(deps.budgets.claimMs, 'the ledger', () =>
            incident.aws.ledger.lower(target, deps.executionArn, decision.response),
          ),
        )
      : Promise.resolve(null);
  if (rank(decision.response) < rank(first.response)) await telling;
  const isolate: Isolate = (child, given) => runIncident(child, finding, target, event, deps, left, given);
  const [result] = await Promise.all([carryOut(ctx, incident, decision, observed, claimed, prior, isolate), telling]);
  if (result !== null) return result;
  // Its claim was lost. Whoever has it may do less than this run was told to do: it waits for that end, and looks again.
  const began = since ?? reading.startedAt;
  return ctx.runInChildContext('again', (child) =>
    runIncident(child, finding, target, event, deps, left, approved, began),
  );
}

/** How what a person approves later is carried out. */
type Isolate = (ctx: DurableContext, approved: NonNullable<IncidentContext['approved']>) => Promise<IncidentResult>;

/**
 * A person has let the instance go not long ago: whether it is taken again is for a person, and no time-out of the policy's.
 * Not where this incident has begun to change it: such a one was let through, and is to be brought to its end.
 */
function afterRelease(
  incident: IncidentContext,
  decision: Decision,
  claimed: Claimed,
  /** Milliseconds since 1970, from the durable state: a replay may come days later. */
  now: number,
): Decision {
  if (claimed.kind !== 'claimed' || claimed.released === null || isPerson(incident)) return decision;
  const { released: last, prior } = claimed;
  const { releaseHold } = incident.deps.policy(incident.target.account).containment;
  if (!asksForIsolation(decision) && decision.approval?.heldBy !== 'rule') return decision;
  if (prior && (prior.result?.isolation || Object.keys(prior.from).length > 0)) return decision;
  if (now - last.at > releaseHold * DAY_MS) return decision;
  const at = new Date(last.at).toISOString();
  const because = `the instance was released at ${at} (incident ${last.incidentId}), and a recurrence within ${releaseHold} days asks for approval (containment.releaseHold)`;
  return heldBack(decision, { heldBy: 'release', because });
}

const DAY_MS = 24 * 3_600_000;

/** Preserve and contain, side by side, then seal and tell. @returns null where the incident is not this run's any more. */
async function carryOut(
  ctx: DurableContext,
  incident: IncidentContext,
  decision: Decision,
  observed: Observation,
  claimed: Claimed,
  prior: Prior | null,
  isolate: Isolate,
): Promise<IncidentResult | null> {
  const noEvidence = await evidenceHeld(ctx, incident, decision, claimed);
  if (noEvidence !== null && !decision.approval) {
    if (claimed.kind === 'claimed') await withdraw(ctx, incident, claimed);
    return notifyOnly(ctx, incident, { ...decision, response: 'notify', reasons: [...decision.reasons, noEvidence] });
  }
  let onTaken = (): void => {};
  const taken = new Promise<void>((resolve) => void (onTaken = resolve));
  const fromHost = doneOnHost(prior?.result ?? null);
  // What an earlier run of this incident was let through for needs no leave again.
  const admission =
    asksForIsolation(decision) && !prior?.result?.isolation
      ? admit(ctx, incident, observed, claimed)
      : Promise.resolve(THROUGH);
  // Asked beside the preparation, as the limits are: nothing of the target is changed before the answer.
  const ours = claimed.kind === 'claimed' ? ctx.step('hold', () => stillOurs(incident, true)) : Promise.resolve(true);
  const containing = asksForIsolation(decision)
    ? contain(ctx, incident, {
        decision,
        observed,
        stored: prior?.from ?? {},
        taken,
        // A person's request is counted, and waits for no counting.
        admitted: isPerson(incident)
          ? ours
          : Promise.all([admission, ours]).then(([{ held }, still]) => held === null && still),
        fromHost,
      })
    : Promise.resolve(null);
  // Asked for in the same moment, but after what isolation waits for: its calls stand first in the line.
  const preserving: Preserved =
    asksForEvidence(decision) && noEvidence === null
      ? preserve(ctx, incident, prior?.result ?? null)
      : { taken: Promise.resolve(), results: Promise.resolve([]) };
  void preserving.taken.then(onTaken);
  const told = begun(ctx, incident, decision, claimed);
  const [collected, outcome, admitted, began] = await Promise.all([preserving.results, containing, admission, ours]);
  // The last word, and what is on record, are those of the run that has the incident now.
  const last = claimed.kind === 'claimed' ? await ctx.step('still-held', () => lastWord(incident)) : { ours: true };
  if (!began || !last.ours) {
    await told;
    return null;
  }
  const held = outcome !== null && 'held' in outcome ? outcome : null;
  // What was written down of a state that was not changed must not be what a later run gives back.
  if (held && Object.keys(prior?.from ?? {}).length === 0) await forget(ctx, incident);
  const final =
    admitted.held !== null && held ? heldBack(decision, { heldBy: 'limit', because: admitted.held }) : decision;
  const contained =
    outcome !== null && !('held' in outcome)
      ? outcome
      : { ...notContained(incident, final, observed, fromHost), plan: held?.plan ?? null };

  if (
    contained.isolation &&
    (!contained.isolation.verified || contained.changes.some(({ status }) => status === 'failed'))
  )
    await lookAgain(ctx, incident, observed);
  const gone = goneReason(observed);
  const failures = [
    ...incident.left,
    ...(claimed.kind === 'unclaimed' ? [`the incident could not be claimed in the ledger: ${claimed.error}`] : []),
    ...(observed.instanceError === undefined || gone !== null
      ? []
      : [`the instance could not be read: ${observed.instanceError}`]),
    ...(gone !== null && asksForIsolation(decision) ? [`${gone}: there is nothing left to isolate`] : []),
    ...(claimed.kind === 'claimed' && claimed.flagUnread !== undefined
      ? [`the ledger could not be asked whether the responder is stopped, so it went on: ${claimed.flagUnread}`]
      : []),
    ...(last.unasked === undefined
      ? []
      : [`the claim could not be renewed in the ledger, so another run may have come in between: ${last.unasked}`]),
    ...admitted.failures,
    ...(noEvidence === null ? [] : [`no evidence was taken: ${noEvidence}`]),
    ...contained.failures,
  ];
  const result: IncidentResult = {
    ...blank(incident, final),
    evidence: [
      ...collected.map(({ evidence }) => evidence),
      ...(asksForEvidence(decision) ? [contained.host] : []),
      ...(contained.plan ? [contained.plan] : []),
    ],
    snapshots: collected.flatMap(({ snapshots }): Snapshot[] => snapshots),
    changes: contained.changes,
    isolation: contained.isolation,
    residualRisks: residualRisks(final, contained.isolation, contained.risks, observed),
    failures,
    instance: observed.instance,
    startedAt: new Date(observed.startedAt).toISOString(),
  };
  result.status = statusOf(final, result.evidence, result.isolation, result.notification);
  const asked = result.status === 'awaiting-approval' ? await ask(ctx, incident, result) : null;
  if (asked) result.approval = asked.approval;
  result.failures.push(...(asked?.failures ?? []));
  await seal(ctx, incident, result, prior?.result ?? null);
  await announce(ctx, incident, result);
  await settle(ctx, incident, result, claimed);
  await told;
  if (!asked) return result;
  // It may be days until the end: what has come to a stop here is told now.
  if (asked.answer) await tellResponse(ctx, incident.aws, result, incident.deps);
  return decided(ctx, incident, result, asked, isolate);
}

/** Word for other systems that the incident is new, or that what it waited for is carried out. */
async function begun(
  ctx: DurableContext,
  incident: IncidentContext,
  decision: Decision,
  claimed: Claimed,
): Promise<void> {
  const isNew = claimed.kind === 'unclaimed' || (claimed.run === 1 && claimed.prior === null);
  const state = incident.approved ? 'approved' : isNew ? 'opened' : null;
  const closed = claimed.kind === 'claimed' ? claimed.over : undefined;
  const { aws, deps } = incident;
  if (state !== null) await tellBeginning(ctx, state, blank(incident, decision), { aws, deps, closed });
}

async function forget(ctx: DurableContext, { aws, deps, incidentId }: IncidentContext): Promise<void> {
  await ctx.step('forget', () => attempt(deps.budgets.claimMs, 'the ledger', () => aws.ledger.forgetFrom(incidentId)));
}

/** Why no evidence may be taken now; null: it may. A quarantine takes its evidence whatever the limits. */
async function evidenceHeld(
  ctx: DurableContext,
  incident: IncidentContext,
  decision: Decision,
  claimed: Claimed,
): Promise<string | null> {
  return asksForEvidence(decision) && !asksForIsolation(decision) ? admitEvidence(ctx, incident, claimed) : null;
}

function notContained(
  incident: IncidentContext,
  decision: Decision,
  observed: Observation,
  fromHost: EvidenceResult | null,
): Containment {
  const start = hostStart(incident, decision, observed, fromHost);
  return {
    changes: [],
    isolation: null,
    failures: [],
    risks: [],
    plan: null,
    host:
      start.kind === 'not'
        ? start.why
        : { collector: osTriage.name, status: 'skipped', reason: 'nothing was run on the host', artifacts: [] },
  };
}

/** What failed may have failed because the instance went away meanwhile. */
async function lookAgain(ctx: DurableContext, incident: IncidentContext, observed: Observation): Promise<void> {
  const { aws, target, deps } = incident;
  const now = await ctx.step('look-again', () =>
    attempt(deps.budgets.readMs, 'reading the instance', async () => {
      const instance = await aws.ec2.instance(target.instanceId);
      return instance?.state ?? 'terminated';
    }),
  );
  if (now.ok && observed.instance) observed.instance.state = now.value;
}
