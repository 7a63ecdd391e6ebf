/** What of GuardDuty's events a rule may act on, and how EventBridge is told. */
import { SEVERITY_BANDS } from '../finding/guardduty.ts';
import { ATTACK_SEQUENCE, TARGETED } from '../finding/guardduty-targets.ts';
import type { Box, Names } from './boxes.ts';
import { findMatch, remainders } from './globs.ts';
import type { Intervals } from './intervals.ts';
import { EVERYTHING, exactly, fromRange, toPattern, union } from './intervals.ts';
import { nameMatcher } from './name-matcher.ts';
import type { When } from './schema.ts';

/** One box for each kind of finding that has targets and that the rule may be about. */
export function guardDutyBoxes(when: When, account: Names): Box[] {
  if (when.exploitAvailable !== undefined || when.score !== undefined || when.reachable !== undefined) return [];
  const numbers = severities(when.severity);
  if (numbers.length === 0) return [];
  return TARGETED.flatMap(({ resourceType, typePrefix, countsAs }) => {
    if (when.resourceType !== undefined && findMatch(when.resourceType, [countsAs]) === undefined) return [];
    const type = within(when.type ?? null, typePrefix);
    if (type?.length === 0) return [];
    const role = when.role === undefined ? null : [when.role];
    // The instances of a sequence are where they are, not where the finding was made: left to the judge.
    const place =
      resourceType === ATTACK_SEQUENCE ? { account: null, region: null } : { account, region: when.region ?? null };
    return [{ numbers, names: { type, role, resourceType: [resourceType], ...place } }];
  });
}

export function guardDutyPattern({ numbers, names }: Box): object {
  const severity = toPattern(numbers);
  const { type, role, resourceType, account, region } = names;
  return {
    source: ['aws.guardduty'],
    'detail-type': ['GuardDuty Finding'],
    detail: {
      ...(severity === undefined ? {} : { severity }),
      ...(type ? { type: type.map(nameMatcher) } : {}),
      ...(account ? { accountId: account } : {}),
      ...(region ? { region: region.map(nameMatcher) } : {}),
      ...(resourceType ? { resource: { resourceType } } : {}),
      // `archived` may be absent or null, which a plain `false` would not match.
      service: { archived: [false, null, { exists: false }], ...(role ? { resourceRole: role } : {}) },
    },
  };
}

/** The globs as far as they lie among the types that begin with the prefix. */
function within(globs: Names, prefix: string): Names {
  if (prefix === '') return globs;
  if (globs === null) return [`${prefix}*`];
  const parts = globs.flatMap((glob) => remainders(glob, prefix).map((rest) => prefix + rest));
  // A finding type has one colon: `ThreatPurpose:Resource/Name`.
  return parts.filter((part) => part.split(':').length <= 2);
}

function severities(severity: When['severity']): Intervals {
  if (severity === undefined) return EVERYTHING;
  if (typeof severity === 'number') return exactly(severity);
  if (!Array.isArray(severity)) return fromRange(severity);
  return severity.map(band).reduce(union, []);
}

function band(label: string): Intervals {
  const index = SEVERITY_BANDS.findIndex((candidate) => candidate.label === label);
  const found = SEVERITY_BANDS[index];
  if (found === undefined) return [];
  const next = SEVERITY_BANDS[index - 1];
  return fromRange({ gte: found.from, lt: next?.from });
}
