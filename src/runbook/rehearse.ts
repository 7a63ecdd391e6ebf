/** What changes nothing and opens no incident: a dry run, a notice, and what there is no need or no leave to respond to. */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt } from '../aws/deadline.ts';
import type { Stopped } from '../aws/ledger-control.ts';
import type { Claim } from '../aws/ledger-claim.ts';
import type { FindingTarget } from '../finding/finding.ts';
import type { Decision } from '../policy/decision.ts';
import { evidencePrefix } from '../evidence/manifest.ts';
import { blank, ended } from './blank.ts';
import { announce } from './close.ts';
import { plannedChanges } from './contain.ts';
import { contextOf } from './context.ts';
import { tellInDigest } from './digest.ts';
import type { IncidentResult } from './incident.ts';
import { factsOf, observe, observeOthers, type Observation } from './observe.ts';
import { asksForEvidence, asksForIsolation } from './plan.ts';
import { plannedEvidence } from './preserve.ts';
import type { IncidentContext } from './runbook.ts';
import { storePlan } from './store-plan.ts';

export function observation(ctx: DurableContext, incident: IncidentContext, name = 'observe'): Promise<Observation> {
  const { aws, deps } = incident;
  return ctx.step(name, () => observe(aws, contextOf(incident), deps.budgets, deps.startedAt));
}

/** A dry run: reads, plans, tells; claims nothing and changes nothing. */
export async function rehearse(
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

/** Tells, and does nothing. What an open incident knows already is not told again, such as the echo of our own changes. */
export async function notifyOnly(
  ctx: DurableContext,
  incident: IncidentContext,
  decision: Decision,
): Promise<IncidentResult> {
  const { aws, deps, target, finding } = incident;
  const known = await ctx.step('known', () =>
    attempt(deps.budgets.claimMs, 'the ledger', () =>
      aws.ledger.joinOpen(target, { id: finding.id, severity: finding.severity.label }),
    ),
  );
  if (known.ok && known.value !== null && !known.value.news) return joined(ctx, incident, decision, known.value);
  const result = { ...blank(incident, decision), startedAt: new Date(deps.startedAt).toISOString() };
  result.notification = await tellInDigest(ctx, incident);
  result.status = result.notification.status === 'failed' ? 'failed' : 'notified';
  return result;
}

/** An open incident has it: what is news to that is told, in the digest. */
export async function joined(
  ctx: DurableContext,
  incident: IncidentContext,
  decision: Decision,
  { incidentId, news }: { incidentId: string; news: boolean },
  observed: Observation | null = null,
): Promise<IncidentResult> {
  const { deps, target } = incident;
  const into = { ...incident, incidentId, prefix: evidencePrefix(target, incidentId) };
  const result = ended(into, decision, { status: 'joined', instance: observed?.instance ?? null });
  // A person who runs it here reads it here.
  if (news && !deps.local && decision.response !== 'notify')
    result.notification = await tellInDigest(ctx, into, `joined ${incidentId}`);
  return result;
}

/** What was seen for the last time before the incident came to its end is over with it. */
export function stale(
  incident: IncidentContext,
  decision: Decision,
  { ended: last }: Extract<Claim, { kind: 'stale' }>,
): IncidentResult {
  const at = new Date(last.at).toISOString();
  const reason = `What the finding tells was last seen before incident ${last.incidentId} was ${last.how}, at ${at}: nothing is done.`;
  return ended(
    incident,
    { ...decision, response: 'ignore', reasons: [...decision.reasons, reason] },
    { status: 'ignored' },
  );
}

/** The responder is stopped: the finding is kept, to be replayed by a person's command, and told in the digest. */
export async function park(
  ctx: DurableContext,
  incident: IncidentContext,
  decision: Decision,
  { by, reason, at }: Stopped,
): Promise<IncidentResult> {
  const { aws, deps, finding, event } = incident;
  const why = `The responder was stopped by ${by} at ${at} (${reason}): the finding is parked for 14 days.`;
  const parked = await ctx.step('park', () =>
    attempt(deps.budgets.closeMs, 'the ledger', () => aws.ledger.park(finding.id, event, deps.now())),
  );
  const result = ended(incident, { ...decision, response: 'notify', reasons: [...decision.reasons, why] }, {});
  delete result.decision.approval;
  if (!parked.ok) result.failures.push(`the finding could not be parked, and is not responded to: ${parked.error}`);
  result.notification = await tellInDigest(ctx, incident, parked.ok ? 'PARKED: stopped' : 'LOST: stopped, not parked');
  result.status = parked.ok && result.notification.status !== 'failed' ? 'notified' : 'failed';
  return result;
}
