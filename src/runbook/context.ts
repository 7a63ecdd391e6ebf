/** What an action is given. Pure. */
import type { ActionContext } from '../containment/action.ts';
import type { IncidentContext } from './runbook.ts';

export function contextOf({ target, incidentId, deps }: IncidentContext): ActionContext {
  const { account, region, instanceId } = target;
  return {
    target: { account, region, instanceId },
    incidentId,
    readMs: deps.budgets.readMs,
    containment: deps.policy(account).containment,
  };
}
