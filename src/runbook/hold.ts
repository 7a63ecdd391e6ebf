/** Whether the incident is still this run's: what slept past its lease may have been taken over, or released by a person. */
import { attempt } from '../aws/deadline.ts';
import type { IncidentContext, RunbookDeps } from './runbook.ts';

/** In memory only: what a replay does not know is asked again. */
export interface Hold {
  /** Milliseconds since 1970: from then until then nobody is asked. A clock that was put back is before it. */
  since: number;
  until: number;
  lost: boolean;
  /** Why the last question was not answered. */
  unasked?: string | undefined;
  /** A question under way is shared. */
  asking?: Promise<boolean> | undefined;
}

export const LOST = 'another run has taken the incident over, or it has come to its end';

export function leaseOf({ local, budgets }: Pick<RunbookDeps, 'local' | 'budgets'>): number {
  return local ? budgets.leaseMs : budgets.lambdaLeaseMs;
}

/**
 * Part of a lease for which it is trusted without a question. The rest is for the longest step, which may begin at the last
 * moment of that, and for an invocation that is ended in the middle of it and begins anew.
 */
export const TRUSTED = 0.25;

/** `at`: milliseconds since 1970, when the lease began; absent where a replay does not know. */
export function holding(deps: Pick<RunbookDeps, 'local' | 'budgets'>, at?: number): Hold {
  const since = at ?? 0;
  return { since, until: at === undefined ? 0 : at + TRUSTED * leaseOf(deps), lost: false };
}

/**
 * Renews the claim where its lease is not trusted any more, or always (`ask`). Only a definite no counts: a ledger that fails or
 * hangs keeps nobody from isolating, and is not asked again at once.
 */
export async function stillOurs(incident: IncidentContext, ask = false): Promise<boolean> {
  const { hold, deps } = incident;
  // What was never claimed cannot be lost.
  if (!hold) return true;
  if (hold.lost) return false;
  const now = deps.now();
  if (!ask && hold.since <= now && now < hold.until) return true;
  hold.asking ??= renewed(incident, hold).finally(() => (hold.asking = undefined));
  return hold.asking;
}

/** The same at the end of a run, with why nobody knows: a ledger that did not answer has to be told of. */
export async function lastWord(incident: IncidentContext): Promise<{ ours: boolean; unasked?: string }> {
  const ours = await stillOurs(incident);
  const unasked = incident.hold?.unasked;
  return { ours, ...(unasked === undefined ? {} : { unasked }) };
}

async function renewed({ aws, deps, target }: IncidentContext, hold: Hold): Promise<boolean> {
  const at = deps.now();
  const answer = await attempt(deps.budgets.claimMs, 'the claim', () =>
    aws.ledger.renew(target, deps.executionArn, at + leaseOf(deps)),
  );
  hold.lost = answer.ok && !answer.value;
  hold.unasked = answer.ok ? undefined : answer.error;
  const now = deps.now();
  const next = answer.ok ? holding(deps, at) : { since: now, until: now + 2 * deps.budgets.claimMs };
  hold.since = next.since;
  hold.until = next.until;
  return !hold.lost;
}
