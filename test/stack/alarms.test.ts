/** Alarms, dashboard, the watcher and what it is invoked by, as `sls package` makes them; their patterns on EventBridge. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { CANARY_TYPE } from '../../src/finding/canary.ts';
import { METRICS } from '../../src/notify/measures.ts';
import { STATE_EVENT } from '../../src/notify/state-event.ts';
import { eventMatcher, type Matcher } from '../support/event-matcher.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { arnOf, packaged, ref, refusal, type Resource, type Template } from './packaged.ts';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const local = useLocalAws();
let template: Template;
let matches: Matcher;
beforeAll(async () => {
  template = await packaged('api=iam');
  matches = eventMatcher((await local.newAccount()).endpoint);
}, 120_000);

interface Alarm {
  AlarmName: string;
  AlarmDescription: string;
  MetricName: string;
  Namespace: string;
  Dimensions: { Name: string; Value: unknown }[];
}

const alarms = (): Alarm[] =>
  template.ofType('AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties as unknown as Alarm);
const alarm = (name: string): Alarm => {
  const found = alarms().find(({ AlarmName }) => AlarmName === `secresponse-dev-${name}`);
  if (!found) throw new Error(`there is no alarm ${name}`);
  return found;
};
const rulesOf = (part: string): [string, Resource][] =>
  template
    .ofType('AWS::Events::Rule')
    .filter(([, { Properties }]) => JSON.stringify(Properties['Targets']).includes(part));
const pattern = (name: string): object => {
  const rule = template.ofType('AWS::Events::Rule').find(([, { Properties }]) => Properties['Name'] === name);
  return rule?.[1].Properties['EventPattern'] ?? {};
};

test('every alarm tells the topic, when it begins and when it ends, and says what has happened and what to do', () => {
  expect(alarms().length).toBeGreaterThan(20);
  for (const { AlarmDescription, AlarmName, ...rest } of alarms()) {
    expect(AlarmName).toMatch(/^secresponse-dev-/);
    // CloudWatch's limit.
    expect(AlarmDescription.length).toBeLessThanOrEqual(1024);
    expect(AlarmDescription).toMatch(/(look|read|act|run|list|respond|ask|take|start|switch|raise|deploy|log of) /i);
    expect(rest).toMatchObject({ AlarmActions: [ref('Topic')], OKActions: [ref('Topic')], Threshold: 1 });
  }
});

test.each([
  ['executions-lost', 'ExecutionsLost'],
  ['executions-paused', 'RunsOverdue'],
  ['isolation-unverified', 'UnverifiedIsolation'],
  ['notifications-failed', 'NotificationFailures'],
  ['limit-reached', 'LimitReached'],
  ['evidence-failed', 'EvidenceFailures'],
  ['drift-found', 'DriftFound'],
  ['state-events-failed', 'StateEventFailures'],
  ['rules-tampered', 'RulesTampered'],
  ['canary-failed', 'CanaryFailures'],
] as const)('%s: one is too many, and none is none', (name, metric) => {
  expect(Object.keys(METRICS)).toContain(metric);
  expect(alarm(name)).toMatchObject({
    Namespace: 'secresponse',
    MetricName: metric,
    Dimensions: [{ Name: 'service', Value: 'secresponse-dev' }],
    Statistic: 'Sum',
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    TreatMissingData: 'notBreaching',
  });
});

test('silence is an alarm: no data counts, for longer than a day and the six hours that GuardDuty may take', () => {
  const { Period, EvaluationPeriods, ...rest } = alarm('silence') as Alarm & Record<string, number>;
  expect(rest).toMatchObject({
    MetricName: 'CanarySeen',
    ComparisonOperator: 'LessThanThreshold',
    TreatMissingData: 'breaching',
  });
  const seconds = Number(Period) * Number(EvaluationPeriods);
  expect(seconds).toBeGreaterThan(30 * 3600);
  // CloudWatch's limit.
  expect(seconds).toBeLessThanOrEqual(7 * 86_400);
});

test('every function, rule and queue is watched', () => {
  for (const [logicalName] of template.ofType('AWS::Lambda::Function'))
    expect(
      alarms()
        .filter(({ Dimensions }) => JSON.stringify(Dimensions).includes(`"Ref":"${logicalName}"`))
        .map(({ Namespace, MetricName }) => `${Namespace} ${MetricName}`),
      // That one is throttled by design: it works on one request at a time, and is asked again.
    ).toEqual(['AWS/Lambda Errors', ...(/denier/i.test(logicalName) ? [] : ['AWS/Lambda Throttles'])]);
  for (const metric of ['FailedInvocations', 'InvocationsFailedToBeSentToDlq'])
    expect(
      alarms()
        .filter(({ Namespace, MetricName }) => Namespace === 'AWS/Events' && MetricName === metric)
        .map(({ Dimensions }) => Dimensions),
    ).toEqual(
      template
        .ofType('AWS::Events::Rule')
        .map(([, { Properties }]) => [{ Name: 'RuleName', Value: Properties['Name'] }]),
    );
  for (const [queue] of template.ofType('AWS::SQS::Queue'))
    expect(alarms()).toContainEqual(
      expect.objectContaining({
        Namespace: 'AWS/SQS',
        MetricName: 'ApproximateNumberOfMessagesVisible',
        Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': [queue, 'QueueName'] } }],
      }),
    );
});

test('every function is traced, and may write its traces', () => {
  for (const [, { Properties }] of template.ofType('AWS::Lambda::Function')) {
    expect(Properties['TracingConfig']).toEqual({ Mode: 'Active' });
    const [role = ''] = (Properties['Role'] as { 'Fn::GetAtt': string[] })['Fn::GetAtt'];
    expect(template.granted(role)).toEqual(
      expect.arrayContaining(['xray:PutTraceSegments', 'xray:PutTelemetryRecords']),
    );
  }
});

test('the dashboard shows every alarm, and only resources that there are', () => {
  const { 'Fn::Sub': text } = template.properties('Dashboard')['DashboardBody'] as { 'Fn::Sub': string };
  const names = [...text.matchAll(/\$\{(?!AWS::)(\w+)\.\w+\}/g)].map(([, name = '']) => name);
  for (const name of names) expect(() => template.resource(name)).not.toThrow();
  expect(names).toEqual(expect.arrayContaining(template.ofType('AWS::CloudWatch::Alarm').map(([name]) => name)));
  expect((JSON.parse(text) as { widgets: object[] }).widgets.length).toBeGreaterThan(6);
});

test('who responds may put events of its own kind on the default bus, and no other', () => {
  for (const role of ['ResponderRole', 'ReleaseRole'])
    expect(template.statement(role, 'TellState')).toMatchObject({
      Action: 'events:PutEvents',
      Condition: {
        'ForAllValues:StringEquals': {
          'events:source': STATE_EVENT.source,
          'events:detail-type': STATE_EVENT.detailType,
        },
        Null: { 'events:source': 'false', 'events:detail-type': 'false' },
      },
    });
});

describe('the watcher', () => {
  test('is invoked by the clock once a day, by lost executions and by changes to rules', () => {
    const invoked = rulesOf('WatcherLambdaFunction').map(([, { Properties }]) => Properties);
    expect(invoked.map(({ Name }) => Name)).toEqual(
      ['canary', 'executions', 'tampering'].map((name) => `secresponse-dev-${name}`),
    );
    expect(invoked[0]).toMatchObject({
      ScheduleExpression: 'cron(17 6 * * ? *)',
      Targets: [{ Arn: arnOf('WatcherLambdaFunction'), Input: '{"secresponse":"canary"}' }],
    });
  });

  test('may ask for a sample finding and nothing else', () => {
    expect(template.granted('WatcherRole').filter((action) => !/^(logs|xray):/.test(action))).toEqual([
      'guardduty:ListDetectors',
      'guardduty:CreateSampleFindings',
    ]);
  });

  test('sends nothing where the canary is off, and silence is no alarm then', async () => {
    const off = await packaged('canary=off');
    const text = JSON.stringify(off.Resources);
    expect(text).not.toContain('secresponse-dev-canary');
    expect(text).not.toContain('secresponse-dev-silence');
  }, 60_000);

  test('is refused a canary that the policies would ignore: its alarm would never end', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'secresponse-policies-'));
    await writeFile(
      join(folder, 'default.yml'),
      'version: 1\nmode: enforce\nrules:\n  - { id: only, respond: notify, when: { source: inspector } }\n',
    );
    const said = await refusal(`policies=${folder}`);
    expect(said).toContain(`canary is on, but the policies ignore its sample finding (${CANARY_TYPE}`);
    expect(said).toContain('set canary=off');
  }, 60_000);
});

const envelope = {
  id: 'e',
  account: '111122223333',
  region: 'eu-central-1',
  time: '2026-01-02T03:04:05Z',
  resources: [],
};

describe('an execution that is lost', () => {
  const event = (status: string, name = 'secresponse-dev-responder') => ({
    ...envelope,
    source: 'aws.lambda',
    'detail-type': 'Durable Execution Status Change',
    detail: { status, functionArn: `arn:aws:lambda:eu-central-1:111122223333:function:${name}:7` },
  });

  test.each([
    ['FAILED', 'secresponse-dev-responder', true],
    ['STOPPED', 'secresponse-dev-responder', true],
    ['TIMED_OUT', 'secresponse-dev-release', true],
    ['RUNNING', 'secresponse-dev-responder', false],
    ['SUCCEEDED', 'secresponse-dev-responder', false],
    ['FAILED', 'somebody-elses', false],
  ])('%s of %s: %s', async (status, name, expected) => {
    expect(await matches(pattern('secresponse-dev-executions'), event(status, name))).toBe(expected);
  });
});

describe('a change to a rule', () => {
  const event = (eventName: string, requestParameters: object, sourceIPAddress = '203.0.113.5') => ({
    ...envelope,
    source: 'aws.events',
    'detail-type': 'AWS API Call via CloudTrail',
    detail: { eventSource: 'events.amazonaws.com', eventName, requestParameters, sourceIPAddress },
  });
  const [ours, deployment] = ['secresponse-dev-guardduty', 'cloudformation.amazonaws.com'];

  test.each<[string, object, string | undefined, boolean]>([
    ['DisableRule', { name: ours }, undefined, true],
    ['DeleteRule', { name: ours }, undefined, true],
    ['RemoveTargets', { rule: ours, ids: ['x'] }, undefined, true],
    ['PutRule', { name: ours, state: 'DISABLED' }, undefined, true],
    ['PutTargets', { rule: ours }, undefined, true],
    ['PutRule', { name: ours }, deployment, false],
    ['PutTargets', { rule: ours }, deployment, false],
    // What goes by a deployment is gone all the same.
    ['DeleteRule', { name: ours }, deployment, true],
    ['DisableRule', { name: 'somebody-elses' }, undefined, false],
    ['DescribeRule', { name: ours }, undefined, false],
  ])('%s %j from %s: %s', async (call, parameters, from, expected) => {
    expect(await matches(pattern('secresponse-dev-tampering'), event(call, parameters, from))).toBe(expected);
  });
});

test("none of the stack's rules matches its own events", async () => {
  const own = {
    ...envelope,
    source: STATE_EVENT.source,
    'detail-type': STATE_EVENT.detailType,
    detail: { version: 1, incidentId: 'inc-1', state: 'failed', account: '111122223333', status: 'FAILED' },
  };
  const patterns = template
    .ofType('AWS::Events::Rule')
    .flatMap(([, { Properties }]) => (Properties['EventPattern'] as object | undefined) ?? []);
  expect(patterns.length).toBeGreaterThan(4);
  for (const each of patterns) expect(await matches(each, own)).toBe(false);
});
