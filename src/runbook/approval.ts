/**
 * A person is asked. In Lambda the execution waits for the answer, which comes through an IAM-authorised call and costs nothing
 * meanwhile; a run on somebody's machine ends, and `approve` goes on from there.
 */
import { randomUUID } from 'node:crypto';
import { CallbackTimeoutError, type DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt, errorLine } from '../aws/deadline.ts';
import { isCritical } from '../policy/limits.ts';
import type { Policy } from '../policy/policy.ts';
import { parseAnswer, type Answer } from '../finding/answer.ts';
import { decisionMessage } from '../notify/decision-message.ts';
import { send } from './close.ts';
import type { ApprovalResult, IncidentResult } from './incident.ts';
import type { IncidentContext } from './runbook.ts';

export interface Request {
  approval: ApprovalResult;
  /** Null: nobody waits. */
  answer: Promise<Answer> | null;
  token: string;
  /** It stands in the ledger: without, nobody but the waiting execution knows of it. */
  written: boolean;
  failures: string[];
}

/** Before anybody is told: an answer may come at once. */
export async function ask(ctx: DurableContext, incident: IncidentContext, result: IncidentResult): Promise<Request> {
  const { aws, deps, target } = incident;
  const asked = result.decision.approval ?? { heldBy: 'rule', because: 'approval is asked' };
  const token = `${deps.executionArn}#${incident.run}`;
  const { timeoutHours } = deps.policy(target.account).approval;
  const waiting = deps.local ? null : await ctx.createCallback('approval', { timeout: { hours: timeoutHours } });
  const [given, callbackId] = waiting ?? [null, null];
  const answer =
    given?.then(parseAnswer, (error: unknown): Answer => ({ decision: 'none', why: whyNone(error) })) ?? null;
  const asking = await ctx.step('ask', async () => ({
    written: await attempt(deps.budgets.closeMs, 'the ledger', () =>
      aws.ledger.ask(incident.incidentId, token, callbackId),
    ),
    at: deps.now(),
  }));
  const until = waiting ? new Date(asking.at + timeoutHours * 3_600_000).toISOString() : undefined;
  return {
    approval: {
      ...asked,
      state: 'pending',
      ...(until === undefined ? {} : { until }),
      ...(asking.written.ok ? {} : { unrecorded: true }),
    },
    answer,
    token,
    written: asking.written.ok,
    failures: asking.written.ok
      ? []
      : [`the request for approval could not be written down, so no answer finds it: ${asking.written.error}`],
  };
}

/** Waits for the answer. `isolate` carries the quarantine out. @returns what the incident has come to. */
export async function decided(
  ctx: DurableContext,
  incident: IncidentContext,
  result: IncidentResult,
  { approval, answer, token, written }: Request,
  isolate: (ctx: DurableContext, approved: NonNullable<IncidentContext['approved']>) => Promise<IncidentResult>,
): Promise<IncidentResult> {
  if (answer === null) return result;
  const { aws, deps, target } = incident;
  const given = orByPolicy(await answer, result, deps.policy(target.account).approval);
  const taken = await ctx.step('decide', async () => {
    const now = new Date(deps.now()).toISOString();
    const word =
      given.decision === 'none' || given.person === false
        ? null
        : { id: randomUUID(), decision: given.decision, by: given.by, reason: given.reason, at: now };
    return {
      still: await attempt(deps.budgets.closeMs, 'the ledger', () =>
        aws.ledger.decide(incident.incidentId, token, token, word),
      ),
      at: now,
    };
  });
  const { still, at } = taken;
  if (written && still.ok && !still.value)
    return { ...result, approval: { ...approval, state: 'superseded', decidedAt: at } };
  const state = ({ approve: 'approved', deny: 'denied', none: 'expired' } as const)[given.decision];
  const word = given.decision === 'none' ? { reason: given.why } : { by: given.by, reason: given.reason };
  const decision: ApprovalResult = { ...approval, state, ...word, decidedAt: at };
  if (given.decision === 'approve') {
    const { by, reason, person = true } = given;
    // A ledger that cannot be asked is no reason not to isolate what a person has approved.
    return ctx.runInChildContext('approved', (child) => isolate(child, { by, reason, person, result: decision }));
  }
  return ctx.runInChildContext(state, (child) => left(child, incident, { ...result, approval: decision }));
}

/** Not isolated, by a person's word or for want of one. */
async function left(ctx: DurableContext, incident: IncidentContext, result: IncidentResult): Promise<IncidentResult> {
  const { aws, deps } = incident;
  const closed: IncidentResult = { ...result, status: 'collected' };
  const settled = await ctx.step('settle', () =>
    attempt(deps.budgets.closeMs, 'the ledger', () => aws.ledger.settleHeld(closed, deps.now())),
  );
  if (!settled.ok) closed.failures.push(`the decision could not be written to the ledger: ${settled.error}`);
  closed.notification = await send(ctx, incident, decisionMessage(closed));
  return closed;
}

/** What no person has decided in time, the policy may decide: only what one of its rules asked about. */
function orByPolicy(
  answer: Answer,
  { finding, decision }: IncidentResult,
  { onTimeout, timeoutHours }: Policy['approval'],
): Answer {
  const mayIsolate = decision.approval?.heldBy === 'rule' && onTimeout === 'isolate-critical' && isCritical(finding);
  if (answer.decision !== 'none' || answer.why !== NOBODY || !mayIsolate) return answer;
  return {
    decision: 'approve',
    by: 'the policy (approval.onTimeout isolate-critical)',
    reason: `nobody decided within ${timeoutHours} h`,
    person: false,
  };
}

const NOBODY = 'nobody decided in time';

function whyNone(error: unknown): string {
  return error instanceof CallbackTimeoutError
    ? NOBODY
    : `the request was ended without an answer: ${errorLine(error)}`;
}
