/** The Lambda function that a person invokes to release an incident. */
import wrap from '@middy/core';
import { executionModeDurableContext } from '@middy/core/DurableContext';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { connect } from '../aws/connect.ts';
import { FindingError } from '../finding/finding.ts';
import { parseReleaseRequest } from '../finding/release-request.ts';
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

/** The durable handler. Off Lambda, what is refused is an answer; in the Lambda it ends the execution as failed. */
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
      const answer = await release(ctx, parseReleaseRequest(event, home), {
        aws,
        budgets,
        home,
        now: Date.now,
        executionArn: durableExecutionArn,
        local,
      });
      if (!('refused' in answer)) {
        const { telemetry } = options;
        await tellRelease(ctx, aws(answer.target), answer, { budgets, now: Date.now, telemetry });
        return { release: answer };
      }
      if (local) return answer;
      throw new FindingError('', answer.refused);
    },
  );
}

/** The entry point of the bundle. */
export const handler = createReleaser({
  unsetSessions: 'off',
  telemetry: lambdaTelemetry(process.env),
});
