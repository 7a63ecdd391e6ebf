/** The project's own policy, and short ones for tests. */
import { readFileSync } from 'node:fs';
import type { Finding } from '../../src/finding/finding.ts';
import { parseFinding } from '../../src/finding/parse.ts';
import type { ParsedPolicies, PolicyText } from '../../src/policy/parse.ts';
import { parsePolicies } from '../../src/policy/parse.ts';
import type { Policies, Policy } from '../../src/policy/policy.ts';
import { formatProblem } from '../../src/policy/problems.ts';
import type { GuardDutyDetail } from '../events/events.ts';
import { guardDutyEvent } from '../events/events.ts';

const DEFAULT_FILE = new URL('../../policies/default.yml', import.meta.url);

export const defaultText = readFileSync(DEFAULT_FILE, 'utf8');

export function defaultPolicies(): Policies {
  return parsed([{ file: 'default.yml', text: defaultText }]).policies;
}

/** A policy for all accounts out of the text of its rules and whatever else follows. */
export function policyOf(text: string): Policy {
  return parsed([{ file: 'default.yml', text: `version: 1\nmode: enforce\n${text}` }]).policies.default;
}

export function parsed(texts: PolicyText[]): ParsedPolicies {
  const result = parsePolicies(texts);
  if ('problems' in result) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result;
}

export function problemsOf(...texts: PolicyText[]): string[] {
  const result = parsePolicies(texts);
  return 'problems' in result ? result.problems.map(formatProblem) : [];
}

/** The finding of test/events/guardduty/instance.json with some of its detail replaced. */
export function findingWith(detail: Partial<GuardDutyDetail>): Finding {
  const event = guardDutyEvent('instance');
  Object.assign(event.detail, detail);
  return parseFinding(event, {});
}
