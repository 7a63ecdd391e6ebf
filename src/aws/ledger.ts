/**
 * The incident table. Two kinds of items under one string key:
 *   target#<account>#<region>#<instance>   who works on the target now, and which incident is open there
 *   incident#<id>                          what was found and done
 * Every change of a target's item is conditional on what was read, so that no update is lost.
 */
import type { Target } from '../finding/finding.ts';
import { rank, type Response } from '../policy/decision.ts';
import { isLocalExecution } from '../runbook/execution-arn.ts';
import type { IncidentResult, Json } from '../runbook/incident.ts';
import type { ClientSettings } from './client.ts';
import { RELEASING, releaseLedger } from './ledger-release.ts';
import {
  FROM_PARTS,
  fromOf,
  incidentKey,
  LISTED,
  targetItem,
  targetKey,
  unchanged,
  type TargetItem,
} from './ledger-items.ts';
import { openLedger } from './ledger-open.ts';
import { isRefused, json, tableOf } from './table.ts';

/** What an earlier run of the same incident left. */
export interface Prior {
  /** State before the first write, by action. */
  from: Record<string, Json>;
  result: IncidentResult | null;
  /** A release has begun to undo what the result tells, and is not through. */
  undone: boolean;
}

export type Claim =
  /** Ours: `run` counts the runs of this incident, 1 the first. */
  | { kind: 'claimed'; incidentId: string; run: number; prior: Prior | null }
  /** An open incident, or a run under way, does at least what is asked. */
  | { kind: 'joined'; incidentId: string; response: Response; running: boolean }
  /** Another run works on it and does less, or may have died: look again later. */
  | { kind: 'held'; incidentId: string; holder: string };

export interface ClaimRequest {
  target: Target;
  /** Execution that asks; the same one gets its own claim again. */
  holder: string;
  /** Milliseconds for which the claim holds without renewal; null: until its holder ends it. */
  leaseMs: number | null;
  /** Id to give to an incident that is opened now. */
  incidentId: string;
  asked: Response;
  /** Do not join: take the incident over once nobody works on it. */
  insist: boolean;
  /** Take this incident and no other, and open none: past its end, or once a release has begun, there is nothing to claim. */
  only?: string;
  findingId: string;
  /** Milliseconds since 1970. */
  now: number;
}

export type Ledger = ReturnType<typeof ledgerGateway>;

