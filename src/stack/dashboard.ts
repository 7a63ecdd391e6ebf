/** One look at the stack: what is wrong, what was responded to and how fast, and how the functions fare. */
import type { Metric } from '../notify/measures.ts';
import { NAMESPACE } from '../notify/measures.ts';
import type { AlarmStack } from './alarms.ts';

type Line = (string | object)[];

const STATUSES = ['quarantined', 'collected', 'notified', 'joined', 'ignored', 'awaiting-approval', 'failed'];
const TROUBLES: readonly Metric[] = [
  'UnverifiedIsolation',
  'NotificationFailures',
  'LimitReached',
  'EvidenceFailures',
  'DriftFound',
  'StateEventFailures',
  'ExecutionsLost',
  'RunsOverdue',
  'RulesTampered',
];

/** `alarmNames`: logical names in the template. */
export function dashboard({ service, stage, functions, rules }: AlarmStack, alarmNames: readonly string[]): object {
  const prefix = `${service}-${stage}`;
  const own = (metric: Metric, ...dimensions: string[]): Line => [NAMESPACE, metric, 'service', prefix, ...dimensions];
  const ofFunction = (metric: string) =>
    Object.keys(functions).map((name) => ['AWS/Lambda', metric, 'FunctionName', `${prefix}-${name}`]);
  const ofResponder = (metric: string): Line => ['AWS/Lambda', metric, 'FunctionName', `${prefix}-responder`];
  const widgets = [
    {
      type: 'alarm',
      properties: { title: 'Alarms', alarms: alarmNames.map((name) => `\${${name}.Arn}`) },
    },
    graph(
      'Incidents',
      STATUSES.map((status) => own('Incidents', 'status', status)),
    ),
    graph('Seconds to isolation', [
      [...own('SecondsToIsolation'), { stat: 'p50' }],
      [...own('SecondsToIsolation'), { stat: 'Maximum' }],
    ]),
    graph(
      'Troubles',
      TROUBLES.map((metric) => own(metric)),
    ),
    graph('Signs of life', [own('CanarySeen'), own('IncidentsAtWork')]),
    graph('Executions', [
      ofResponder('DurableExecutionStarted'),
      ofResponder('DurableExecutionSucceeded'),
      ofResponder('DurableExecutionFailed'),
      ofResponder('DurableExecutionStopped'),
      ofResponder('DurableExecutionTimedOut'),
    ]),
    graph('Errors and throttles', [...ofFunction('Errors'), ...ofFunction('Throttles')]),
    graph(
      'Findings that the rules matched',
      rules.map((rule) => ['AWS/Events', 'TriggeredRules', 'RuleName', `${prefix}-${rule}`]),
    ),
    graph(
      'Undelivered and unanswered',
      ['UndeliveredFindings', 'DeadLetters'].map((queue) => [
        'AWS/SQS',
        'ApproximateNumberOfMessagesVisible',
        'QueueName',
        `\${${queue}.QueueName}`,
        { stat: 'Maximum' },
      ]),
    ),
  ];
  const [alarms, ...graphs] = widgets;
  const body = {
    widgets: [
      { ...alarms, x: 0, y: 0, width: 24, height: 4 },
      ...graphs.map((widget, index) => ({
        ...widget,
        x: (index % 3) * 8,
        y: 4 + Math.floor(index / 3) * 6,
        width: 8,
        height: 6,
      })),
    ],
  };
  return {
    Type: 'AWS::CloudWatch::Dashboard',
    Properties: {
      DashboardName: prefix,
      // The queues' names, the alarms and the Region are known to CloudFormation only.
      DashboardBody: { 'Fn::Sub': JSON.stringify(body) },
    },
  };
}

function graph(title: string, metrics: Line[]): { type: string; properties: object } {
  return {
    type: 'metric',
    properties: { title, region: '${AWS::Region}', period: 300, stat: 'Sum', view: 'timeSeries', metrics },
  };
}
