/** Does a rule's `when` hold? Three answers: it does, it does not, or it depends on facts that nothing has read yet. */
import type { Finding, Target, TargetFacts } from '../finding/finding.ts';
import { findMatch, findTag } from './globs.ts';
import type { Range, When } from './schema.ts';

export type Verdict = { holds: true; because: string } | { holds: false } | { holds: 'undecided' };

export interface Case {
  finding: Finding;
  target: Target;
  facts: TargetFacts;
}

const NO: Verdict = { holds: false };
const UNDECIDED: Verdict = { holds: 'undecided' };

type Conditions = { [Key in keyof When]-?: (expected: NonNullable<When[Key]>, given: Case) => Verdict };

/** One entry per key of `when`; a finding that has no such fact does not meet a condition on it. */
const CONDITIONS: Conditions = {
  source: (sources, { finding }) => yesIf(sources.includes(finding.source), `source ${finding.source}`),
  severity: (severity, { finding }) => severityHolds(severity, finding),
  type: (globs, { finding }) => yesIf(findMatch(globs, [finding.type]) !== undefined, `type ${finding.type}`),
  role: (role, { finding }) => yesIf(finding.role === role, `role ${role}`),
  resourceType: (globs, { finding }) =>
    yesIf(findMatch(globs, [finding.resourceType]) !== undefined, `resource type ${finding.resourceType}`),
  account: (accounts, { target }) => yesIf(accounts.includes(target.account), `account ${target.account}`),
  region: (globs, { target }) => yesIf(findMatch(globs, [target.region]) !== undefined, `region ${target.region}`),
  tags: (globs, { facts }) => {
    if (facts.tags === undefined) return UNDECIDED;
    const found = findTag(globs, facts.tags);
    return found === undefined ? NO : { holds: true, because: `tag ${found.tag}` };
  },
  vpc: (globs, { facts }) => {
    if (facts.vpcs === undefined) return UNDECIDED;
    const found = findMatch(globs, facts.vpcs);
    return found === undefined ? NO : { holds: true, because: `VPC ${found.name}` };
  },
  exploitAvailable: (expected, { finding }) =>
    yesIf(finding.exploitAvailable === expected, expected ? 'an exploit is available' : 'no exploit is available'),
  score: (range, { finding: { score } }) => yesIf(score !== undefined && within(range, score), `score ${score}`),
  reachable: (expected, { finding }) =>
    yesIf(finding.reachable === expected, expected ? 'reachable from the internet' : 'not reachable from the internet'),
};

export type Outcome = { holds: false } | { holds: true; because: string[]; undecided: string[] };

/** All conditions together; one that is undecided is taken as true and named. */
export function whenHolds(when: When, given: Case): Outcome {
  const because: string[] = [];
  const undecided: string[] = [];
  for (const key of Object.keys(when) as (keyof When)[]) {
    const verdict = judge(key, when, given);
    if (verdict.holds === false) return { holds: false };
    if (verdict.holds === true) because.push(verdict.because);
    else undecided.push(key);
  }
  return { holds: true, because, undecided };
}

function judge(key: keyof When, when: When, given: Case): Verdict {
  // The compiler cannot see that the condition and the value under one key belong together.
  const condition = CONDITIONS[key] as (expected: unknown, given: Case) => Verdict;
  return condition(when[key], given);
}

function severityHolds(expected: NonNullable<When['severity']>, { severity }: Finding): Verdict {
  const because = severity.score === null ? `severity ${severity.label}` : `severity ${severity.score}`;
  if (Array.isArray(expected)) return yesIf(expected.includes(severity.label), because);
  if (severity.score === null) return NO;
  const holds = typeof expected === 'number' ? severity.score === expected : within(expected, severity.score);
  return yesIf(holds, because);
}

export function within({ gte, gt, lte, lt }: Range, value: number): boolean {
  return (
    (gte === undefined || value >= gte) &&
    (gt === undefined || value > gt) &&
    (lte === undefined || value <= lte) &&
    (lt === undefined || value < lt)
  );
}

function yesIf(holds: boolean, because: string): Verdict {
  return holds ? { holds, because } : NO;
}
