/** What an action is given. Pure. */
import type { ActionContext } from '../containment/action.ts';
import type { Target } from '../finding/finding.ts';
import type { IncidentContext, RunbookDeps } from './runbook.ts';

type Placed = Pick<IncidentContext, 'incidentId'> & { target: Target; deps: Pick<RunbookDeps, 'budgets' | 'policy'> };

export function contextOf({ target, incidentId, deps }: Placed): ActionContext {
  const { account, region, instanceId } = target;
  return {
    target: { account, region, instanceId },
    incidentId,
    readMs: deps.budgets.readMs,
    containment: deps.policy(account).containment,
  };
}