export function ledgerGateway(table: string, settings: ClientSettings) {
  const items = tableOf(table, settings);
  const { update, read, removeWhere } = items;

  async function prior({ incidentId, releasing }: TargetItem): Promise<Prior> {
    const item = await read(incidentKey(incidentId));
    return {
      undone: releasing,
      from: fromOf(item),
      result: json(item?.['result']) as IncidentResult | null,
    };
  }

  async function take(request: ClaimRequest, before: TargetItem | null): Promise<TargetItem> {
    const { target, holder, leaseMs, asked, now } = request;
    const resumed = before?.holder === holder;
    const asSeen = before ? unchanged(before) : null;
    const item: TargetItem = {
      incidentId: before?.incidentId ?? request.incidentId,
      holder,
      ...(leaseMs === null ? {} : { leaseUntil: now + leaseMs }),
      // A run that was taken over may have been asked for more than this one is.
      asked: before && rank(before.asked) > rank(asked) ? before.asked : asked,
      settled: false,
      run: (before?.run ?? 0) + (resumed ? 0 : 1),
      releasing: before?.releasing ?? false,
    };
    await update(
      targetKey(target),
      `SET incidentId = :id, #holder = :holder, asked = :asked, settled = :no, #run = :run, listed = :listed` +
        (item.leaseUntil === undefined ? ' REMOVE leaseUntil' : ', leaseUntil = :lease'),
      { '#holder': 'holder', '#run': 'run' },
      {
        ':id': { S: item.incidentId },
        ':holder': { S: holder },
        ':asked': { S: item.asked },
        ':no': { BOOL: false },
        ':run': { N: String(item.run) },
        ':listed': { S: LISTED.value },
        ...(item.leaseUntil === undefined ? {} : { ':lease': { N: String(item.leaseUntil) } }),
        ...asSeen?.values,
      },
      asSeen?.condition ?? 'attribute_not_exists(incidentId)',
    );
    return item;
  }

  return {
    table,

    /** One call where nothing is open on the target; more where there is something to join, resume or take over. */
    async claim(request: ClaimRequest): Promise<Claim> {
      let seen: TargetItem | null = null;
      if (request.only !== undefined) {
        const item = await read(targetKey(request.target));
        seen = item ? targetItem(item) : null;
      }
      for (;;) {
        if (request.only !== undefined && (seen?.incidentId !== request.only || seen.releasing))
          return { kind: 'joined', incidentId: request.only, response: request.asked, running: false };
        if (seen) {
          const verdict = judge(seen, request);
          if (verdict === 'join') {
            await this.addFinding(seen.incidentId, request.findingId);
            return {
              kind: 'joined',
              incidentId: seen.incidentId,
              response: seen.asked,
              running: seen.holder !== undefined,
            };
          }
          if (verdict === 'wait') return { kind: 'held', incidentId: seen.incidentId, holder: seen.holder ?? '' };
        }
        try {
          const item = await take(request, seen);
          return {
            kind: 'claimed',
            incidentId: item.incidentId,
            run: item.run,
            prior: seen ? await prior(item) : null,
          };
        } catch (error) {
          if (!isRefused(error)) throw error;
          // Somebody else's item, or a newer one than was read: judge that one.
          seen = error.Item ? targetItem(error.Item) : null;
        }
      }
    },

    /** Keeps a lease alive; a claim that is no longer ours stays as it is. @returns whether it is ours. */
    async renew(target: Target, holder: string, leaseUntil: number): Promise<boolean> {
      try {
        await update(
          targetKey(target),
          'SET leaseUntil = :lease',
          { '#holder': 'holder' },
          { ':lease': { N: String(leaseUntil) }, ':me': { S: holder } },
          '#holder = :me',
        );
        return true;
      } catch (error) {
        if (!isRefused(error)) throw error;
        return false;
      }
    },

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

    async addFinding(incidentId: string, findingId: string): Promise<void> {
      await update(incidentKey(incidentId), 'ADD findings :one', {}, { ':one': { SS: [findingId] } });
    },

    /** The end of a run: what came of it, and whether the incident stays open on the target. */
    async close(
      target: Target,
      holder: string,
      result: IncidentResult,
      end: {
        open: boolean;
        settled: boolean;
        asked: Response;
        at: string;
        /** The result tells of changes that a release has begun to undo: the incident stays in that state. */
        undone?: boolean;
      },
    ): Promise<void> {
      await update(
        incidentKey(result.incidentId),
        'SET #status = :status, #response = :response, account = :account, #region = :region, instanceId = :instance, ' +
          'startedAt = :started, updatedAt = :at, #result = :result, #open = :open ADD findings :one',
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
          ':one': { SS: [result.finding.id] },
        },
      );
      try {
        if (end.open) {
          await update(
            targetKey(target),
            `SET settled = :settled, asked = :asked REMOVE #holder, leaseUntil${end.undone ? '' : ', releasing'}`,
            { '#holder': 'holder' },
            { ':settled': { BOOL: end.settled }, ':asked': { S: end.asked }, ':me': { S: holder } },
            '#holder = :me',
          );
        } else {
          await removeWhere(targetKey(target), 'holder', holder);
        }
      } catch (error) {
        // Taken over meanwhile, or closed by an earlier try of this very step.
        if (!isRefused(error)) throw error;
        // Or never claimed, since the ledger did not answer then: what was changed must be found by a release.
        if (error.Item === undefined && end.open) await this.open(target, result.incidentId, end);
      }
    },

    /** Enters an incident that could not be claimed; one that somebody else has opened meanwhile stays. */
    async open(target: Target, incidentId: string, end: { settled: boolean; asked: Response }): Promise<void> {
      try {
        await update(
          targetKey(target),
          'SET incidentId = :id, settled = :settled, asked = :asked, #run = :one, listed = :listed',
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

    /** What a run turned out to do, where it is less than it was claimed for: who asks for more must not join it. */
    async lower(target: Target, holder: string, asked: Response): Promise<void> {
      try {
        await update(
          targetKey(target),
          'SET asked = :asked',
          { '#holder': 'holder' },
          { ':asked': { S: asked }, ':me': { S: holder } },
          '#holder = :me',
        );
      } catch (error) {
        if (!isRefused(error)) throw error;
      }
    },

    ...releaseLedger(items),

    ...openLedger(items),

    /** False only where AWS says that the table does not exist. */
    exists: items.exists,
  };
}

/** What to do about an item that is there. */
function judge(seen: TargetItem, request: ClaimRequest): 'take' | 'join' | 'wait' {
  const enough = rank(seen.asked) >= rank(request.asked);
  if (seen.holder === undefined) return enough && seen.settled && !request.insist ? 'join' : 'take';
  if (seen.holder === request.holder) return 'take';
  // A run that died holds nothing for ever: past its lease it is taken over.
  if (seen.leaseUntil !== undefined && seen.leaseUntil <= request.now) return 'take';
  // A Lambda that dies is started again, a local run is not: its end, or its lease's, decides what is left to do. Who
  // insists wants to see the end, since the run may yet turn out to do less than it was asked for.
  return enough && !request.insist && !isLocalExecution(seen.holder) ? 'join' : 'wait';
}
