/** The ledger's part in a release: which incident it is about, its claim, and what came of it. */
import type { Target } from '../finding/finding.ts';
import type { IncidentResult, Json } from '../runbook/incident.ts';
import type { ReleaseRecord } from '../runbook/release-result.ts';
import { endOf } from './ledger-ended.ts';
import {
  endedItem,
  ending,
  fromOf,
  incidentKey,
  targetItem,
  targetKey,
  targetOf,
  unchanged,
  type Ended,
  type TargetItem,
} from './ledger-items.ts';
import { controlLedger } from './ledger-control.ts';
import { isRefused, json, type Item, type Table } from './table.ts';

/** Status of an incident of which a release could not undo everything. */
export const RELEASING = 'releasing';

export interface ReleaseClaimRequest {
  /** One of the two names the incident. */
  which: { incidentId: string } | { target: Target };
  /** The only account that can be acted in. */
  within: { account: string };
  holder: string;
  /** Milliseconds for which the claim holds without renewal. */
  leaseMs: number;
  /** Milliseconds since 1970. */
  now: number;
  /** Only look. */
  dryRun: boolean;
}

export type ReleaseClaim =
  | {
      kind: 'open';
      incidentId: string;
      target: Target;
      /** State before the first write, by action. */
      from: Record<string, Json>;
      result: IncidentResult | null;
      /** The release before this one, which left something. */
      last: ReleaseRecord | null;
    }
  /** A run works on it. `until`: milliseconds since 1970; absent where it holds until it ends. */
  | { kind: 'held'; incidentId: string; until?: number }
  /** Nothing that could be released: why, for people. */
  | { kind: 'none'; why: string };

export function releaseLedger(items: Table) {
  const { update, read } = items;
  const control = controlLedger(items);
  return {
    /** Null where there is no such incident, or its run was interrupted before it wrote its end. */
    async incidentTarget(incidentId: string): Promise<Target | null> {
      return targetOf(await read(incidentKey(incidentId)));
    },

    /** Takes the open incident for a release. The same holder gets its own claim again. */
    async claimRelease(request: ReleaseClaimRequest): Promise<ReleaseClaim> {
      const { which, within, holder, leaseMs, now, dryRun } = request;
      for (;;) {
        const found = await lookUp(read, which, within);
        if ('why' in found) {
          if ('incidentId' in which && !dryRun) await completeRelease(which.incidentId, now);
          return none(found.why);
        }
        const { seen, target } = found;
        const { incidentId } = seen;
        if (seen.holder !== undefined && seen.holder !== holder && (seen.leaseUntil ?? Infinity) > now)
          return { kind: 'held', incidentId, ...(seen.leaseUntil === undefined ? {} : { until: seen.leaseUntil }) };
        try {
          if (!dryRun) await take(target, seen, holder, now + leaseMs);
        } catch (error) {
          if (!isRefused(error)) throw error;
          // It has changed since it was read.
          continue;
        }
        // Read after the claim: what the run before has written last.
        const item = await read(incidentKey(incidentId));
        return {
          kind: 'open',
          incidentId,
          target,
          from: fromOf(item),
          result: json(item?.['result']) as IncidentResult | null,
          last: json(item?.['release']) as ReleaseRecord | null,
        };
      }
    },

    /**
     * The end of a release. Complete, it closes the incident: the next finding opens a new one. Else the incident stays open,
     * and the next finding that asks for isolation isolates anew. `recordRelease` is to follow. @throws where another run has
     * taken the incident over.
     */
    async endRelease(holder: string, record: ReleaseRecord): Promise<void> {
      const { target, incidentId } = record;
      const released = record.status === 'released';
      try {
        if (released) await end(target, { incidentId, how: 'released', at: Date.parse(record.at) }, holder);
        else
          await update(
            targetKey(target),
            'REMOVE #holder, leaseUntil',
            { '#holder': 'holder' },
            { ':me': { S: holder } },
            '#holder = :me',
          );
      } catch (error) {
        if (!isRefused(error)) throw error;
        // An earlier try of this very step ended the claim already, unless the incident is somebody else's by now.
        const there = error.Item?.['incidentId'] ? targetItem(error.Item) : null;
        const ended = released
          ? there?.incidentId !== incidentId
          : there?.incidentId === incidentId && there.holder === undefined;
        if (!ended) throw new Error('another run has taken the incident over', { cause: error });
      }
      // Not before: an incident that another run has taken over is contained, and counts.
      if (released) await control.uncount(incidentId);
    },

    /** What came of it, in the incident's own entry. */
    async recordRelease(record: ReleaseRecord): Promise<void> {
      const { target, incidentId } = record;
      const released = record.status === 'released';
      await update(
        incidentKey(incidentId),
        'SET #status = :status, #open = :open, updatedAt = :at, #release = :release, ' +
          'account = :account, #region = :region, instanceId = :instance REMOVE approval, given, callbackId',
        { '#status': 'status', '#open': 'open', '#release': 'release', '#region': 'region' },
        {
          ':status': { S: released ? 'released' : RELEASING },
          ':open': { BOOL: !released },
          ':at': { S: record.at },
          ':release': { S: JSON.stringify(record) },
          ':account': { S: target.account },
          ':region': { S: target.region },
          ':instance': { S: target.instanceId },
        },
      );
    },
  };

  /** Where a release died, or could not write, between its two entries: nothing may be approved, or be open, under it. */
  async function completeRelease(incidentId: string, now: number): Promise<void> {
    const end = await endOf(read, incidentId);
    if (end?.how !== 'released' || end.written) return;
    await update(
      incidentKey(incidentId),
      'SET #status = :released, #open = :no, updatedAt = :at REMOVE approval, given, callbackId',
      { '#status': 'status', '#open': 'open' },
      { ':released': { S: 'released' }, ':no': { BOOL: false }, ':at': { S: new Date(now).toISOString() } },
    );
  }

  /** The target has no open incident any more, and remembers the last one. */
  async function end(target: Target, ended: Ended, holder: string): Promise<void> {
    const { expression, names, values } = ending(ended);
    await update(targetKey(target), expression, names, { ...values, ':me': { S: holder } }, '#holder = :me');
  }

  /** From now on the incident is half undone, also if this release dies: the next response must not join it. */
  async function take(target: Target, seen: TargetItem, holder: string, leaseUntil: number): Promise<void> {
    const asSeen = unchanged(seen);
    await update(
      targetKey(target),
      'SET #holder = :holder, leaseUntil = :lease, #run = :run, settled = :no, releasing = :yes',
      { '#holder': 'holder', '#run': 'run' },
      {
        ':holder': { S: holder },
        ':lease': { N: String(leaseUntil) },
        ':run': { N: String(seen.run + (seen.holder === holder ? 0 : 1)) },
        ':no': { BOOL: false },
        ':yes': { BOOL: true },
        ...asSeen.values,
      },
      asSeen.condition,
    );
  }
}

