/**
 * Alarms on whatever keeps a response from coming, from coming to its end, or from being heard of; each says what to do. They
 * go to the topic that people are told through. Silence is one of them: the daily sample finding that did not arrive.
 */
import { NAMESPACE, type Metric } from '../notify/measures.ts';

export interface AlarmStack {
  service: string;
  stage: string;
  /** `on` or `off`. */
  canary: string;
  /** Names of the rules on EventBridge that bring findings, and the clock's. */
  rules: readonly string[];
  /** Functions: as in serverless.yml → its logical name. */
  functions: Readonly<Record<string, string>>;
}

interface Alarm {
  /** What people read in the mail: what has happened, and what to do. */
  description: string;
  namespace: string;
  metric: string;
  dimensions: Record<string, string | object>;
  statistic?: 'Sum' | 'Maximum';
  /** Seconds. */
  period?: number;
  periods?: number;
  /** Absent: one is too many. `silence`: none is too few, and no data is none. */
  when?: 'silence';
}

const HOUR = 3600;

/** One at a time by design: whoever asks is told to come again, and does. */
const SERIAL = 'session-denier';

/**
 * GuardDuty tells of a finding that it has already within its publishing frequency, six hours at most. A day, these six, and
 * two to spare.
 */
const SILENCE_HOURS = 32;

export function alarms(stack: AlarmStack): Record<string, object> {
  const { service, stage } = stack;
  const prefix = `${service}-${stage}`;
  return Object.fromEntries(
    Object.entries({ ...ownAlarms(prefix, stack), ...serviceAlarms(prefix, stack) }).map(([name, alarm]) => [
      `${pascal(name)}Alarm`,
      resource(`${prefix}-${name}`, alarm),
    ]),
  );
}

/** On what the functions count themselves. */
function ownAlarms(prefix: string, { canary }: AlarmStack): Record<string, Alarm> {
  const own = (metric: Metric, description: string, more: Partial<Alarm> = {}): Alarm => ({
    description,
    namespace: NAMESPACE,
    metric,
    dimensions: { service: prefix },
    ...more,
  });
  return {
    'executions-lost': own(
      'ExecutionsLost',
      'A run FAILED, was STOPPED or TIMED_OUT: its incident may not be isolated. The log of the watcher function names the execution; look at it in the Lambda console, then start the run again for its instance (sls invoke -f responder, or respond).',
    ),
    'executions-paused': own(
      'RunsOverdue',
      'A run has held its incident for more than an hour past its time: it is paused, stuck or dead, and its instance may not be isolated. The log of the responder names the incident; look at the running executions of the responder and of the release in the Lambda console, then run respond (or release) again for the instance.',
      // Two looks by the clock, so that it stays on while it is so.
      { period: HOUR / 2 },
    ),
    'isolation-unverified': own(
      'UnverifiedIsolation',
      'An instance was to be isolated and is NOT seen to be, or is not any more. Act now: the log of the responder names the incident; run verify for it, and respond again for the instance, or isolate it by hand.',
      // Two looks by the clock, so that it stays on while it is so.
      { period: HOUR / 2 },
    ),
    'notifications-failed': own(
      'NotificationFailures',
      'A message about an incident reached nobody. The log of the responder names the incident; read its report (report), and look at the topic, its key and its subscriptions.',
    ),
    'limit-reached': own(
      'LimitReached',
      'An instance was not quarantined because a limit or a protection holds it back. A person has to decide: list what waits (incidents --status awaiting-approval), then approve or deny.',
    ),
    'evidence-failed': own(
      'EvidenceFailures',
      'Some evidence could not be taken. The log of the responder names the incident, and its report says what is missing and why; take it by hand where it still can be.',
    ),
    'drift-found': own(
      'DriftFound',
      'Somebody has changed the containment of an open incident. The message about it says what; ask who did it, and run respond again for the instance or release it.',
    ),
    'state-events-failed': own(
      'StateEventFailures',
      'Events about incidents did not reach the event bus: systems that follow them missed a state. The log of the responder says why; the ledger has the state (incidents).',
    ),
    'rules-tampered': own(
      'RulesTampered',
      'A rule of this stack was disabled, deleted, emptied or rewritten: findings may not arrive. The log of the watcher function says which and by whom. If it was no deployment of yours, deploy the stack again and treat it as an incident.',
    ),
    ...(canary === 'on'
      ? {
          'canary-failed': own(
            'CanaryFailures',
            'The daily sample finding could not be asked for: is GuardDuty switched on in this Region? The log of the watcher function says why.',
          ),
          silence: own(
            'CanarySeen',
            `No sample finding has come through the rules for ${SILENCE_HOURS} hours: real ones may not arrive either. Look at GuardDuty (is its detector on?), the rules on EventBridge (enabled?), the responder's errors, and the queue of undelivered findings. After a first deployment this is on until a sample has come: send one with sls invoke -f watcher --data '{"secresponse":"canary"}'.`,
            { period: HOUR, periods: SILENCE_HOURS, when: 'silence' },
          ),
        }
      : {}),
  };
}

