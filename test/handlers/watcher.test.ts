/** The watcher: what it asks GuardDuty for, and what it makes of the events of its rules. */
import { expect, test } from '@jest/globals';
import { guardDutyGateway } from '../../src/aws/guardduty.ts';
import { CANARY_REQUEST, CANARY_TYPE } from '../../src/finding/canary.ts';
import { createWatcher } from '../../src/handlers/watcher.ts';
import { smallBudgets } from '../support/incident-room.ts';
import { fakeGuardDuty, type FakeGuardDuty } from '../support/fake-guardduty.ts';

function watcher(fake?: FakeGuardDuty, createSample?: () => Promise<void>) {
  const [lines, counted]: [unknown[], unknown[]] = [[], []];
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const place = { region: 'eu-central-1', budgets: smallBudgets, credentials };
  const watch = createWatcher({
    telemetry: {
      line: (level, message, fields) => void lines.push({ level, message, ...fields }),
      measure: (measures) => void counted.push(measures),
    },
    createSample:
      createSample ??
      (async (type) => guardDutyGateway({ ...place, ...(fake ? { endpoint: fake.endpoint } : {}) }).createSample(type)),
    budgets: smallBudgets,
  });
  return { watch, lines, counted };
}

test('the clock has a sample of the one type made', async () => {
  const fake = await fakeGuardDuty({ d1: [] });
  const { watch, counted } = watcher(fake);
  await watch({ ...CANARY_REQUEST });
  fake.stop();
  expect(fake.calls).toEqual(['GET /detector', 'POST /detector/d1/findings/create']);
  expect(fake.samples).toEqual([{ detector: 'd1', types: [CANARY_TYPE] }]);
  // It counts where it arrives.
  expect(counted).toEqual([]);
});

test('where there is no detector it fails, says so and counts it', async () => {
  const fake = await fakeGuardDuty({});
  const { watch, lines, counted } = watcher(fake);
  await expect(watch({ ...CANARY_REQUEST })).rejects.toThrow('GuardDuty has no detector in eu-central-1');
  fake.stop();
  expect(counted).toEqual([{ CanaryFailures: 1 }]);
  expect(lines).toMatchObject([{ level: 'error', error: expect.stringContaining('no detector') }]);
});

test('where GuardDuty never answers it says so and counts it before the function is ended', async () => {
  const { watch, lines, counted } = watcher(undefined, () => new Promise(() => {}));
  await expect(watch({ ...CANARY_REQUEST })).rejects.toThrow('did not end within 2.5 s');
  expect(counted).toEqual([{ CanaryFailures: 1 }]);
  expect(lines).toMatchObject([{ level: 'error', error: expect.stringContaining('did not end') }]);
});

test('an execution that was lost is counted, and named in the log', async () => {
  const { watch, lines, counted } = watcher();
  const durableExecutionArn = 'arn:aws:lambda:eu-central-1:111122223333:function:f:7/durable-execution/one/two';
  await watch({
    source: 'aws.lambda',
    'detail-type': 'Durable Execution Status Change',
    detail: { status: 'TIMED_OUT', durableExecutionArn, functionArn: 'arn:f' },
  });
  expect(counted).toEqual([{ ExecutionsLost: 1 }]);
  expect(lines).toMatchObject([{ level: 'error', status: 'TIMED_OUT', durableExecutionArn }]);
});

const call = (more: object) => ({
  source: 'aws.events',
  'detail-type': 'AWS API Call via CloudTrail',
  detail: {
    eventName: 'DisableRule',
    userIdentity: { arn: 'arn:aws:iam::111122223333:user/mallory' },
    requestParameters: { name: 'secresponse-dev-guardduty' },
    sourceIPAddress: '203.0.113.5',
    ...more,
  },
});

test('a rule that was changed is counted, and the log says which and by whom', async () => {
  const { watch, lines, counted } = watcher();
  await watch(call({}));
  expect(counted).toEqual([{ RulesTampered: 1 }]);
  expect(lines).toMatchObject([
    { call: 'DisableRule', rule: 'secresponse-dev-guardduty', by: expect.stringMatching(/mallory$/), refused: null },
  ]);
});

test('a change that was refused is in the log and not counted', async () => {
  const { watch, lines, counted } = watcher();
  await watch(call({ errorCode: 'AccessDenied' }));
  expect(counted).toEqual([]);
  expect(lines).toMatchObject([{ refused: 'AccessDenied' }]);
});

test.each([null, 'text', {}, { secresponse: 'canary', more: true }, { source: 'aws.guardduty', detail: {} }])(
  'nothing else is taken: %j',
  async (event) => {
    const { watch, lines, counted } = watcher();
    await expect(watch(event)).rejects.toThrow('it takes {"secresponse":"canary"}');
    expect([lines, counted]).toEqual([[], []]);
  },
);
