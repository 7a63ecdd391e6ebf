/** The ledger's part in a person's decisions: what is asked, what came of it, and the end of an incident by a person's word. */
import type { Target } from '../finding/finding.ts';
import type { IncidentResult } from '../runbook/incident.ts';
import { endOf } from './ledger-ended.ts';
import { ending, incidentKey, targetKey, unchanged, type Ended } from './ledger-items.ts';
import { controlLedger } from './ledger-control.ts';
import { lookUp } from './ledger-release.ts';
import { isRefused, json, type Table } from './table.ts';

/** A person's answer, which stands in the ledger until the run that carries it out writes down what came of it. */
export interface Given {
  /** Names the answer, and with it the run. */
  id: string;
  decision: 'approve' | 'deny';
  /** As claimed. */
  by: string;
  reason: string;
  /** ISO 8601, UTC. */
  at: string;
}

/** A request for approval that nobody has decided yet, or whose answer is not carried out. */
export interface Pending {
  incidentId: string;
  target: Target;
  /** What the execution waits for; null where none does, e.g. since the responder ran on somebody's machine. */
  callbackId: string | null;
  /** Names the request: a later one replaces it. Empty where it is answered. */
  token: string;
  /** The answer, of which nobody knows what came, e.g. since its run was killed; null where there is none. */
  given: Given | null;
  result: IncidentResult;
}

export interface Closing {
  /** As claimed. */
  by: string;
  reason: string;
  /** Milliseconds since 1970. */
  at: number;
  /** The instance is gone: it is a contained member of no group any more. */
  gone?: true;
  /** It has ended by itself, when its last run did: what was seen later is not over with it. */
  byItself?: true;
}

export function approvalLedger(items: Table) {
  const { update, read } = items;
  const control = controlLedger(items);
  return {
    /** Writes down that a person is asked. `token` names the request. */
    async ask(incidentId: string, token: string, callbackId: string | null): Promise<void> {
      await update(
        incidentKey(incidentId),
        `SET approval = :token${callbackId === null ? ' REMOVE given, callbackId' : ', callbackId = :callback REMOVE given'}`,
        {},
        { ':token': { S: token }, ...(callbackId === null ? {} : { ':callback': { S: callbackId } }) },
      );
    },

    /** Null where nothing is asked about the incident. */
    async pending(incidentId: string): Promise<Pending | null> {
      const item = await read(incidentKey(incidentId));
      const result = json(item?.['result']) as IncidentResult | null;
      const given = json(item?.['given']) as Given | null;
      const token = item?.['approval']?.S ?? (given ? '' : undefined);
      if (!item || !result || token === undefined) return null;
      // It has ended, and the word of that did not reach this entry.
      if (await endOf(read, incidentId)) return null;
      return { incidentId, target: result.target, callbackId: item['callbackId']?.S ?? null, token, given, result };
    },

    /**
     * Puts the answer in the place of the request; `me` may do so again, since this call's own answer can be lost. `given`:
     * null where no person has answered.
     * @returns false where it is not there any more: decided, replaced, released or closed.
     */
    async decide(incidentId: string, token: string, me: string, given: Given | null): Promise<boolean> {
      if (await endOf(read, incidentId)) return false;
      try {
        await update(
          incidentKey(incidentId),
          `SET decidedBy = :me${given ? ', given = :given' : ''} REMOVE approval, callbackId`,
          {},
          {
            ':token': { S: token },
            ':me': { S: me },
            ...(given ? { ':given': { S: JSON.stringify(given) } } : {}),
          },
          'approval = :token OR (attribute_not_exists(approval) AND decidedBy = :me)',
        );
        return true;
      } catch (error) {
        if (!isRefused(error)) throw error;
        return false;
      }
    },

    /** Whoever decides, writes down what came of it, on an incident that nobody works on. */
    async settleHeld(result: IncidentResult, now: number): Promise<void> {
      const at = new Date(now).toISOString();
      await update(
        incidentKey(result.incidentId),
        'SET #status = :status, updatedAt = :at, #result = :result REMOVE given',
        { '#status': 'status', '#result': 'result' },
        { ':status': { S: result.status }, ':at': { S: at }, ':result': { S: JSON.stringify(result) } },
      );
      try {
        await update(
          targetKey(result.target),
          'SET held = :decided, settledAt = :now',
          { '#holder': 'holder' },
          { ':decided': { S: 'decided' }, ':now': { N: String(now) }, ':id': { S: result.incidentId } },
          'incidentId = :id AND attribute_not_exists(#holder)',
        );
      } catch (error) {
        // A run has it: its own end counts more.
        if (!isRefused(error)) throw error;
      }
    },

    /** Ends an open incident without undoing anything. @returns why it cannot be, for people; null where it is ended. */
    async closeIncident(
      which: { incidentId: string } | { target: Target },
      within: { account: string },
      closing: Closing,
    ): Promise<{ why: string } | { incidentId: string; target: Target }> {
      for (;;) {
        const found = await lookUp(read, which, within);
        if ('why' in found) {
          const end = 'incidentId' in which ? await endOf(read, which.incidentId) : null;
          // A try before this one died, or could not write, between the two entries.
          return end?.how === 'closed' && !end.written && end.target.account === within.account
            ? record(end.incidentId, end.target, closing)
            : found;
        }
        const { seen, target } = found;
        const { incidentId } = seen;
        if (seen.holder !== undefined && (seen.leaseUntil ?? Infinity) > closing.at)
          return { why: `a run works on incident ${incidentId}: wait for its end` };
        const asSeen = unchanged(seen);
        const at = closing.byItself ? (seen.settledAt ?? closing.at) : closing.at;
        const { expression, names, values } = ending({ incidentId, how: 'closed', at } satisfies Ended);
        try {
          await update(targetKey(target), expression, names, { ...values, ...asSeen.values }, asSeen.condition);
        } catch (error) {
          if (!isRefused(error)) throw error;
          // It has changed since it was read, unless this was done by a try whose answer was lost.
          if (error.Item?.['endedId']?.S !== incidentId) continue;
        }
        return record(incidentId, target, closing);
      }
    },
  };

  /** The closing in the incident's own entry. */
  async function record(
    incidentId: string,
    target: Target,
    { by, reason, at, gone }: Closing,
  ): Promise<{ incidentId: string; target: Target }> {
    const when = new Date(at).toISOString();
    await update(
      incidentKey(incidentId),
      'SET #status = :status, #open = :no, updatedAt = :at, closed = :closed REMOVE approval, given, callbackId',
      { '#status': 'status', '#open': 'open' },
      {
        ':status': { S: 'closed' },
        ':no': { BOOL: false },
        ':at': { S: when },
        ':closed': { S: JSON.stringify({ by, reason, at: when }) },
      },
    );
    // What a person has closed is contained all the same, and goes on counting.
    if (gone) await control.uncount(incidentId);
    return { incidentId, target };
  }
}
