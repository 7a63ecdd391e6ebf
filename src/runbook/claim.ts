/** The run's part in the ledger: it claims the incident, and tells in the end what came of it. */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt } from '../aws/deadline.ts';
import type { Control, Stopped } from '../aws/ledger-control.ts';
import type { Claim } from '../aws/ledger-claim.ts';
import { isCritical } from '../policy/limits.ts';
import { rank, type Decision, type Response } from '../policy/decision.ts';
import { holding, leaseOf, LOST } from './hold.ts';
import type { IncidentResult } from './incident.ts';
import { asksForIsolation } from './plan.ts';
import type { IncidentContext } from './runbook.ts';

export type Claimed =
  | (Extract<Claim, { kind: 'claimed' }> & {
      /** Another run has worked on the target since this one began. */
      waited: boolean;
      /** Null where it could not be read, or is better read again. */
      control: Control | null;
      /** Why nobody knows whether the responder is stopped; absent where that is known, or does not matter. */
      flagUnread?: string;
    })
  | { kind: 'unclaimed'; error: string };

export type ClaimAnswer =
  | Claimed
  | Extract<Claim, { kind: 'joined' | 'stale' }>
  /** New findings are parked. */
  | { kind: 'stopped'; stopped: Stopped };

/** More than this does not travel through the durable state, which ends an execution whose step returns too much. */
const CARRIED = 50_000;

/** A person asks, or has approved: no flag and no limit stands in the way. */
export function isPerson({ finding, approved }: IncidentContext): boolean {
  return finding.source === 'manual' || finding.request !== undefined || approved?.person === true;
}

export async function claim(
  ctx: DurableContext,
  incident: IncidentContext,
  decision: Decision,
  name = 'claim',
): Promise<ClaimAnswer> {
  const { aws, target, finding, deps } = incident;
  const person = isPerson(incident);
  // What is under way goes on to its end, also where the policy has approved it or the claim was lost meanwhile.
  const goesOn = person || incident.approved !== undefined || incident.since !== undefined;
  // Who lost its claim began before the end of the incident: that end was for it, too, also where a person asks.
  const lastSeen = incident.since ?? (person ? NaN : Date.parse(finding.updatedAt ?? ''));
  let insist =
    name !== 'claim' ||
    finding.request?.force === true ||
    incident.approved !== undefined ||
    incident.since !== undefined;
  for (let look = 0; ; look += 1) {
    const insists = insist;
    // Not known in a replay: it is asked then whether the claim still holds.
    let askedAt: number | undefined;
    const { answer, control, stopped, flagUnread } = await ctx.step(
      look === 0 ? name : `${name}-${look + 1}`,
      async () => {
        askedAt = deps.now();
        const now = askedAt;
        const [taken, read] = await Promise.all([
          attempt(deps.budgets.claimMs, 'the claim', () =>
            aws.ledger.claim({
              target,
              holder: deps.executionArn,
              leaseMs: leaseOf(deps),
              incidentId: incident.incidentId,
              asked: decision.response,
              certain: certainOf(decision),
              insist: insists,
              finding: { id: finding.id, severity: finding.severity.label },
              critical: isCritical(finding),
              person,
              ...(Number.isNaN(lastSeen) ? {} : { lastSeen }),
              ...(deps.completing === undefined ? {} : { only: deps.completing }),
              now,
            }),
          ),
          attempt(deps.budgets.claimMs, 'the stop flag', () => aws.ledger.control()),
        ]);
        return {
          answer: taken,
          stopped: read.ok ? read.value.stopped : null,
          control: read.ok && (read.value.seen?.length ?? 0) <= CARRIED ? read.value : null,
          ...(read.ok || goesOn ? {} : { flagUnread: read.error }),
        };
      },
    );
    if (!answer.ok)
      return stopped && !goesOn ? { kind: 'stopped', stopped } : { kind: 'unclaimed', error: answer.error };
    const claimed = answer.value;
    if (stopped !== null && !goesOn && (claimed.kind === 'claimed' || claimed.kind === 'held')) {
      if (claimed.kind === 'claimed') await withdraw(ctx, incident, claimed);
      return { kind: 'stopped', stopped };
    }
    // The run that would be joined may be about to give up, since it was started by a finding.
    const doomed = stopped !== null && claimed.kind === 'joined' && claimed.running && !insist;
    if (claimed.kind === 'stale' || (claimed.kind === 'joined' && !doomed)) return claimed;
    if (claimed.kind === 'claimed') {
      incident.hold = holding(deps, askedAt);
      const waited = look > 0 || claimed.prior !== null;
      return {
        ...claimed,
        waited,
        control,
        ...(flagUnread === undefined ? {} : { flagUnread }),
      };
    }
    if (doomed) insist = true;
    else await ctx.wait('another run holds the claim', { seconds: deps.budgets.leasePollSeconds });
  }
}

