/** Runs that the API has started: whoever asked knows an id already, and looks there for what came of it. */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt } from '../aws/deadline.ts';
import type { Finding } from '../finding/finding.ts';
import { isIncidentId } from '../finding/api-request.ts';
import type { IncidentResult } from './incident.ts';
import type { RunbookDeps } from './runbook.ts';

/**
 * The id that the answer to the request named: it is the name of the execution, `…/durable-execution/<name>/<id>`, which
 * Lambda gives to one execution only. Null where nobody was told one. A manual request has one target, so one incident.
 */
export function requestedId(executionArn: string, { source }: Finding): string | null {
  const [, name = ''] = /\/durable-execution\/([^/]+)\//.exec(executionArn) ?? [];
  return source === 'manual' && isIncidentId(name) ? name : null;
}

/** Leaves word under the id that was told, where the run itself may leave none. */
export async function answerRequest(
  ctx: DurableContext,
  result: IncidentResult,
  deps: Pick<RunbookDeps, 'aws' | 'budgets' | 'executionArn' | 'now'>,
): Promise<void> {
  const id = requestedId(deps.executionArn, result.finding);
  if (id === null) return;
  const outcome = await ctx.step('answer', () =>
    attempt(deps.budgets.closeMs, 'the ledger', () =>
      deps.aws(result.target).requests.answer(id, result, new Date(deps.now()).toISOString()),
    ),
  );
  if (!outcome.ok) result.failures.push(`whoever asked could not be left word: ${outcome.error}`);
}
