/** A finding that a request names by its id: read from GuardDuty, once. */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt, type Attempt } from '../aws/deadline.ts';
import type { FoundFinding } from '../aws/guardduty.ts';
import { FindingError } from '../finding/finding.ts';
import type { FindingRequest } from '../finding/request.ts';
import type { Budgets } from './budgets.ts';

export interface LookUpDeps {
  /** The responder's own; a request may name another. */
  region: string;
  budgets: Budgets;
}

/** @returns what `parseFinding` takes. @throws FindingError where GuardDuty has no such finding or does not answer. */
export async function lookUp(asked: FindingRequest, deps: LookUpDeps): Promise<unknown> {
  return bodyOf(asked, await ask(asked, deps));
}

/** The same as a durable step: a replay sees the finding as it was read the first time. */
export async function lookUpStep(ctx: DurableContext, asked: FindingRequest, deps: LookUpDeps): Promise<unknown> {
  return bodyOf(asked, await ctx.step('look-up', () => ask(asked, deps)));
}

function ask({ findingId, detectorId, region }: FindingRequest, deps: LookUpDeps): Promise<Attempt<FoundFinding>> {
  const { budgets } = deps;
  return attempt(budgets.readMs, 'reading the finding', async () => {
    // Loaded when needed: findings that come as events must not wait for it.
    const { guardDutyGateway } = await import('../aws/guardduty.ts');
    return guardDutyGateway({ region: region ?? deps.region, budgets }).finding(findingId, detectorId);
  });
}

function bodyOf({ findingId }: FindingRequest, answer: Attempt<FoundFinding>): unknown {
  if (!answer.ok)
    throw new FindingError('finding_id', `${findingId} could not be read from GuardDuty: ${answer.error}`);
  if ('none' in answer.value) throw new FindingError('finding_id', answer.value.none);
  return answer.value.body;
}