/** Without facts that may still lower it. Others must not rely on more. */
export function certainOf({ response, undecided }: Decision): Response {
  return undecided.length > 0 && rank(response) > rank('collect') ? 'collect' : response;
}

/** Nothing has been done under the claim, and nothing will be. */
export async function withdraw(
  ctx: DurableContext,
  { aws, target, deps }: IncidentContext,
  claimed: Pick<Extract<Claim, { kind: 'claimed' }>, 'before' | 'run'>,
): Promise<void> {
  await ctx.step('withdraw', () =>
    attempt(deps.budgets.claimMs, 'the ledger', () => aws.ledger.withdraw(target, deps.executionArn, claimed)),
  );
}

/** The last entry in the ledger: what came of it, and whether the incident stays open. */
export async function settle(
  ctx: DurableContext,
  incident: IncidentContext,
  result: IncidentResult,
  claimed: Claimed,
): Promise<void> {
  const { aws, target, deps } = incident;
  const changed = result.changes.some(({ status, at }) => status === 'done' || at !== undefined);
  const collected = result.evidence.some(({ artifacts }) => artifacts.length > 0) || result.snapshots.length > 0;
  const asked = asksForIsolation(result.decision);
  const held = result.decision.approval?.heldBy;
  const outcome = await ctx.step('close', () =>
    attempt(deps.budgets.closeMs, 'the ledger', () =>
      aws.ledger.close(target, deps.executionArn, result, {
        // What was told to isolate and did not manage to stays open: the next finding tries again.
        open: changed || collected || asked || held !== undefined,
        run: incident.run,
        settled: result.status !== 'failed',
        asked: result.decision.response,
        at: new Date(deps.now()).toISOString(),
        critical: isCritical(result.finding),
        ...(held === undefined ? {} : { held }),
      }),
    ),
  );
  if (outcome.ok && outcome.value === 'lost') result.failures.push(`its outcome is not in the ledger: ${LOST}`);
  if (!outcome.ok && claimed.kind === 'claimed')
    result.failures.push(`the outcome could not be written to the ledger: ${outcome.error}`);
}

/** Nothing more to do on an open incident: the claim goes back as it was. */
export async function giveBack(
  ctx: DurableContext,
  incident: IncidentContext,
  incidentId: string,
  undone: boolean,
): Promise<void> {
  const { aws, target, deps, finding, run } = incident;
  await ctx.step('join', () =>
    attempt(deps.budgets.closeMs, 'the ledger', async () => {
      const prior = await aws.ledger.resultOf(incidentId);
      if (!prior) return;
      await aws.ledger.close(target, deps.executionArn, prior, {
        open: true,
        run,
        settled: !undone,
        undone,
        asked: prior.decision.response,
        at: new Date(deps.now()).toISOString(),
        critical: isCritical(prior.finding),
        // Who was asked still is.
        ...(prior.status === 'awaiting-approval' && prior.decision.approval
          ? { held: prior.decision.approval.heldBy }
          : {}),
      });
      await aws.ledger.addFinding(prior.incidentId, { id: finding.id, severity: finding.severity.label });
    }),
  );
}