/** On what AWS counts about them. */
function serviceAlarms(prefix: string, { rules, functions }: AlarmStack): Record<string, Alarm> {
  const queue = (name: string, description: string): Alarm => ({
    description,
    namespace: 'AWS/SQS',
    metric: 'ApproximateNumberOfMessagesVisible',
    dimensions: { QueueName: { 'Fn::GetAtt': [name, 'QueueName'] } },
    statistic: 'Maximum',
  });
  return {
    'dead-letters': queue(
      'DeadLetters',
      'A finding or request could not be understood or answered. Read it in the queue of dead letters (output DeadLettersUrl), respond to it by hand, and delete it there.',
    ),
    'undelivered-findings': queue(
      'UndeliveredFindings',
      'EventBridge could not bring a finding to the responder. Read it in the queue of undelivered findings (output UndeliveredFindingsUrl), run respond for it, and delete it there.',
    ),
    ...Object.fromEntries(
      Object.entries(functions).flatMap(([name, logicalName]) =>
        ['Errors', ...(name === SERIAL ? [] : ['Throttles'])].map((metric) => [
          `${name}-${metric.toLowerCase()}`,
          {
            description:
              metric === 'Errors'
                ? `The function ${name} failed or ran out of time or memory. A durable run goes on from its last checkpoint by itself; look into the log of the function, and whether its incident came to its end.`
                : `The function ${name} was throttled: responses come late. Look at the concurrency of the account and of the function, and raise it or end what uses it up.`,
            namespace: 'AWS/Lambda',
            metric,
            dimensions: { FunctionName: { Ref: logicalName } },
          },
        ]),
      ),
    ),
    ...Object.fromEntries(
      rules.flatMap((rule) => {
        const ofRule = { namespace: 'AWS/Events', dimensions: { RuleName: `${prefix}-${rule}` } };
        return [
          [
            `rule-${rule}-failed`,
            {
              ...ofRule,
              description: `The rule ${prefix}-${rule} could not start its function. Look at the function's policy and alias and at the queue of undelivered findings (output UndeliveredFindingsUrl); deploy the stack again where they were changed.`,
              metric: 'FailedInvocations',
            },
          ],
          [
            `rule-${rule}-lost`,
            {
              ...ofRule,
              description: `The rule ${prefix}-${rule} could not start its function, and what it was for could not be kept in the queue of undelivered findings either: IT IS LOST. Look at the findings in GuardDuty and Inspector since then and run respond for them; look at the queue, its policy and its key, and deploy the stack again where they were changed.`,
              metric: 'InvocationsFailedToBeSentToDlq',
            },
          ],
        ];
      }),
    ),
  };
}

function resource(AlarmName: string, alarm: Alarm): object {
  const silence = alarm.when === 'silence';
  return {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      AlarmName,
      AlarmDescription: alarm.description,
      Namespace: alarm.namespace,
      MetricName: alarm.metric,
      Dimensions: Object.entries(alarm.dimensions).map(([Name, Value]) => ({ Name, Value })),
      Statistic: alarm.statistic ?? 'Sum',
      Period: alarm.period ?? 300,
      EvaluationPeriods: alarm.periods ?? 1,
      Threshold: 1,
      ComparisonOperator: silence ? 'LessThanThreshold' : 'GreaterThanOrEqualToThreshold',
      TreatMissingData: silence ? 'breaching' : 'notBreaching',
      AlarmActions: [{ Ref: 'Topic' }],
      OKActions: [{ Ref: 'Topic' }],
    },
  };
}

function pascal(name: string): string {
  return name.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
}
