/**
 * The sequence, from top to bottom: claim → observe → plan → preserve → protect → collect from the host → credentials →
 * quarantine network → verify → manifest → notify. The only place where steps are ordered, awaited or given a budget.
 *
 * A step never rejects and always has a time limit: nothing that fails or hangs may keep isolation from being done, and an
 * error outside a step would end a durable execution for good. Steps may run twice; all that they do is idempotent.
 */
import { createHash } from 'node:crypto';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import type { Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { Prior } from '../aws/ledger.ts';
import { evidencePrefix } from '../evidence/manifest.ts';
import { FindingError, type Finding, type FindingTarget, type Target } from '../finding/finding.ts';
import { decide } from '../policy/decide.ts';
import { rank, type Decision } from '../policy/decision.ts';
import type { Policy } from '../policy/policy.ts';
import type { Budgets } from './budgets.ts';
import { isolating } from '../containment/index.ts';
import { contain, plannedChanges, type Containment } from './contain.ts';
import { claim, giveBack, settle, type Claimed } from './claim.ts';
import { announce, seal } from './close.ts';
import { contextOf } from './context.ts';
import { hostStart } from './host.ts';
import { osTriage } from '../evidence/os-triage.ts';
import type { EvidenceResult, IncidentResult, Snapshot } from './incident.ts';
import { tellInDigest } from './digest.ts';
import { factsOf, observe, observeOthers, type Observation } from './observe.ts';
import { tellResponse, type Telemetry } from './outside.ts';
import { asksForEvidence, asksForIsolation, goneReason, looksIsolated, residualRisks, statusOf } from './plan.ts';
import { doneOnHost, plannedEvidence, preserve, type Preserved } from './preserve.ts';
import { answerRequest, requestedId } from './request.ts';
import { storePlan } from './store-plan.ts';

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
  /** How the run is seen from outside; absent in a person's command. */
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
): Promise<IncidentResult> {
  const judge = (facts = target.facts): Decision =>
    decide({
      policy: deps.policy(target.account),
      finding,
      target,
      facts,
      dryRun: deps.dryRun,
      ...(deps.modeCeiling ? { modeCeiling: deps.modeCeiling } : {}),
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
  };
  if (first.response === 'ignore') return ended(incident, first, { status: 'ignored' });
  if (first.response === 'notify') return notifyOnly(ctx, incident, first);
  if (first.dryRun) return rehearse(ctx, incident, judge);

  // Claim and first reading run together: neither needs the other, and a call's time counts.
  const [answer, reading] = await Promise.all([claim(ctx, incident, first), observation(ctx, incident)]);
  const { containment } = deps.policy(target.account);
  // An incident that nobody works on is joined only while its isolation is there to be seen.
  const drifted =
    answer.kind === 'joined' &&
    !answer.running &&
    asksForIsolation(first) &&
    !looksIsolated(reading.readings[isolating], containment);
  const claimed = drifted ? await claim(ctx, incident, first, 'claim-drifted') : answer;
  if (claimed.kind === 'joined') {
    const joined = { ...incident, incidentId: claimed.incidentId, prefix: evidencePrefix(target, claimed.incidentId) };
    return ended(joined, first, { status: 'joined', instance: reading.instance });
  }
  if (claimed.kind === 'claimed') {
    incident.incidentId = claimed.incidentId;
    incident.run = claimed.run;
    incident.prefix = evidencePrefix(target, claimed.incidentId);
  }
  // Another run has changed the target since the first reading.
  const observed =
    claimed.kind === 'claimed' && claimed.waited ? await observation(ctx, incident, 'observe-again') : reading;
  const decision = judge(factsOf(observed, target.facts));
  const prior = claimed.kind === 'claimed' ? claimed.prior : null;

  if (
    prior?.result &&
    prior.result.status !== 'failed' &&
    rank(prior.result.decision.response) >= rank(decision.response) &&
    // What a release has begun to undo does not hold any more.
    !(prior.undone && asksForIsolation(decision)) &&
    !(asksForIsolation(decision) && !looksIsolated(observed.readings[isolating], containment))
  ) {
    await giveBack(ctx, incident, prior.result, prior.undone);
    return ended(incident, decision, { status: 'joined', instance: observed.instance });
  }
  if (claimed.kind === 'claimed' && rank(decision.response) < rank(first.response))
    await ctx.step('lower', () =>
      attempt(deps.budgets.claimMs, 'the ledger', () =>
        incident.aws.ledger.lower(target, deps.executionArn, decision.response),
      ),
    );
  return carryOut(ctx, incident, decision, observed, claimed, prior);
}

/** Preserve and contain, side by side, then seal and tell. */
async function carryOut(
  ctx: DurableContext,
  incident: IncidentContext,
  decision: Decision,
  observed: Observation,
  claimed: Claimed,
  prior: Prior | null,
): Promise<IncidentResult> {
  let onTaken = (): void => {};
  const taken = new Promise<void>((resolve) => void (onTaken = resolve));
  const fromHost = doneOnHost(prior?.result ?? null);
  const containing = asksForIsolation(decision)
    ? contain(ctx, incident, {
        decision,
        observed,
        stored: prior?.from ?? {},
        taken,
        fromHost,
      })
    : Promise.resolve(notContained(incident, decision, observed, fromHost));
  // Asked for in the same moment, but after what isolation waits for: its calls stand first in the line.
  const preserving: Preserved = asksForEvidence(decision)
    ? preserve(ctx, incident, prior?.result ?? null)
    : { taken: Promise.resolve(), results: Promise.resolve([]) };
  void preserving.taken.then(onTaken);
  const [collected, contained] = await Promise.all([preserving.results, containing]);

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
    ...contained.failures,
  ];
  const result: IncidentResult = {
    ...blank(incident, decision),
    evidence: [
      ...collected.map(({ evidence }) => evidence),
      ...(asksForEvidence(decision) ? [contained.host] : []),
      ...(contained.plan ? [contained.plan] : []),
    ],
    snapshots: collected.flatMap(({ snapshots }): Snapshot[] => snapshots),
    changes: contained.changes,
    isolation: contained.isolation,
    residualRisks: residualRisks(decision, contained.isolation, contained.risks, observed),
    failures,
    instance: observed.instance,
    startedAt: new Date(observed.startedAt).toISOString(),
  };
  result.status = statusOf(decision, result.evidence, result.isolation, result.notification);
  await seal(ctx, incident, result, prior?.result ?? null);
  await announce(ctx, incident, result);
  await settle(ctx, incident, result, claimed);
  return result;
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

function observation(ctx: DurableContext, incident: IncidentContext, name = 'observe'): Promise<Observation> {
  const { aws, deps } = incident;
  return ctx.step(name, () => observe(aws, contextOf(incident), deps.budgets, deps.startedAt));
}

/** A dry run: reads, plans, tells; claims nothing and changes nothing. */
async function rehearse(
  ctx: DurableContext,
  incident: IncidentContext,
  judge: (facts: FindingTarget['facts']) => Decision,
): Promise<IncidentResult> {
  const [observed, others] = await Promise.all([
    observation(ctx, incident),
    ctx.step('observe-others', () => observeOthers(incident.aws, contextOf(incident), incident.deps.budgets)),
  ]);
  const decision = judge(factsOf(observed, incident.target.facts));
  const result: IncidentResult = {
    ...blank(incident, decision),
    instance: observed.instance,
    startedAt: new Date(observed.startedAt).toISOString(),
    failures: [
      ...incident.left,
      ...(observed.instanceError === undefined ? [] : [`the instance could not be read: ${observed.instanceError}`]),
    ],
    changes: asksForIsolation(decision) ? plannedChanges(incident, observed, others) : [],
    evidence: asksForEvidence(decision) ? plannedEvidence() : [],
  };
  if (decision.response === 'ignore') return { ...result, status: 'ignored' };
  result.status = 'notified';
  const readings = { ...observed.readings, ...others };
  const plan = await ctx.step('plan', () =>
    storePlan(incident, { name: 'plan.json', decision, from: {}, readings, observed }),
  );
  result.evidence.push(plan);
  await announce(ctx, incident, result);
  return result;
}

async function notifyOnly(ctx: DurableContext, incident: IncidentContext, decision: Decision): Promise<IncidentResult> {
  const result = { ...blank(incident, decision), startedAt: new Date(incident.deps.startedAt).toISOString() };
  result.notification = await tellInDigest(ctx, incident);
  result.status = result.notification.status === 'failed' ? 'failed' : 'notified';
  return result;
}

function ended(incident: IncidentContext, decision: Decision, with_: Partial<IncidentResult>): IncidentResult {
  return { ...blank(incident, decision), startedAt: new Date(incident.deps.startedAt).toISOString(), ...with_ };
}

function blank(incident: IncidentContext, decision: Decision): IncidentResult {
  const { account, region, instanceId } = incident.target;
  return {
    incidentId: incident.incidentId,
    status: 'failed',
    target: { account, region, instanceId },
    decision,
    evidence: [],
    snapshots: [],
    changes: [],
    isolation: null,
    notification: { status: 'skipped', reason: 'nothing to tell' },
    residualRisks: [],
    failures: [...incident.left],
    instance: null,
    finding: incident.finding,
    evidencePrefix: incident.prefix,
    vault: incident.aws.vault.bucket,
    startedAt: '',
  };
}

/** The same execution gives the same target the same id, however often it is started. */
function newIncidentId(executionArn: string, target: Target): string {
  const text = `${executionArn}|${target.account}|${target.region}|${target.instanceId}`;
  return `inc-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}
