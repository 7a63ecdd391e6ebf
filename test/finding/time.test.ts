import { expect, test } from '@jest/globals';
import { isoTime } from '../../src/finding/time.ts';

test.each<[unknown, string]>([
  ['2026-11-20T10:00:00.482Z', '2026-11-20T10:00:00.482Z'],
  ['2026-11-20T10:00:00Z', '2026-11-20T10:00:00.000Z'],
  ['2026-11-20T10:00:00.123456Z', '2026-11-20T10:00:00.123Z'],
  ['2026-11-20T11:30:00+01:30', '2026-11-20T10:00:00.000Z'],
  ['2026-11-20 10:00:00', '2026-11-20T10:00:00.000Z'],
  ['Mar 20, 2023, 6:08:05 PM', '2023-03-20T18:08:05.000Z'],
  ['Dec 3, 2021, 12:02:30 AM', '2021-12-03T00:02:30.000Z'],
  ['Thu Sep 05 13:06:56.334 UTC 2024', '2024-09-05T13:06:56.334Z'],
  [1_795_168_800, '2026-11-20T10:00:00.000Z'],
])('%j is read as %s', (given, expected) => {
  expect(isoTime(given)).toBe(expected);
});

test.each([undefined, null, '', 'yesterday', '2026-13-40T99:00:00Z', 'Foo 3, 2021, 1:02:30 AM', NaN, -1, 1e20, {}])(
  '%j is no date',
  (given) => {
    expect(isoTime(given)).toBeUndefined();
  },
);
