import { expect, test } from '@jest/globals';
import { FindingError } from '../../src/finding/finding.ts';
import { parseFinding } from '../../src/finding/parse.ts';
import { findingRequest } from '../../src/finding/request.ts';
import { guardDutyEvent, readEvent } from '../events/events.ts';

test.each([
  [{ finding_id: '5ab1' }, { findingId: '5ab1', request: { dryRun: false, force: false } }],
  [
    { findingId: '5ab1', detectorId: 'd0d0', region: 'eu-west-1', reason: ' beacons ', dryRun: true, force: true },
    {
      findingId: '5ab1',
      detectorId: 'd0d0',
      region: 'eu-west-1',
      request: { reason: 'beacons', dryRun: true, force: true },
    },
  ],
  [
    { finding_id: '5ab1', detector_id: 'd0d0' },
    { findingId: '5ab1', detectorId: 'd0d0' },
  ],
])('%j is a request by finding id', (input, expected) => {
  expect(findingRequest(input)).toMatchObject(expected);
});

test.each([{ instance_id: 'i-0abc12345def67890' }, guardDutyEvent('instance'), {}, null, 'finding_id', ['finding_id']])(
  '%j is none',
  (input) => {
    expect(findingRequest(input)).toBeNull();
  },
);

test.each<[object, string]>([
  [{ finding_id: '' }, 'finding_id: expected the id of a GuardDuty finding'],
  [{ finding_id: 7 }, 'finding_id: expected the id of a GuardDuty finding, the last part of its ARN, found 7'],
  [{ finding_id: 'a', findingId: 'b' }, 'finding_id and findingId are different'],
  [{ finding_id: 'a', dry_run: true }, '"dry_run": not a key of a request by finding id; did you mean dryRun?'],
  [{ finding_id: 'a', account: '111122223333' }, '"account": not a key of a request by finding id'],
])('refused: %j', (input, message) => {
  expect(() => findingRequest(input)).toThrow(FindingError);
  expect(() => findingRequest(input)).toThrow(message);
});

test('the finding that was read carries what the person asked for', () => {
  const request = { reason: 'confirmed', dryRun: false, force: true };
  const finding = parseFinding(readEvent('guardduty/get-findings-answer'), { account: '111122223333', request });
  expect(finding).toMatchObject({ source: 'guardduty', request, targets: [{ instanceId: 'i-0abc12345def67890' }] });
});
