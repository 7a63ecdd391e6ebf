/** What a request to release may look like, and what is said of one that does not. */
import { expect, test } from '@jest/globals';
import { parseReleaseRequest } from '../../src/finding/release-request.ts';

const home = { account: '111122223333', region: 'eu-west-1' };
const reason = 'false alarm';

test('an incident, or an instance that is at home unless the request says otherwise', () => {
  expect(parseReleaseRequest({ incident_id: 'inc-1', reason: ' false alarm ', by: 'mia' }, home)).toEqual({
    which: { incidentId: 'inc-1' },
    reason,
    by: 'mia',
    dryRun: false,
  });
  const request = { instance_id: 'i-0123456789abcdef0', region: 'us-east-1', reason, dryRun: true };
  expect(parseReleaseRequest(request, home)).toEqual({
    which: { target: { account: '111122223333', region: 'us-east-1', instanceId: 'i-0123456789abcdef0' } },
    reason,
    by: null,
    dryRun: true,
  });
});

test.each([
  ['no reason', { incident_id: 'inc-1' }, /reason/],
  ['a reason copied from the notification', { incident_id: 'inc-1', reason: '...' }, /reason in words/],
  ['neither instance nor incident', { reason }, /one of instance_id and incident_id/],
  ['both', { incident_id: 'inc-1', instance_id: 'i-0123456789abcdef0', reason }, /one of instance_id and incident_id/],
  ['a mistyped key', { incident_id: 'inc-1', reason, dryrun: true }, /did you mean dryRun/],
  ['no object', 'inc-1', /object/],
  ['a place beside an incident', { incident_id: 'inc-1', account: '111122223333', reason }, /goes with instance_id/],
])('refused in one line: %s', (_why, payload, message) => {
  expect(() => parseReleaseRequest(payload, home)).toThrow(message);
});
