/** The ledger's item of a target: who works on it now, and which incident is open there. */
import type { Target } from '../finding/finding.ts';
import { rank, type HeldBy, type Response } from '../policy/decision.ts';
import type { Json } from '../runbook/incident.ts';
import { json, type Item } from './table.ts';

export interface TargetItem {
  incidentId: string;
  /** Execution that works on it; absent where none does. */
  holder?: string;
  /** Milliseconds since 1970; absent where the holder's claim holds until it is ended. */
  leaseUntil?: number;
  asked: Response;
  /** What was asked for has been done. */
  settled: boolean;
  /** How often the incident was claimed. */
  run: number;
  /** A release has begun to undo the incident's changes and is not through. */
  releasing: boolean;
  /** A person is asked; `decided`: one has said no, or nobody has said anything in time. Nothing but a person lifts it. */
  held?: HeldBy | 'decided';
  /** What was held back was critical. */
  critical: boolean;
  /** Milliseconds since 1970: when the last run, or the request for approval, came to its end. */
  settledAt?: number;
}

/** What is left of the last incident on a target once it has come to its end. */
export interface Ended {
  incidentId: string;
  how: 'released' | 'closed';
  /** Milliseconds since 1970. */
  at: number;
}

/** How long an incident is open that took evidence only. Milliseconds. */
const COLLECTED_MS = 24 * 3_600_000;
/** How long one is that a person was asked about: no execution waits longer, so that nobody can answer it any more. */
const ASKED_MS = 7 * 24 * 3_600_000;

/** Whether it has come to its end by itself: it took evidence only, and nobody is asked any more. */
export function isOver({ holder, settled, asked, held, settledAt }: TargetItem, now: number): boolean {
  if (holder !== undefined || !settled || settledAt === undefined) return false;
  if (held !== undefined && held !== 'decided') return settledAt + ASKED_MS <= now;
  return settledAt + COLLECTED_MS <= now && (held === 'decided' || rank(asked) < rank('quarantine-after-approval'));
}

export function targetKey({ account, region, instanceId }: Target): string {
  return `target#${account}#${region}#${instanceId}`;
}

/** The other way round; null where it is the key of something else. */
export function targetOfKey(key: string): Target | null {
  const [kind, account, region, instanceId, ...more] = key.split('#');
  return kind === 'target' && account && region && instanceId && more.length === 0
    ? { account, region, instanceId }
    : null;
}

/** The target of an incident's item; null where no run has come to its end. */
export function targetOf(item: Item | null): Target | null {
  const [account, region, instanceId] = ['account', 'region', 'instanceId'].map((name) => item?.[name]?.S);
  return account && region && instanceId ? { account, region, instanceId } : null;
}

/** Targets with an open incident are listed by an index over this attribute, which nothing else has. */
export const LISTED = { index: 'open', attribute: 'listed', value: 'target' } as const;

export function incidentKey(incidentId: string): string {
  return `incident#${incidentId}`;
}

/** Where the state before is kept: isolation and what goes on beside it write at the same time, each its own. */
export const FROM_PARTS = { network: 'fromNetwork', changes: 'from' } as const;

/** State before the first write, by action. */
export function fromOf(item: Item | null): Record<string, Json> {
  const parts = Object.values(FROM_PARTS).map((name) => json(item?.[name]) as Record<string, Json> | null);
  return Object.assign({}, ...parts) as Record<string, Json>;
}

export function targetItem(item: Item): TargetItem {
  return {
    incidentId: item['incidentId']?.S ?? '',
    ...(item['holder']?.S === undefined ? {} : { holder: item['holder'].S }),
    ...(item['leaseUntil']?.N === undefined ? {} : { leaseUntil: Number(item['leaseUntil'].N) }),
    asked: (item['asked']?.S ?? 'ignore') as Response,
    settled: item['settled']?.BOOL ?? false,
    run: Number(item['run']?.N ?? 0),
    releasing: item['releasing']?.BOOL ?? false,
    ...(item['held']?.S === undefined ? {} : { held: item['held'].S as HeldBy | 'decided' }),
    critical: item['critical']?.BOOL ?? false,
    ...(item['settledAt']?.N === undefined ? {} : { settledAt: Number(item['settledAt'].N) }),
  };
}

/** A person let the target go: no later incident washes that away, however it ends. */
export interface Released {
  incidentId: string;
  /** Milliseconds since 1970. */
  at: number;
}

/** The last release of the target; null where there was none lately. */
export function releasedItem(item: Item | undefined): Released | null {
  const [incidentId, at] = [item?.['releasedId']?.S, item?.['releasedAt']?.N];
  return incidentId === undefined || at === undefined ? null : { incidentId, at: Number(at) };
}

/** Null where no incident has ended on the target lately. */
export function endedItem(item: Item | undefined): Ended | null {
  const [incidentId, how, at] = [item?.['endedId']?.S, item?.['endedHow']?.S, item?.['endedAt']?.N];
  if (incidentId === undefined || at === undefined) return null;
  return { incidentId, how: how === 'released' ? 'released' : 'closed', at: Number(at) };
}

/** How long after its end an incident is remembered on its target. Seconds; longer than any hold that a policy may set. */
const REMEMBERED_S = 366 * 24 * 3_600;

/** The claim and its incident go, what ended before stays. */
export const forgetting = {
  expression:
    'REMOVE incidentId, #holder, leaseUntil, asked, settled, #run, listed, releasing, held, critical, settledAt',
  names: { '#holder': 'holder', '#run': 'run' },
};

/** Takes the incident off its target and leaves word of its end. */
export function ending({ incidentId, how, at }: Ended): {
  expression: string;
  names: Record<string, string>;
  values: Item;
} {
  return {
    expression:
      'SET endedId = :endedId, endedHow = :endedHow, endedAt = :endedAt, expiresAt = :expires' +
      (how === 'released' ? ', releasedId = :endedId, releasedAt = :endedAt' : '') +
      ' REMOVE incidentId, #holder, leaseUntil, asked, settled, #run, listed, releasing, held, critical, settledAt',
    names: { '#holder': 'holder', '#run': 'run' },
    values: {
      ':endedId': { S: incidentId },
      ':endedHow': { S: how },
      ':endedAt': { N: String(at) },
      ':expires': { N: String(Math.ceil(at / 1000) + REMEMBERED_S) },
    },
  };
}

/** That the item is still as it was read: nobody has claimed, renewed or ended anything since. */
export function unchanged(seen: TargetItem): { condition: string; values: Item } {
  return {
    condition: [
      'incidentId = :seenId',
      '#run = :seenRun',
      seen.holder === undefined ? 'attribute_not_exists(#holder)' : '#holder = :seenHolder',
      ...(seen.leaseUntil === undefined ? [] : ['leaseUntil = :seenLease']),
    ].join(' AND '),
    values: {
      ':seenId': { S: seen.incidentId },
      ':seenRun': { N: String(seen.run) },
      ...(seen.holder === undefined ? {} : { ':seenHolder': { S: seen.holder } }),
      ...(seen.leaseUntil === undefined ? {} : { ':seenLease': { N: String(seen.leaseUntil) } }),
    },
  };
}
