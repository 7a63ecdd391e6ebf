/**
 * The incident table. Two kinds of items under one string key:
 *   target#<account>#<region>#<instance>   who works on the target now, and which incident is open there
 *   incident#<id>                          what was found and done
 * Every change of a target's item is conditional on what was read, so that no update is lost.
 */
import type { Target } from '../finding/finding.ts';
import type { HeldBy, Response } from '../policy/decision.ts';
import type { IncidentResult, Json } from '../runbook/incident.ts';
import { errorName, type ClientSettings } from './client.ts';
import { RELEASING, releaseLedger } from './ledger-release.ts';
import { endedItem, FROM_PARTS, incidentKey, LISTED, targetItem, targetKey } from './ledger-items.ts';
import { claimLedger, markOf } from './ledger-claim.ts';
import { approvalLedger } from './ledger-approval.ts';
import { controlLedger } from './ledger-control.ts';
import { openLedger } from './ledger-open.ts';
import { parkedLedger } from './ledger-parked.ts';
import { isRefused, tableOf, type Item } from './table.ts';

export type Ledger = ReturnType<typeof ledgerGateway>;

export function ledgerGateway(table: string, settings: ClientSettings) {
  const items = tableOf(table, settings);
  const { update } = items;
  const claims = claimLedger(items);

  /** @returns what is there where the claim is not the holder's. */
  async function claimed(target: Target, holder: string): Promise<'ours' | Item> {
    try {
      await update(
        targetKey(target),
        'SET #holder = :me',
        { '#holder': 'holder' },
        { ':me': { S: holder } },
        '#holder = :me',
      );
      return 'ours';
    } catch (error) {
      if (!isRefused(error)) throw error;
      return error.Item ?? {};
    }
  }

  return {
    table,

    /**
     * Stores the state before the first write. What is stored already stays, action by action and interface by interface;
     * the merge is the caller's. @returns what is stored now.
     */
    async recordFrom(
      incidentId: string,
      part: keyof typeof FROM_PARTS,
      from: Record<string, Json>,
      merge: (stored: Record<string, Json>, read: Record<string, Json>) => Record<string, Json>,
    ): Promise<Record<string, Json>> {
      let seen: string | undefined;
      for (;;) {
        const next = seen === undefined ? from : merge(JSON.parse(seen) as Record<string, Json>, from);
        try {
          await update(
            incidentKey(incidentId),
            'SET #from = :next',
            { '#from': FROM_PARTS[part] },
            { ':next': { S: JSON.stringify(next) }, ...(seen === undefined ? {} : { ':seen': { S: seen } }) },
            seen === undefined ? 'attribute_not_exists(#from)' : '#from = :seen',
          );
          return next;
        } catch (error) {
          if (!isRefused(error)) throw error;
          seen = error.Item?.[FROM_PARTS[part]]?.S;
        }
      }
    },

    /** Takes back what was stored of a state that was not changed after all. */
    async forgetFrom(incidentId: string): Promise<void> {
      const names = Object.values(FROM_PARTS).map((name, index) => [`#from${index}`, name] as const);
      await update(
        incidentKey(incidentId),
        `REMOVE ${names.map(([name]) => name).join(', ')}`,
        Object.fromEntries(names),
        {},
      );
    },

    /**
     * The end of a run: what came of it, and whether the incident stays open on the target. @returns 'lost', and nothing is
     * written, where another run has the incident by now, or where it came to its end after all that this run did.
     */
    async close(
      target: Target,
      holder: string,
      result: IncidentResult,
      end: {
        open: boolean;
        /** Which run of the incident this is. */
        run: number;
        settled: boolean;
        asked: Response;
        at: string;
        /** The result tells of changes that a release has begun to undo: the incident stays in that state. */
        undone?: boolean;
        /** A person is asked. */
        held?: HeldBy | 'decided';
        critical?: boolean;
      },
    ): Promise<'written' | 'lost'> {
      const found = await claimed(target, holder);
      if (found !== 'ours' && !mayWrite(found, result, end.run)) return 'lost';
      const entry = (adding: boolean): Promise<unknown> =>
        update(
          incidentKey(result.incidentId),
          'SET #status = :status, #response = :response, account = :account, #region = :region, instanceId = :instance, ' +
            'startedAt = :started, updatedAt = :at, #result = :result, #open = :open' +
            (end.held === undefined || end.held === 'decided' ? ' REMOVE approval, given, callbackId' : '') +
            (adding ? ' ADD findings :one, told :marks' : ''),
          { '#status': 'status', '#response': 'response', '#region': 'region', '#result': 'result', '#open': 'open' },
          {
            ':status': { S: end.undone ? RELEASING : result.status },
            ':response': { S: result.decision.response },
            ':account': { S: target.account },
            ':region': { S: target.region },
            ':instance': { S: target.instanceId },
            ':started': { S: result.startedAt },
            ':at': { S: end.at },
            ':result': { S: JSON.stringify(result) },
            ':open': { BOOL: end.open },
            ...(adding
              ? {
                  ':one': { SS: [result.finding.id] },
                  ':marks': { SS: [markOf({ id: result.finding.id, severity: result.finding.severity.label })] },
                }
              : {}),
          },
        );
      await entry(true).catch((error: unknown) => {
        // The item is full: what came of the run counts more than one finding's name.
        if (errorName(error) !== 'ValidationException') throw error;
        return entry(false);
      });
      try {
        if (end.open) {
          await update(
            targetKey(target),
            'SET settled = :settled, asked = :asked, settledAt = :now, critical = :critical' +
              `${end.held === undefined ? '' : ', held = :held'} REMOVE #holder, leaseUntil${end.undone ? '' : ', releasing'}`,
            { '#holder': 'holder' },
            {
              ':settled': { BOOL: end.settled },
              ':asked': { S: end.asked },
              ':now': { N: String(Date.parse(end.at)) },
              ':critical': { BOOL: end.critical ?? false },
              ...(end.held === undefined ? {} : { ':held': { S: end.held } }),
              ':me': { S: holder },
            },
            '#holder = :me',
          );
        } else {
          await claims.forgetClaim(target, holder);
        }
      } catch (error) {
        // Taken over meanwhile, or closed by an earlier try of this very step.
        if (!isRefused(error)) throw error;
        // Or never claimed, since the ledger did not answer then: what was changed must be found by a release.
        const there = error.Item;
        if (there?.['incidentId'] === undefined && end.open) await this.open(target, result.incidentId, end);
      }
      return 'written';
    },

    /** Enters an incident that could not be claimed; one that somebody else has opened meanwhile stays. */
    async open(target: Target, incidentId: string, end: { settled: boolean; asked: Response }): Promise<void> {
      try {
        await update(
          targetKey(target),
          'SET incidentId = :id, settled = :settled, asked = :asked, #run = :one, listed = :listed ' +
            'REMOVE endedId, endedHow, endedAt, expiresAt',
          { '#run': 'run' },
          {
            ':id': { S: incidentId },
            ':settled': { BOOL: end.settled },
            ':asked': { S: end.asked },
            ':one': { N: '1' },
            ':listed': { S: LISTED.value },
          },
          'attribute_not_exists(incidentId)',
        );
      } catch (error) {
        if (!isRefused(error)) throw error;
      }
    },

    ...claims,

    ...releaseLedger(items),

    ...openLedger(items),

    ...controlLedger(items),

    ...approvalLedger(items),

    ...parkedLedger(items),

    /** False only where AWS says that the table does not exist. */
    exists: items.exists,
  };
}

/** Whether the end of a run may be written where the claim is not, or not any more, its own. */
function mayWrite(found: Item, { incidentId, changes, isolation }: IncidentResult, run: number): boolean {
  const there = targetItem(found);
  // An earlier try of this very step has ended the claim.
  if (there.incidentId === incidentId) return there.holder === undefined && there.run === run;
  const ended = endedItem(found);
  // Never claimed, since the ledger did not answer then.
  if (ended?.incidentId !== incidentId) return true;
  // What was changed after the end must be found by a release.
  const last = [...changes.map(({ at }) => at), isolation?.verifiedAt].map((at) => Date.parse(at ?? ''));
  return last.some((at) => at > ended.at);
}
