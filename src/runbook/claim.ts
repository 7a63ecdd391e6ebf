/** The run's part in the ledger: it claims the incident, and tells in the end what came of it. */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt } from '../aws/deadline.ts';
import type { Claim } from '../aws/ledger.ts';
import type { Decision } from '../policy/decision.ts';
import type { IncidentResult } from './incident.ts';
import { asksForIsolation } from './plan.ts';
import type { IncidentContext } from './runbook.ts';

export type Claimed = Extract<Claim, { kind: 'claimed' }> | { kind: 'unclaimed'; error: string };

export async function claim(
  ctx: DurableContext,
  incident: IncidentContext,
  decision: Decision,
  name = 'claim',
): Promise<
  | (Extract<Claim, { kind: 'claimed' }> & { waited: boolean })
  | Extract<Claim, { kind: 'joined' }>
  | Extract<Claimed, { kind: 'unclaimed' }>
> {
  const { aws, target, finding, deps } = incident;
  for (let look = 0; ; look += 1) {
    const answer = await ctx.step(look === 0 ? name : `${name}-${look + 1}`, () =>
      attempt(deps.budgets.claimMs, 'the claim', () =>
        aws.ledger.claim({
          target,
          holder: deps.executionArn,
          leaseMs: deps.local ? deps.budgets.leaseMs : deps.budgets.lambdaLeaseMs,
          incidentId: incident.incidentId,
          asked: decision.response,
          insist: name !== 'claim' || finding.request?.force === true,
          findingId: finding.id,
          ...(deps.completing === undefined ? {} : { only: deps.completing }),
          now: deps.now(),
        }),
      ),
    );
    if (!answer.ok) return { kind: 'unclaimed', error: answer.error };
    if (answer.value.kind === 'joined') return answer.value;
    if (answer.value.kind === 'claimed') return { ...answer.value, waited: look > 0 || answer.value.prior !== null };
    await ctx.wait('another run holds the claim', { seconds: deps.budgets.leasePollSeconds });
  }
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
  const outcome = await ctx.step('close', () =>
    attempt(deps.budgets.closeMs, 'the ledger', () =>
      aws.ledger.close(target, deps.executionArn, result, {
        // What was told to isolate and did not manage to stays open: the next finding tries again.
        open: changed || collected || asked,
        settled: result.status !== 'failed',
        asked: result.decision.response,
        at: new Date(deps.now()).toISOString(),
      }),
    ),
  );
  if (!outcome.ok && claimed.kind === 'claimed')
    result.failures.push(`the outcome could not be written to the ledger: ${outcome.error}`);
}

/** Nothing more to do on an open incident: the claim goes back as it was. */
export async function giveBack(
  ctx: DurableContext,
  incident: IncidentContext,
  prior: IncidentResult,
  undone: boolean,
): Promise<void> {
  const { aws, target, deps, finding } = incident;
  await ctx.step('join', () =>
    attempt(deps.budgets.closeMs, 'the ledger', async () => {
      await aws.ledger.close(target, deps.executionArn, prior, {
        open: true,
        settled: !undone,
        undone,
        asked: prior.decision.response,
        at: new Date(deps.now()).toISOString(),
      });
      await aws.ledger.addFinding(prior.incidentId, finding.id);
    }),
  );
}
