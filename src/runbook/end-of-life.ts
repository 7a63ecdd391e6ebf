/** Incidents that come to their end by themselves: the instance is gone, or nothing but evidence was ever taken. */
import { attempt, type Attempt } from '../aws/deadline.ts';
import type { Closing } from '../aws/ledger-approval.ts';
import type { OpenIncident } from '../aws/ledger-open.ts';
import { sessionDenial } from '../containment/session-denial.ts';
import { contextOf } from './context.ts';
import type { RunbookDeps } from './runbook.ts';

const BY = 'secresponse';

/**
 * The instance is gone: what is left of it in its role's policy goes, since that is short of room, and the incident is closed.
 * What else was changed went with the instance, or is no use to anybody without it.
 */
export async function closeGone(open: OpenIncident, gone: string, deps: RunbookDeps): Promise<Attempt<string[]>> {
  const aws = deps.aws(open.target);
  const { budgets } = deps;
  const failures: string[] = [];
  const before = open.from[sessionDenial.name];
  if (before !== undefined) {
    const { target, incidentId } = open;
    const context = contextOf({ target, incidentId, deps });
    const lifted = await attempt(budgets.writeMs, 'lifting the denial of its sessions', async () => {
      const now = await sessionDenial.read(aws, context, before);
      if (!sessionDenial.same(now, before)) await sessionDenial.write(aws, context, now, before);
    });
    if (!lifted.ok) failures.push(`the denial of its sessions is still in the policy of its role: ${lifted.error}`);
  }
  const closed = await close(open, gone, deps, { gone: true });
  return closed.ok ? { ok: true, value: failures } : closed;
}

/** It took evidence only, and a day has gone by. */
export async function closeOver(open: OpenIncident, deps: RunbookDeps): Promise<Attempt<null>> {
  return close(open, 'evidence was taken, and nobody is asked any more', deps, { byItself: true });
}

function close(
  { incidentId, target }: OpenIncident,
  reason: string,
  deps: RunbookDeps,
  how: Pick<Closing, 'gone' | 'byItself'>,
): Promise<Attempt<null>> {
  const { budgets, now, account } = deps;
  return attempt(budgets.closeMs, 'the ledger', async () => {
    await deps.aws(target).ledger.closeIncident({ incidentId }, { account }, { by: BY, reason, at: now(), ...how });
    return null;
  });
}
