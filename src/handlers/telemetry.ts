/** Log lines and metrics (embedded in the log, so that no permission is needed) of a Lambda function. */
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { METRICS, NAMESPACE, type Metric } from '../notify/measures.ts';
import type { Telemetry } from '../runbook/outside.ts';

/** In Lambda only: a rehearsal of the same bundle on somebody's machine has that one's own output. */
export function lambdaTelemetry(env: NodeJS.ProcessEnv): Required<Telemetry> | undefined {
  if (env['AWS_LAMBDA_FUNCTION_NAME'] === undefined) return undefined;
  // The stack's name, by which its metrics are told from another's.
  return telemetryOf(env['POWERTOOLS_SERVICE_NAME'] ?? 'secresponse');
}

export function telemetryOf(service: string): Required<Telemetry> {
  let logger: Logger | undefined;
  return {
    line: (level, message, fields) =>
      quietly(() => {
        logger ??= new Logger({ serviceName: service });
        logger[level](message, fields);
      }),

    measure: (measures, { incidentId, status }) =>
      quietly(() => {
        const { Incidents, ...others } = measures;
        if (Incidents !== undefined && status !== undefined) publish({ Incidents }, incidentId, { status });
        if (Object.keys(others).length > 0) publish(others, incidentId, {});
      }),
  };

  function publish(
    values: Partial<Record<Metric, number>>,
    incidentId: string,
    dimensions: Record<string, string>,
  ): void {
    const metrics = new Metrics({ namespace: NAMESPACE, serviceName: service });
    for (const [name, value] of Object.entries(dimensions)) metrics.addDimension(name, value);
    for (const [name, value] of Object.entries(values)) metrics.addMetric(name, METRICS[name as Metric], value);
    metrics.addMetadata('incidentId', incidentId).publishStoredMetrics();
  }
}

/** What cannot be logged must not fail the step that it is about. */
function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // There is nowhere else to say it.
  }
}
