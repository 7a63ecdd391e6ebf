/** The Lambda function that a person invokes to release an incident. */
import wrap from '@middy/core';
import { executionModeDurableContext } from '@middy/core/DurableContext';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { connect } from '../aws/connect.ts';
import { errorLine } from '../aws/deadline.ts';
import { FindingError } from '../finding/finding.ts';
import { parseReleaseRequest, type ReleaseRequest } from '../finding/release-request.ts';
import { shown } from '../notify/log-fields.ts';
import { defaultBudgets, type Budgets } from '../runbook/budgets.ts';
import { isLocalExecution } from '../runbook/execution-arn.ts';
import type { ReleaseResult } from '../runbook/release-result.ts';
import { tellRelease, type Telemetry } from '../runbook/outside.ts';
import { release, type Refused, type ReleaseDeps } from '../runbook/release.ts';
import { readSettings } from './settings.ts';
import { lambdaTelemetry } from './telemetry.ts';

export interface ReleaserOptions {
  budgets?: Budgets;
  env?: NodeJS.ProcessEnv;
  /** Who denies sessions where SESSION_DENIER_FUNCTION is not set: nobody in a stack, a person's command itself. */
  unsetSessions?: 'off';
  /** How it is seen from outside. Absent: a rehearsal, which nobody else is to hear of. */
  telemetry?: Telemetry | undefined;
}

/**
 * The durable handler. What is refused is an answer, and a line in the log: nothing was begun, and nobody need be alarmed. A
 * ledger that could not be asked fails the execution in the Lambda.
 */
export function createReleaser(options: ReleaserOptions = {}) {
  const budgets = options.budgets ?? defaultBudgets;
  return wrap({ executionMode: executionModeDurableContext, timeoutEarlyInMillis: 0 }).handler(
    async (event: unknown, ctx: DurableContext): Promise<{ release: ReleaseResult } | Refused> => {
      const { places } = readSettings(options.env ?? process.env, options.unsetSessions);
      const { durableExecutionArn } = ctx.executionContext;
      const [, , , region = '', account = ''] = durableExecutionArn.split(':');
      const home = { account, region };
      const local = isLocalExecution(durableExecutionArn);
      const aws: ReleaseDeps['aws'] = (target) => connect(target, places, budgets);
      const { telemetry } = options;
      const request = requestIn(event, home, local);
      if ('refused' in request) return refuse(ctx, request, telemetry);
      const answer = await release(ctx, request, {
        aws,
        budgets,
        home,
        now: Date.now,
        executionArn: durableExecutionArn,
        local,
      });
      if (!('refused' in answer)) {
        await tellRelease(ctx, aws(answer.target), answer, { budgets, now: Date.now, telemetry });
        return { release: answer };
      }
      if (answer.unread && !local) throw new FindingError('', answer.refused);
      return refuse(ctx, answer, telemetry);
    },
  );
}

/** A person's command says by itself what is wrong with what was typed. */
function requestIn(
  event: unknown,
  home: Parameters<typeof parseReleaseRequest>[1],
  local: boolean,
): ReleaseRequest | Refused {
  try {
    return parseReleaseRequest(event, home);
  } catch (error) {
    if (local || !(error instanceof FindingError)) throw error;
    return { refused: errorLine(error) };
  }
}

async function refuse(ctx: DurableContext, answer: Refused, telemetry: Telemetry | undefined): Promise<Refused> {
  const line = async (): Promise<void> =>
    telemetry?.line('warn', 'release refused', { incidentId: 'none', refused: shown(answer.refused) });
  if (telemetry) await ctx.step('outside', line);
  return answer;
}

/** The entry point of the bundle. */
export const handler = createReleaser({
  unsetSessions: 'off',
  telemetry: lambdaTelemetry(process.env),
});
