/**
 * The Lambda function that watches over the others: it has the daily sample finding made, and counts executions that did not
 * come to their end and changes to the stack's rules. Alarms stand on what it counts; the log says which and who.
 */
import { guardDutyGateway } from '../aws/guardduty.ts';
import { errorLine, withDeadline } from '../aws/deadline.ts';
import { CANARY_TYPE, isCanaryRequest } from '../finding/canary.ts';
import { isObject } from '../finding/validate.ts';
import { shown } from '../notify/log-fields.ts';
import { defaultBudgets, type Budgets } from '../runbook/budgets.ts';
import type { Telemetry } from '../runbook/outside.ts';
import { telemetryOf } from './telemetry.ts';

export interface WatcherOptions {
  telemetry: Required<Telemetry>;
  /** Has a sample finding of the type made. */
  createSample: (type: string) => Promise<void>;
  budgets?: Pick<Budgets, 'closeMs'>;
}

export type Watched = { watched: 'canary' | 'execution' | 'rule' };

/** No single incident's: an execution's incident is in the line that it wrote itself, if it came that far. */
const incidentId = 'none';

/** @throws Error where the sample could not be asked for, or the event is none of its own. */
export function createWatcher({ telemetry, createSample, budgets = defaultBudgets }: WatcherOptions) {
  return async (event: unknown): Promise<Watched> => {
    if (isCanaryRequest(event)) return canary();
    const { source, detail } = isObject(event) ? event : {};
    if (source === 'aws.lambda' && isObject(detail)) return executionLost(detail);
    if (source === 'aws.events' && isObject(detail)) return ruleTampered(detail);
    throw new Error(`it takes ${JSON.stringify({ secresponse: 'canary' })} and the events of its rules`);
  };

  async function canary(): Promise<Watched> {
    try {
      await withDeadline(budgets.closeMs, 'asking for the sample', () => createSample(CANARY_TYPE));
    } catch (error) {
      telemetry.line('error', 'the canary could not be sent', { incidentId, error: shown(errorLine(error)) });
      telemetry.measure({ CanaryFailures: 1 }, { incidentId });
      throw error;
    }
    telemetry.line('info', 'canary sent', { incidentId, type: CANARY_TYPE });
    return { watched: 'canary' };
  }

  function executionLost(detail: Record<string, unknown>): Watched {
    const { durableExecutionArn, functionArn, status } = detail;
    telemetry.line('error', 'an execution did not come to its end', {
      incidentId,
      status: text(status),
      durableExecutionArn: text(durableExecutionArn),
      functionArn: text(functionArn),
    });
    telemetry.measure({ ExecutionsLost: 1 }, { incidentId });
    return { watched: 'execution' };
  }

  function ruleTampered(detail: Record<string, unknown>): Watched {
    const parameters = isObject(detail['requestParameters']) ? detail['requestParameters'] : {};
    const identity = isObject(detail['userIdentity']) ? detail['userIdentity'] : {};
    telemetry.line('error', 'a rule was changed', {
      incidentId,
      call: text(detail['eventName']),
      rule: text(parameters['name'] ?? parameters['rule']),
      by: text(identity['arn']),
      from: text(detail['sourceIPAddress']),
      refused: detail['errorCode'] === undefined ? null : text(detail['errorCode']),
    });
    // What was refused has changed nothing; that somebody tried is in the log.
    if (detail['errorCode'] === undefined) telemetry.measure({ RulesTampered: 1 }, { incidentId });
    return { watched: 'rule' };
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? shown(value) : '';
}

/** The entry point of the bundle. */
export const handler = createWatcher({
  telemetry: telemetryOf(process.env['POWERTOOLS_SERVICE_NAME'] ?? 'secresponse'),
  createSample: (type) =>
    guardDutyGateway({ region: process.env['AWS_REGION'] ?? '', budgets: defaultBudgets }).createSample(type),
});
