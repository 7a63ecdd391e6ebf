import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { guardDutyGateway } from '../../src/aws/guardduty.ts';
import { parseFinding } from '../../src/finding/parse.ts';
import { guardDutyEvent } from '../events/events.ts';
import { fakeGuardDuty, type FakeGuardDuty } from '../support/fake-guardduty.ts';

const { detail } = guardDutyEvent('attack-sequence-tagged');
const id = detail['id'] as string;
let fake: FakeGuardDuty;

beforeAll(async () => {
  fake = await fakeGuardDuty({ d0d0: [{ ...detail, id }], empty: [] });
});
afterAll(() => fake.stop());

function gateway() {
  return guardDutyGateway({
    region: 'eu-west-1',
    budgets: { callTimeoutMs: 2_000, attempts: 1 },
    endpoint: fake.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
}

test('a finding is read from the detector of the Region, and parses like its event', async () => {
  const found = await gateway().finding(id);
  expect(fake.calls.slice(-2)).toEqual(['GET /detector', 'POST /detector/d0d0/findings/get']);
  const fromEvent = parseFinding(guardDutyEvent('attack-sequence-tagged'), {});
  expect(parseFinding((found as { body: unknown }).body, { account: '111122223333' })).toEqual(fromEvent);
});

test('a detector that is given is the only one that is asked', async () => {
  expect(await gateway().finding(id, 'd0d0')).toHaveProperty('body');
  expect(fake.calls.at(-2)).not.toBe('GET /detector');
  expect(await gateway().finding(id, 'empty')).toEqual({ none: `detector empty in eu-west-1 knows no finding ${id}` });
});

test('what is not there is said; what AWS refuses is an error', async () => {
  expect(await gateway().finding('other')).toEqual({
    none: 'detector d0d0, empty in eu-west-1 knows no finding other',
  });
  await expect(gateway().finding(id, 'stranger')).rejects.toThrow('The detector is not owned by the account.');
  const { detectors } = fake;
  fake.detectors = {};
  expect(await gateway().finding(id)).toEqual({ none: 'GuardDuty has no detector in eu-west-1' });
  fake.detectors = detectors;
});
