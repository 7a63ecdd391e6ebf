/** The policies as they go into a stack. */
import { readPolicies } from '../cli/policies-dir.ts';
import { UsageError } from '../cli/command.ts';
import type { Policies } from '../policy/policy.ts';
import { formatProblem } from '../policy/problems.ts';

/** @throws {UsageError} with one line, `file:line:column message`, for each problem. */
export function resolvePolicies(cwd: string, dir: string): Policies {
  const parsed = readPolicies(cwd, dir);
  if ('problems' in parsed) throw new UsageError(parsed.problems.map(formatProblem).join('\n'));
  return parsed.policies;
}
