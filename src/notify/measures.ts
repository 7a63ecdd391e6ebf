/** What is counted, under which name. Namespace `secresponse`; what is zero is left out. Pure. */
import type { IncidentResult, NotificationResult } from '../runbook/incident.ts';
import type { Verification } from '../runbook/verify.ts';

export const NAMESPACE = 'secresponse';

/** Unit and meaning of each metric; alarms and the dashboard take the names from here. */
export const METRICS = {
  /** By `status`; the only one with that dimension. */
  Incidents: 'Count',
  /** From the handler's first line to the verified reading. */
  SecondsToIsolation: 'Seconds',
  /** Incidents that were to be isolated and are not seen to be: when their run ends, and at every look by the clock. */
  UnverifiedIsolation: 'Count',
  /** Messages that reached nobody. */
  NotificationFailures: 'Count',
  /** Incidents that a limit or a protection holds back until a person approves. */
  LimitReached: 'Count',
  /** Kinds of evidence that were to be taken and were not. */
  EvidenceFailures: 'Count',
  /** Incidents whose containment was altered, once for each alteration. */
  DriftFound: 'Count',
  /** Incidents that a run works on, at a look by the clock. */
  IncidentsAtWork: 'Count',
  /** Runs that hold an incident long after their lease, at a look by the clock. */
  RunsOverdue: 'Count',
  /** Events about an incident's state that the bus did not take. */
  StateEventFailures: 'Count',
  /** The daily sample finding that came through the rules and would have been answered. */
  CanarySeen: 'Count',
  /** Samples that the canary could not ask GuardDuty for. */
  CanaryFailures: 'Count',
  /** Executions that ended as FAILED, STOPPED or TIMED_OUT. */
  ExecutionsLost: 'Count',
  /** Rules of the stack that somebody disabled, deleted, emptied or rewrote. */
  RulesTampered: 'Count',
} as const;

export type Metric = keyof typeof METRICS;
export type Measures = Partial<Record<Metric, number>>;

export function responseMeasures({ status, isolation, evidence, notification }: IncidentResult): Measures {
  return present({
    Incidents: 1,
    SecondsToIsolation: isolation?.secondsToIsolation ?? 0,
    UnverifiedIsolation: isolation && !isolation.verified ? 1 : 0,
    NotificationFailures: failed([notification]),
    LimitReached: status === 'awaiting-approval' ? 1 : 0,
    EvidenceFailures: failed(evidence),
  });
}

/** What the look by the clock found. */
export function driftMeasures(verifications: readonly Verification[], told: readonly NotificationResult[]): Measures {
  const idle = verifications.filter(({ working, releasing, gone }) => !working && !releasing && gone === undefined);
  return present({
    UnverifiedIsolation: idle.filter(({ contained }) => !contained).length,
    DriftFound: told.filter(({ status }) => status === 'done').length,
    IncidentsAtWork: verifications.filter(({ working }) => working).length,
    NotificationFailures: failed(told),
  });
}

export function present(measures: Measures): Measures {
  return Object.fromEntries(Object.entries(measures).filter(([, value]) => value !== 0));
}

function failed(parts: readonly { status: string }[]): number {
  return parts.filter(({ status }) => status === 'failed').length;
}
