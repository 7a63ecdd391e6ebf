/**
 * How a run is seen from outside: an event of each state of the incident, a line in the log, and metrics. In steps of their
 * own, so that a replay repeats none of it; isolation waits for none of them. A person's command has its own output: it puts
 * the events, and says which could not be put.
 */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import type { Aws } from '../aws/connect.ts';
import { attempt, errorLine } from '../aws/deadline.ts';
import { driftFields, releaseFields, responseFields, shown, type Fields } from '../notify/log-fields.ts';
import { driftMeasures, present, responseMeasures, type Measures } from '../notify/measures.ts';
import {
  stateOfBeginning,
  stateOfClosing,
  stateOfDrift,
  stateOfRelease,
  stateOfResponse,
  STATE_EVENT,
} from '../notify/state-event.ts';
import type { StateEvent } from '../notify/state-event-schema.ts';
import type { Budgets } from './budgets.ts';
import type { DriftResult } from './drift.ts';
import type { IncidentResult } from './incident.ts';
import { partitioned } from './partitioned.ts';
import type { ReleaseResult } from './release-result.ts';

/** Where lines and metrics go. Never throws. */
export interface Telemetry {
  line(level: 'info' | 'warn' | 'error', message: string, fields: Fields): void;
  /** `incidentId` is shown beside them and is no dimension. Absent: a person's command, whose runs nobody counts. */
  measure?: (measures: Measures, about: { incidentId: string; status?: string }) => void;
}

export interface OutsideDeps {
  budgets: Pick<Budgets, 'closeMs'>;
  /** Milliseconds since 1970. Called inside steps only. */
  now: () => number;
  /** Absent: a rehearsal. */
  telemetry?: Telemetry | undefined;
}

/** Events that are put side by side. */
const AT_ONCE = 20;

interface Outside {
  event: StateEvent | null;
  level: 'info' | 'warn' | 'error';
  message: string;
  fields: Fields;
  measures: Measures;
  status?: string;
}

/** Of one response that has come to its end. Never rejects. */
export function tellResponse(ctx: DurableContext, aws: Aws, result: IncidentResult, deps: OutsideDeps): Promise<void> {
  return tell(ctx, aws, deps, (at) => ({
    event: stateOfResponse(result, at),
    level: result.status === 'failed' ? 'error' : fellShort(result) ? 'warn' : 'info',
    message: `incident ${result.status}`,
    fields: responseFields(result),
    measures: responseMeasures(result),
    status: result.status,
  }));
}

/** Of one release that has come to its end. Never rejects. */
export function tellRelease(ctx: DurableContext, aws: Aws, result: ReleaseResult, deps: OutsideDeps): Promise<void> {
  return tell(ctx, aws, deps, () => ({
    event: stateOfRelease(result),
    level: result.status === 'incomplete' || result.notification.status === 'failed' ? 'warn' : 'info',
    message: `release ${result.status}`,
    fields: releaseFields(result),
    measures: present({ NotificationFailures: result.notification.status === 'failed' ? 1 : 0 }),
  }));
}

/** A run begins to work on a new incident, or on one that was approved. Nothing waits for it but the end. Never rejects. */
export async function tellBeginning(
  ctx: DurableContext,
  state: 'opened' | 'approved',
  result: Parameters<typeof stateOfBeginning>[0],
  { aws, deps, closed }: { aws: Aws; deps: OutsideDeps; closed?: string | undefined },
): Promise<void> {
  const { telemetry, budgets, now } = deps;
  if (!telemetry) return;
  await ctx.step(state, async () => {
    const at = new Date(now()).toISOString();
    const { target } = result;
    if (closed !== undefined)
      await putState(aws, stateOfClosing({ incidentId: closed, target, at }), { budgets, telemetry });
    await putState(aws, stateOfBeginning(result, state, at), { budgets, telemetry });
  });
}

