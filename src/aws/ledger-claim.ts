/** The ledger's part in a claim: who works on a target, who joins whom, and what goes back where nothing came of it. */
import type { Target } from '../finding/finding.ts';
import { rank, type Response } from '../policy/decision.ts';
import { isLocalExecution } from '../runbook/execution-arn.ts';
import type { IncidentResult, Json } from '../runbook/incident.ts';
import {
  endedItem,
  forgetting,
  fromOf,
  incidentKey,
  isOver,
  LISTED,
  releasedItem,
  targetItem,
  targetKey,
  unchanged,
  type Ended,
  type Released,
  type TargetItem,
} from './ledger-items.ts';
import { isRefused, json, type Item, type Table } from './table.ts';

const GONE_BY = ['incidentId', 'status', 'decision', 'evidence', 'snapshots', 'isolation', 'manifest'] as const;

/** What an earlier run of the same incident left. */
export interface Prior {
  /** State before the first write, by action. */
  from: Record<string, Json>;
  /** What a later run goes by; the whole, with the finding and every tag, would be too much for a step of its own. */
  result: Pick<IncidentResult, (typeof GONE_BY)[number]> | null;
  /** A release has begun to undo what the result tells, and is not through. */
  undone: boolean;
}

export type Claim =
  /** Ours: `run` counts the runs of this incident, 1 the first. */
  | {
      kind: 'claimed';
      incidentId: string;
      run: number;
      prior: Prior | null;
      /** The last release of the target, whatever came after it. */
      released: Released | null;
      before: TargetItem | null;
      /** The incident before, which has come to its end by itself and is closed by this claim. */
      over?: string;
    }
  /**
   * An open incident, or a run under way, does at least what is asked, or is held back until a person decides. `news`: the
   * finding was not known to it, or not with this severity.
   */
  | { kind: 'joined'; incidentId: string; response: Response; running: boolean; held: boolean; news: boolean }
  /** What the finding tells was seen for the last time before the last incident came to its end. */
  | { kind: 'stale'; ended: Ended }
  /** Another run works on it and does less, or may have died: look again later. */
  | { kind: 'held'; incidentId: string; holder: string };

/** A finding as an incident remembers it: the same one with another severity is news. */
export interface Seen {
  id: string;
  severity: string;
}

export interface ClaimRequest {
  target: Target;
  /** Execution that asks; the same one gets its own claim again. */
  holder: string;
  /** Milliseconds for which the claim holds without renewal; null: until its holder ends it. */
  leaseMs: number | null;
  /** Id to give to an incident that is opened now. */
  incidentId: string;
  asked: Response;
  /** What is certain of that whatever is found out later; a run under way is joined for no more. Default: all of it. */
  certain?: Response;
  /** Do not join: take the incident over once nobody works on it. */
  insist: boolean;
  /** Take this incident and no other, and open none: past its end, or once a release has begun, there is nothing to claim. */
  only?: string;
  finding: Seen;
  /** Severity 9 and above, or an attack sequence. */
  critical: boolean;
  /** A person asks: that lifts what only a person may lift. */
  person?: boolean;
  /** Milliseconds since 1970: when the detector saw last what the finding tells; absent for a person's request. */
  lastSeen?: number;
  /** Milliseconds since 1970. */
  now: number;
}

/** So many findings of an incident are named, the rest is counted: its item must have room for what came of it. */
const NAMED = 500;