/** The open incident that is meant, as it is now; or why there is none, for people. */
export async function lookUp(
  read: Table['read'],
  which: ReleaseClaimRequest['which'],
  within: { account: string },
): Promise<{ seen: TargetItem; target: Target } | { why: string }> {
  const named = 'incidentId' in which ? await read(incidentKey(which.incidentId)) : null;
  const target = 'target' in which ? which.target : targetOf(named);
  if ('incidentId' in which && !named) return { why: `there is no incident ${which.incidentId}` };
  if (!target)
    return { why: 'the run of this incident was interrupted before it said which instance it is about: name that' };
  if (target.account !== within.account)
    return { why: `${target.instanceId} is in account ${target.account}, this acts in ${within.account} only` };
  const there = await read(targetKey(target));
  const seen = there?.['incidentId'] ? targetItem(there) : null;
  if ('incidentId' in which && seen?.incidentId !== which.incidentId) {
    const last = endedItem(there ?? undefined);
    return { why: closedReason(which, named, seen, last?.incidentId === which.incidentId ? last : null) };
  }
  if (!seen) return { why: `no incident is open on ${target.instanceId} in ${target.account}, ${target.region}` };
  return { seen, target };
}

function none(why: string): ReleaseClaim {
  return { kind: 'none', why };
}

function closedReason(
  which: { incidentId: string },
  item: Item | null,
  seen: TargetItem | null,
  ended: Ended | null,
): string {
  const last = json(item?.['release']) as ReleaseRecord | null;
  const released =
    last?.status === 'released' ? ` was released already, at ${last.at} by ${last.by ?? 'nobody named'}` : '';
  const remembered = ended ? ` was ${ended.how} already, at ${new Date(ended.at).toISOString()}` : '';
  const open = seen ? `; ${seen.incidentId} is open on the instance` : '';
  return `incident ${which.incidentId}${released || remembered || ' is not open'}${open}`;
}