/** Of a look by the clock at the open incidents: an event for each drift that people were told of just now. Never rejects. */
export async function tellDrift(ctx: DurableContext, aws: Aws, result: DriftResult, deps: OutsideDeps): Promise<void> {
  const { telemetry } = deps;
  if (!telemetry) return;
  const told = new Map(result.notifications.map((one) => [one.incidentId, one]));
  for (const verification of result.verifications) {
    const { incidentId, contained, working } = verification;
    const notification = told.get(incidentId);
    // Four an hour of what is as it was would hide the rest.
    if (contained && notification === undefined) continue;
    await tell(
      ctx,
      aws,
      deps,
      () => ({
        event: notification?.status === 'done' && verification.drift.length > 0 ? stateOfDrift(verification) : null,
        level: contained || working ? 'info' : 'warn',
        message: contained ? 'containment as asked for' : 'containment not as asked for',
        fields: { ...driftFields(verification), ...(notification ? { notification: notification.status } : {}) },
        measures: driftMeasures([verification], notification ? [notification] : []),
      }),
      `outside ${incidentId}`,
    );
  }
  // Some at a time: a step must come to its end within one invocation, also where no event can be put.
  for (const [index, some] of partitioned(result.closed, AT_ONCE).entries())
    await ctx.step(index === 0 ? 'closed' : `closed-${index + 1}`, async () => {
      await Promise.all(some.map((one) => putState(aws, stateOfClosing(one), { budgets: deps.budgets, telemetry })));
    });
  if (result.failures.length + result.overdue.length === 0) return;
  await ctx.step('outside', () => {
    for (const { incidentId, target } of result.overdue) {
      telemetry.line('warn', 'its run is overdue', { incidentId, instanceId: target.instanceId });
      telemetry.measure?.({ RunsOverdue: 1 }, { incidentId });
    }
    // No single incident's.
    const incidentId = 'none';
    for (const failure of result.failures)
      telemetry.line('error', 'drift check', { incidentId, failure: shown(failure) });
    return Promise.resolve();
  });
}

async function tell(
  ctx: DurableContext,
  aws: Aws,
  deps: OutsideDeps,
  what: (at: string) => Outside,
  name = 'outside',
): Promise<void> {
  const { telemetry, now } = deps;
  if (!telemetry) return;
  await ctx.step(name, async () => {
    try {
      await tellAll(aws, deps, telemetry, what(new Date(now()).toISOString()));
    } catch (error) {
      telemetry.line('error', 'this could not be told in full', { incidentId: 'none', error: shown(errorLine(error)) });
    }
  });
}

async function tellAll(
  aws: Aws,
  { budgets }: OutsideDeps,
  telemetry: Telemetry,
  { event, level, message, fields, measures, status }: Outside,
): Promise<void> {
  const { incidentId } = fields;
  const error = event && (await put(aws, event, budgets));
  const lost = error === null ? {} : { stateEvent: shown(error) };
  telemetry.line('stateEvent' in lost && level === 'info' ? 'warn' : level, message, { ...fields, ...lost });
  const counted = { ...measures, ...('stateEvent' in lost ? { StateEventFailures: 1 } : {}) };
  if (Object.keys(counted).length > 0)
    telemetry.measure?.(counted, { incidentId, ...(status === undefined ? {} : { status }) });
}

/** An event without a line of its own: only that it could not be put is told. Never rejects. */
export async function putState(
  aws: Pick<Aws, 'events'>,
  event: StateEvent,
  { budgets, telemetry }: Pick<OutsideDeps, 'budgets'> & { telemetry: Telemetry },
): Promise<void> {
  const error = await put(aws, event, budgets);
  if (error === null) return;
  const { incidentId, state } = event;
  telemetry.line('warn', `incident ${state}`, { incidentId, stateEvent: shown(error) });
  telemetry.measure?.({ StateEventFailures: 1 }, { incidentId });
}

/** @returns why it could not be put; null: it was. */
async function put(
  aws: Pick<Aws, 'events'>,
  event: StateEvent,
  budgets: OutsideDeps['budgets'],
): Promise<string | null> {
  const outcome = await attempt(budgets.closeMs, 'the event of its state', () =>
    aws.events.put({ ...STATE_EVENT, detail: event, resources: [arnOf(event)] }),
  );
  return outcome.ok ? null : outcome.error;
}

function fellShort({ isolation, evidence, changes, failures, notification }: IncidentResult): boolean {
  return (
    isolation?.verified === false ||
    failures.length > 0 ||
    [...evidence, ...changes, notification].some(({ status }) => status === 'failed')
  );
}

function arnOf({ account, region, instanceId }: StateEvent): string {
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
  return `arn:${partition}:ec2:${region}:${account}:instance/${instanceId}`;
}
