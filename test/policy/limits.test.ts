/** What is used lies in one item of 400 KB: it has to fit, and no limit may be passed by for want of room. */
import { expect, test } from '@jest/globals';
import { admitCollection, admitQuarantine, type Usage } from '../../src/policy/limits.ts';
import type { Policy } from '../../src/policy/policy.ts';

const NOW = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

const limits: Policy['limits'] = {
  quarantinesPerHour: 10_000,
  quarantinesPerDay: 10_000,
  collectionsPerHour: 10_000,
  groupShare: 50,
  reservePerHour: 10_000,
  groupTags: [],
  onLedgerFailure: 'isolate',
};

const used = (count: number, kind: Usage['kind'], age = 0, groups?: string[]): Usage[] =>
  Array.from({ length: count }, (_, index) => ({
    i: `inc-${kind}${age}-${String(index).padStart(10, '0')}`,
    at: NOW - age - 1,
    kind,
    ...(groups ? { groups } : {}),
  }));

const asked = { incidentId: 'inc-now', now: NOW, critical: false, person: false, groups: [] };

test('collections are counted for an hour, and further than a limit counts nobody is let through', () => {
  const { next, answer } = admitCollection(used(1_500, 'c', HOUR_MS), limits, asked);
  expect({ answer, used: next?.map(({ i }) => i) }).toEqual({ answer: null, used: ['inc-now'] });
  expect(admitCollection(used(1_999, 'c'), limits, asked).answer).toBeNull();
  expect(admitCollection(used(2_000, 'c'), limits, asked).answer).toContain('limits.collectionsPerHour');
});

test('the same of quarantines, by the hour and by the day; a critical one has its reserve', () => {
  expect(admitQuarantine(used(2_000, 'q'), limits, asked).answer).toContain('limits.quarantinesPerHour');
  expect(admitQuarantine(used(2_000, 'q', 2 * HOUR_MS), limits, asked).answer).toContain('limits.quarantinesPerDay');
  expect(admitQuarantine(used(2_000, 'q'), limits, { ...asked, critical: true }).answer).toBeNull();
});

test('a person is let through always; the oldest go, what is contained in a group stays', () => {
  const members = used(500, 'q', 48 * HOUR_MS, ['tag service=shop in eu-west-1']);
  const all = [...members, ...used(3_000, 'm', 1), ...used(3_000, 'c', 1)];
  const { next, answer } = admitQuarantine(all, limits, { ...asked, person: true });
  expect(answer).toBeNull();
  expect(next?.filter(({ groups }) => groups)).toEqual(members);
  expect(next?.at(-1)).toEqual({ i: 'inc-now', at: NOW, kind: 'm' });
  expect(next).toHaveLength(500 + 2_000 + 2_000 + 1);
  expect(JSON.stringify(next).length).toBeLessThan(350_000);
});
