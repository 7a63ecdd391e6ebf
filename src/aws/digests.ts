/** The open digest of an account: one item in the incident table, `digest#<account>`. */
import type { DigestEntry } from '../notify/digest.ts';
import type { ClientSettings } from './client.ts';
import { isRefused, json, tableOf, type Item } from './table.ts';

export interface DigestRequest {
  account: string;
  /** Execution that asks; the same one gets its own digest again. */
  holder: string;
  entry: DigestEntry;
  /** Milliseconds since 1970. */
  now: number;
  /** How long a digest stays open. */
  waitMs: number;
  /** How long after that its opener is waited for before another run takes over what it left. */
  graceMs: number;
}

export type Joined =
  /** Waits and sends. */
  | { role: 'opener'; until: number }
  /** Its entry is in somebody else's digest. */
  | { role: 'guest'; until: number };

/** An item of DynamoDB holds 400 KB. */
const CAPACITY = 250;
const NAMES = { '#open': 'open', '#until': 'until', '#entries': 'entries', '#holder': 'holder' };

export type Digests = ReturnType<typeof digestsGateway>;

export function digestsGateway(name: string, settings: ClientSettings) {
  const table = tableOf(name, settings);
  const key = (account: string): string => `digest#${account}`;

  async function enter({ account, holder, entry, now, graceMs }: DigestRequest): Promise<Item> {
    return table.update(
      key(account),
      'SET #entries = list_append(#entries, :entry)',
      NAMES,
      {
        ':entry': { L: [{ S: JSON.stringify(entry) }] },
        ':me': { S: holder },
        ':yes': { BOOL: true },
        ':stale': { N: String(now - graceMs) },
        ':capacity': { N: String(CAPACITY) },
      },
      '#open = :yes AND #holder <> :me AND #until > :stale AND size(#entries) < :capacity',
    );
  }

  /** @returns false where that digest is closed by now. */
  async function counted({ account, now, graceMs }: DigestRequest): Promise<boolean> {
    try {
      await table.update(
        key(account),
        'ADD omitted :one',
        { '#open': 'open', '#until': 'until' },
        { ':one': { N: '1' }, ':yes': { BOOL: true }, ':stale': { N: String(now - graceMs) } },
        '#open = :yes AND #until > :stale',
      );
      return true;
    } catch (error) {
      if (!isRefused(error)) throw error;
      return false;
    }
  }

  return {
    /** Puts the entry into the open digest, or opens one. */
    async join(request: DigestRequest): Promise<Joined> {
      const { account, holder, entry, now, waitMs, graceMs } = request;
      for (;;) {
        try {
          const item = await enter(request);
          return { role: 'guest', until: Number(item['until']?.N) };
        } catch (error) {
          if (!isRefused(error)) throw error;
          const there = error.Item;
          const open = there?.['open']?.BOOL === true;
          const until = Number(there?.['until']?.N ?? 0);
          // This very step ran before, and died before it could say so.
          if (open && there?.['holder']?.S === holder) return { role: 'opener', until };
          // Full: it is counted. A flood of findings makes no flood of messages.
          if (open && until > now - graceMs && (there?.['entries']?.L?.length ?? 0) >= CAPACITY) {
            if (await counted(request)) return { role: 'guest', until };
            continue;
          }
          // What an opener that died has left is told with this one.
          const left = open && until <= now - graceMs ? (there?.['entries']?.L ?? []) : [];
          try {
            await table.update(
              key(account),
              'SET #open = :yes, #holder = :me, #until = :until, #entries = :entries REMOVE omitted',
              NAMES,
              {
                ':yes': { BOOL: true },
                ':me': { S: holder },
                ':until': { N: String(now + waitMs) },
                ':entries': { L: [...left.slice(-CAPACITY + 1), { S: JSON.stringify(entry) }] },
                ':stale': { N: String(now - graceMs) },
              },
              'attribute_not_exists(#holder) OR #open <> :yes OR #until <= :stale',
            );
            return { role: 'opener', until: now + waitMs };
          } catch (again) {
            // Another run opened one in the meantime: enter that.
            if (!isRefused(again)) throw again;
          }
        }
      }
    },

    /** Closes the holder's digest. @returns its entries, and how many more it had no room for; none where it is another's. */
    async take(account: string, holder: string): Promise<{ entries: DigestEntry[]; omitted: number }> {
      try {
        const item = await table.update(
          key(account),
          'SET #open = :no',
          { '#open': 'open', '#holder': 'holder' },
          { ':no': { BOOL: false }, ':me': { S: holder } },
          '#holder = :me',
        );
        return {
          entries: (item['entries']?.L ?? []).map((entry) => json(entry) as DigestEntry),
          omitted: Number(item['omitted']?.N ?? 0),
        };
      } catch (error) {
        if (!isRefused(error)) throw error;
        return { entries: [], omitted: 0 };
      }
    },
  };
}