export function claimLedger({ update, read, removeWhere }: Table) {
  async function prior({ incidentId, releasing }: TargetItem): Promise<Prior> {
    const item = await read(incidentKey(incidentId));
    const result = json(item?.['result']) as IncidentResult | null;
    return { undone: releasing, from: fromOf(item), result: result && pick(result, GONE_BY) };
  }

  /** `ended`: what is left of the incident before; it stays on the item until the next end. */
  async function take(
    request: ClaimRequest,
    seen: TargetItem | null,
    ended: Ended | null,
  ): Promise<{ item: TargetItem; released: Released | null }> {
    const { target, holder, leaseMs, now } = request;
    const asked = request.certain ?? request.asked;
    const over = seen !== null && isOver(seen, now);
    const before = over ? null : seen;
    const resumed = before?.holder === holder;
    const asSeen = seen ? unchanged(seen) : notEnded(ended);
    const item: TargetItem = {
      incidentId: before?.incidentId ?? request.incidentId,
      holder,
      ...(leaseMs === null ? {} : { leaseUntil: now + leaseMs }),
      // A run that was taken over may have been asked for more than this one is.
      asked: before && rank(before.asked) > rank(asked) ? before.asked : asked,
      settled: false,
      run: (before?.run ?? 0) + (resumed ? 0 : 1),
      releasing: before?.releasing ?? false,
      critical: request.critical || (before?.critical ?? false),
    };
    const written = await update(
      targetKey(target),
      `SET incidentId = :id, #holder = :holder, asked = :asked, settled = :no, #run = :run, listed = :listed, critical = :critical` +
        (item.leaseUntil === undefined ? '' : ', leaseUntil = :lease') +
        ` REMOVE held, settledAt, expiresAt${item.leaseUntil === undefined ? ', leaseUntil' : ''}`,
      { '#holder': 'holder', '#run': 'run' },
      {
        ':id': { S: item.incidentId },
        ':holder': { S: holder },
        ':asked': { S: item.asked },
        ':no': { BOOL: false },
        ':run': { N: String(item.run) },
        ':listed': { S: LISTED.value },
        ':critical': { BOOL: item.critical },
        ...(item.leaseUntil === undefined ? {} : { ':lease': { N: String(item.leaseUntil) } }),
        ...asSeen.values,
      },
      asSeen.condition,
    );
    if (over) await markClosed(seen.incidentId, now).catch(() => {});
    return { item, released: releasedItem(written) };
  }

  /** An incident that took evidence only has come to its end by itself: no error of this stands in the way of the next. */
  async function markClosed(incidentId: string, now: number): Promise<void> {
    await update(
      incidentKey(incidentId),
      'SET #open = :no, updatedAt = :at',
      { '#open': 'open' },
      { ':no': { BOOL: false }, ':at': { S: new Date(now).toISOString() } },
    );
  }

  /** Nothing is open on the target; what came to its end there before is remembered. */
  async function forgetClaim(target: Target, holder: string): Promise<void> {
    const { expression, names } = forgetting;
    try {
      await update(
        targetKey(target),
        expression,
        names,
        { ':me': { S: holder } },
        '#holder = :me AND (attribute_exists(endedAt) OR attribute_exists(releasedAt))',
      );
    } catch (error) {
      if (!isRefused(error)) throw error;
      if (endedItem(error.Item) || releasedItem(error.Item)) throw error;
      await removeWhere(targetKey(target), 'holder', holder);
    }
  }

  return {
    /** One call where nothing is open on the target; more where there is something to join, resume or take over. */
    async claim(request: ClaimRequest): Promise<Claim> {
      let seen: TargetItem | null = null;
      let ended: Ended | null = null;
      if (request.only !== undefined) seen = openItem((await read(targetKey(request.target))) ?? undefined);
      for (;;) {
        if (request.only !== undefined && (seen?.incidentId !== request.only || seen.releasing))
          return notThere(request);
        if (ended && !seen && request.lastSeen !== undefined && request.lastSeen <= ended.at)
          return { kind: 'stale', ended };
        if (seen) {
          const verdict = judge(seen, request);
          if (verdict === 'join') {
            return {
              kind: 'joined',
              incidentId: seen.incidentId,
              response: seen.asked,
              running: seen.holder !== undefined,
              held: seen.held !== undefined,
              news: await this.addFinding(seen.incidentId, request.finding),
            };
          }
          if (verdict === 'wait') return { kind: 'held', incidentId: seen.incidentId, holder: seen.holder ?? '' };
        }
        try {
          const { item, released } = await take(request, seen, ended);
          return {
            kind: 'claimed',
            incidentId: item.incidentId,
            run: item.run,
            prior: seen?.incidentId === item.incidentId ? await prior(item) : null,
            released,
            before: seen?.incidentId === item.incidentId && seen.holder !== request.holder ? seen : null,
            ...(seen && seen.incidentId !== item.incidentId ? { over: seen.incidentId } : {}),
          };
        } catch (error) {
          if (!isRefused(error)) throw error;
          // Somebody else's item, or a newer one than was read: judge that one.
          seen = openItem(error.Item);
          ended = seen ? null : endedItem(error.Item);
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

    /** @returns whether it is news to the incident; also where that cannot be written down. */
    async addFinding(incidentId: string, finding: Seen): Promise<boolean> {
      const mark = markOf(finding);
      try {
        await update(
          incidentKey(incidentId),
          'ADD findings :one, told :marks',
          {},
          {
            ':one': { SS: [finding.id] },
            ':marks': { SS: [mark] },
            ':mark': { S: mark },
            ':most': { N: String(NAMED) },
          },
          'attribute_not_exists(told) OR (NOT contains(told, :mark) AND size(told) < :most)',
        );
        return true;
      } catch (error) {
        if (isRefused(error) && error.Item?.['told']?.SS?.includes(mark) === false) {
          // Whether it has come before is not known any more; better told twice than never.
          await update(incidentKey(incidentId), 'ADD more :one', {}, { ':one': { N: '1' } }).catch(() => {});
          return true;
        }
        // What cannot be recorded, such as one finding too many for the item, must not keep the claim from being judged.
        return !isRefused(error);
      }
    },

    /** What came of the incident's last run; null where none has come to its end. */
    async resultOf(incidentId: string): Promise<IncidentResult | null> {
      return json((await read(incidentKey(incidentId)))?.['result']) as IncidentResult | null;
    },

    /** Ids of every finding that is part of the incident. */
    async findingsOf(incidentId: string): Promise<string[]> {
      return (await read(incidentKey(incidentId)))?.['findings']?.SS ?? [];
    },

    /** Where an incident is open on the target, the finding becomes part of it; null: none is. */
    async joinOpen(target: Target, finding: Seen): Promise<{ incidentId: string; news: boolean } | null> {
      const seen = openItem((await read(targetKey(target))) ?? undefined);
      return seen && { incidentId: seen.incidentId, news: await this.addFinding(seen.incidentId, finding) };
    },

    /**
     * The claim goes back, and nothing has been done by it. `before`: the incident as it was; null: there was none, or, in a
     * later run than the first, it is not known any more, and the next finding judges anew.
     */
    async withdraw(
      target: Target,
      holder: string,
      { before, run }: Pick<Extract<Claim, { kind: 'claimed' }>, 'before' | 'run'>,
    ): Promise<void> {
      try {
        if (run === 1) {
          await forgetClaim(target, holder);
          return;
        }
        if (before === null) {
          const names = { '#holder': 'holder' };
          await update(
            targetKey(target),
            'REMOVE #holder, leaseUntil',
            names,
            { ':me': { S: holder } },
            '#holder = :me',
          );
          return;
        }
        const { asked, settled, held, settledAt, critical } = before;
        await update(
          targetKey(target),
          'SET asked = :asked, settled = :settled, critical = :critical' +
            (held === undefined ? '' : ', held = :held') +
            (settledAt === undefined ? '' : ', settledAt = :settledAt') +
            ' REMOVE #holder, leaseUntil',
          { '#holder': 'holder' },
          {
            ':asked': { S: asked },
            ':settled': { BOOL: settled },
            ':critical': { BOOL: critical },
            ...(held === undefined ? {} : { ':held': { S: held } }),
            ...(settledAt === undefined ? {} : { ':settledAt': { N: String(settledAt) } }),
            ':me': { S: holder },
          },
          '#holder = :me',
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

    forgetClaim,
  };
}

function pick<T, K extends keyof T>(whole: T, names: readonly K[]): Pick<T, K> {
  const parts = names.filter((name) => whole[name] !== undefined).map((name) => [name, whole[name]] as const);
  return Object.fromEntries(parts) as Pick<T, K>;
}

/** What to do about an item that is there. */
function judge(seen: TargetItem, request: ClaimRequest): 'take' | 'join' | 'wait' {
  const enough = rank(seen.asked) >= rank(request.asked);
  if (isOver(seen, request.now)) return 'take';
  if (seen.holder === undefined && seen.held !== undefined && !request.insist && !request.person)
    return liftsHold(seen, request) ? 'take' : 'join';
  if (seen.holder === undefined) return enough && seen.settled && !request.insist ? 'join' : 'take';
  if (seen.holder === request.holder) return 'take';
  // A run that died holds nothing for ever: past its lease it is taken over.
  if (seen.leaseUntil !== undefined && seen.leaseUntil <= request.now) return 'take';
  // What a release undoes is no more: who joined would be lost with it.
  if (seen.releasing) return 'wait';
  // A Lambda that dies is started again, a local run is not: its end, or its lease's, decides what is left to do. Who
  // insists wants to see the end, since the run may yet turn out to do less than it was asked for; so does a person, and what
  // is critical where the run is not, since a limit may hold that run back.
  const mayNot = request.insist || request.person === true || (request.critical && !seen.critical);
  return enough && !mayNot && !isLocalExecution(seen.holder) ? 'join' : 'wait';
}

/**
 * A person is asked, and findings alone change nothing about that. But a rule that asks for more than the one that asked first
 * is the policy's own word, and a critical finding has a reserve which the one that a limit held back had not.
 */
function liftsHold({ held, critical, asked }: TargetItem, request: ClaimRequest): boolean {
  if (held === 'rule') return rank(request.asked) > rank(asked);
  return held === 'limit' && request.critical && !critical;
}

/** The incident that alone was meant has come to its end, or is being undone: as if it did what is asked. */
function notThere({ only = '', asked }: ClaimRequest): Claim {
  return { kind: 'joined', incidentId: only, response: asked, running: false, held: false, news: false };
}

function openItem(item: Item | undefined): TargetItem | null {
  return item?.['incidentId'] === undefined ? null : targetItem(item);
}

function notEnded(ended: Ended | null): { condition: string; values: Item } {
  return ended
    ? {
        condition: 'attribute_not_exists(incidentId) AND endedAt = :seenEnded',
        values: { ':seenEnded': { N: String(ended.at) } },
      }
    : { condition: 'attribute_not_exists(incidentId) AND attribute_not_exists(endedAt)', values: {} };
}

export function markOf({ id, severity }: Seen): string {
  return `${severity} ${id}`;
}
