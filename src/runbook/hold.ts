/** Whether the incident is still this run's: what slept past its lease may have been taken over, or released by a person. */
import { attempt } from '../aws/deadline.ts';
import type { IncidentContext, RunbookDeps } from './runbook.ts';

/** In memory only: what a replay does not know is asked again. */
export interface Hold {
  /** Milliseconds since 1970: until then nobody is asked. */
  askedNoSoonerThan: number;
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

/** `at`: milliseconds since 1970, when the lease began; absent where a replay does not know. Half of it is trusted. */
export function holding(deps: RunbookDeps, at?: number): Hold {
  return { askedNoSoonerThan: at === undefined ? 0 : at + leaseOf(deps) / 2, lost: false };
}

/**
 * Renews the claim where a good part of its lease is over, or always (`ask`). Only a definite no counts: a ledger that fails or
 * hangs keeps nobody from isolating, and is not asked again at once.
 */
export async function stillOurs(incident: IncidentContext, ask = false): Promise<boolean> {
  const { hold, deps } = incident;
  // What was never claimed cannot be lost.
  if (!hold) return true;
  if (hold.lost) return false;
  if (!ask && deps.now() < hold.askedNoSoonerThan) return true;
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
  hold.askedNoSoonerThan = answer.ok ? holding(deps, at).askedNoSoonerThan : deps.now() + 2 * deps.budgets.claimMs;
  return !hold.lost;
}
