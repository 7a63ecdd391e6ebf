/**
 * Compiles policies to EventBridge patterns that admit every event that some policy would act on. A pattern is a filter
 * and the function the judge: what only the judge can know (tags, VPC) is taken as true, and protections are left to it.
 */
import type { Box, Names } from './boxes.ts';
import { boxesWithin, simplify } from './boxes.ts';
import { guardDutyBoxes, guardDutyPattern } from './guardduty-pattern.ts';
import { inspectorBoxes, inspectorPattern } from './inspector-pattern.ts';
import type { Policies } from './policy.ts';
import type { Rule, When } from './schema.ts';

export interface EventRule {
  name: string;
  pattern: object;
}

/** EventBridge's limit. */
const PATTERN_CHARACTERS = 2048;

/** A detector whose events can be acted upon. */
interface Detector {
  source: 'guardduty' | 'inspector';
  /** What one rule may act on, within these accounts. */
  boxes: (when: When, account: Names) => Box[];
  pattern: (box: Box) => object;
}

const DETECTORS: readonly Detector[] = [
  { source: 'guardduty', boxes: guardDutyBoxes, pattern: guardDutyPattern },
  { source: 'inspector', boxes: inspectorBoxes, pattern: inspectorPattern },
];

export function eventRules(policies: Policies): EventRule[] {
  return DETECTORS.flatMap((detector) => {
    const everywhere = policies.default.rules.flatMap((rule) => ruleBoxes(detector, rule, null));
    const perAccount = Object.entries(policies.accounts).flatMap(([account, policy]) =>
      policy.rules.flatMap((rule) => ruleBoxes(detector, rule, [account])),
    );
    return simplify([...everywhere, ...perAccount])
      .flatMap((box) => boxesWithin(box, (part) => textLength(detector.pattern(part)) <= PATTERN_CHARACTERS))
      .map((box, index) => ({
        name: index === 0 ? detector.source : `${detector.source}-${index + 1}`,
        pattern: detector.pattern(box),
      }));
  });
}

/** None where the rule does nothing or cannot match a finding of this detector. */
function ruleBoxes({ source, boxes }: Detector, { when, respond }: Rule, own: Names): Box[] {
  if (respond === 'ignore') return [];
  if (when.source !== undefined && !when.source.includes(source)) return [];
  if (own !== null && when.account !== undefined && !own.every((id) => when.account?.includes(id))) return [];
  return boxes(when, own ?? when.account ?? null);
}

function textLength(pattern: object): number {
  return JSON.stringify(pattern).length;
}
