/** What of Inspector's events a rule may act on, and how EventBridge is told. */
import { INSPECTOR_INSTANCE, NETWORK_FINDING } from '../finding/inspector.ts';
import type { Box, Names } from './boxes.ts';
import { findMatch } from './globs.ts';
import { EVERYTHING, fromRange, toPattern } from './intervals.ts';
import { nameMatcher } from './name-matcher.ts';
import type { When } from './schema.ts';

/**
 * At most one. The Region is left to the judge: a resource may lack it, and a stack gets its own Region's events only.
 */
export function inspectorBoxes(when: When, account: Names): Box[] {
  const { severity, role, resourceType, exploitAvailable, reachable } = when;
  // Inspector gives labels, no numbers; and only GuardDuty tells the role.
  if (role !== undefined || (severity !== undefined && !Array.isArray(severity))) return [];
  if (resourceType !== undefined && findMatch(resourceType, [INSPECTOR_INSTANCE]) === undefined) return [];
  if (reachable !== undefined && when.type !== undefined && findMatch(when.type, [NETWORK_FINDING]) === undefined)
    return [];
  const numbers = when.score === undefined ? EVERYTHING : fromRange(when.score);
  if (numbers.length === 0) return [];
  const exploit = exploitAvailable === undefined ? null : [exploitAvailable ? 'YES' : 'NO'];
  // Only network findings say whether there is a way in; whether it is the internet's is left to the judge.
  const type = reachable === undefined ? (when.type ?? null) : [NETWORK_FINDING];
  return [{ numbers, names: { type, severity: severity ?? null, account, exploit } }];
}

export function inspectorPattern({ numbers, names }: Box): object {
  const score = toPattern(numbers);
  const { type, severity, account, exploit } = names;
  return {
    source: ['aws.inspector2'],
    'detail-type': ['Inspector2 Finding'],
    detail: {
      // Suppressed and closed findings are sent too.
      status: ['ACTIVE'],
      resources: { type: [INSPECTOR_INSTANCE] },
      ...(severity ? { severity } : {}),
      ...(type ? { type: type.map(nameMatcher) } : {}),
      ...(account ? { awsAccountId: account } : {}),
      ...(exploit ? { exploitAvailable: exploit } : {}),
      ...(score === undefined ? {} : { inspectorScore: score }),
    },
  };
}
