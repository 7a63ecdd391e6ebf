/** Incidents that come to their end by themselves: the instance is gone, or nothing but evidence was ever taken. */
import { attempt, type Attempt } from '../aws/deadline.ts';
import type { Closing } from '../aws/ledger-approval.ts';
import type { OpenIncident } from '../aws/ledger-open.ts';
import { sessionDenial } from '../containment/session-denial.ts';
import { contextOf } from './context.ts';
import type { RunbookDeps } from './runbook.ts';

const BY = 'secresponse';

export interface Ended {
  /** ISO 8601, UTC; null where it was not closed after all. */
  at: string | null;
  /** What could not be done beside, a line each. */
  failures: string[];
}

/**
 * The instance is gone: what is left of it in its role's policy goes, since that is short of room, and the incident is closed.
 * What else was changed went with the instance, or is no use to anybody without it.
 */
export async function closeGone(
  open: Pick<OpenIncident, 'incidentId' | 'target' | 'from'>,
  gone: string,
  deps: RunbookDeps,
): Promise<Attempt<Ended>> {
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
  return closed.ok ? { ok: true, value: { ...closed.value, failures } } : closed;
}

/** It took evidence only, and a day has gone by. */
export async function closeOver(open: OpenIncident, deps: RunbookDeps): Promise<Attempt<Ended>> {
  return close(open, 'evidence was taken, and nobody is asked any more', deps, { byItself: true });
}

/**
 * The incident is not open any more: what closed it may have been a try of this very step that died before it could say so.
 * Other systems may hear of an end twice, and have to hear of it once.
 */
async function alreadyClosed(
  { incidentId, target }: Pick<OpenIncident, 'incidentId' | 'target'>,
  deps: RunbookDeps,
): Promise<Attempt<Ended>> {
  return attempt(deps.budgets.closeMs, 'the ledger', async () => {
    const state = await deps.aws(target).requests.state(incidentId);
    return { at: state?.status === 'closed' ? state.updatedAt : null, failures: [] };
  });
}

async function close(
  { incidentId, target }: Pick<OpenIncident, 'incidentId' | 'target'>,
  reason: string,
  deps: RunbookDeps,
  how: Pick<Closing, 'gone' | 'byItself'>,
): Promise<Attempt<Ended>> {
  const { budgets, now, account } = deps;
  const once = () =>
    attempt(budgets.closeMs, 'the ledger', async () => {
      const at = now();
      const closing = { by: BY, reason, at, ...how };
      const answer = await deps.aws(target).ledger.closeIncident({ incidentId }, { account }, closing);
      return 'why' in answer ? null : new Date(at).toISOString();
    });
  const first = await once();
  // Where only the answer was lost, nobody would come back to it: it is listed as open no more.
  const closed = first.ok ? first : await once();
  if (!closed.ok) return closed;
  const { value: at } = closed;
  return at === null ? alreadyClosed({ incidentId, target }, deps) : { ok: true, value: { at, failures: [] } };
}
