/** What only the moment stands in the way of: AWS refuses changes while an instance starts or stops, or an association is on its way. */
import type { Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { Target } from '../finding/finding.ts';
import type { Budgets } from './budgets.ts';
import { GONE } from './plan.ts';

interface Placed {
  aws: Aws;
  target: Target;
  deps: { budgets: Budgets };
}

/**
 * Begins to be patient. @returns whether a try that ended with this error code is no failed one, and is to be made again: for
 * as long as `settleMs` says, and once more after the moment has passed.
 */
export function patience({ aws, target, deps }: Placed): (code: string) => Promise<boolean> {
  const { budgets } = deps;
  // By a clock that nobody can set: one that is put back by an hour would have a step outlast its invocation.
  const until = performance.now() + budgets.settleMs;
  let passed = false;
  return async (code) => {
    if (performance.now() >= until) return false;
    const moment = await passing(aws, target, budgets, code);
    const again = moment === 'passes' || (moment === 'has passed' && !passed);
    passed = moment === 'has passed';
    return again;
  };
}

async function passing(
  aws: Aws,
  target: Target,
  { readMs }: Budgets,
  code: string,
): Promise<'passes' | 'has passed' | 'does not'> {
  if (code !== 'IncorrectInstanceState' && code !== 'IncorrectState') return 'does not';
  const found = await attempt(readMs, 'reading the instance', () => aws.ec2.instance(target.instanceId));
  const state = found.ok ? found.value?.state : undefined;
  if (GONE.has(state ?? '')) return 'does not';
  // What it was in when AWS refused may be over by now.
  return state === 'pending' || state === 'stopping' || code === 'IncorrectState' ? 'passes' : 'has passed';
}
