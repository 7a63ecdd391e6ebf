/** Findings that came while the responder was stopped, each in an item of its own, `parked#<digest of its id>`. */
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { LISTED } from './ledger-items.ts';
import { isRefused, type Table } from './table.ts';

/** How long they are kept. */
const KEPT_MS = 14 * 24 * 3_600_000;
/** An item of DynamoDB holds 400 KB. */
const MOST_BYTES = 380_000;
const PARKED = 'parked';

export interface Parked {
  key: string;
  findingId: string;
  /** As it came. */
  event: unknown;
  /** ISO 8601, UTC. */
  at: string;
}

export function parkedLedger({ update, read, removeWhere, keysByIndex, keysByPrefix }: Table) {
  return {
    /** The same finding again replaces what is there of it: the later one says more. @throws where it is too large to keep. */
    async park(findingId: string, event: unknown, now: number): Promise<void> {
      const packed = gzipSync(JSON.stringify(event));
      if (packed.length > MOST_BYTES)
        throw new Error(`the finding has ${packed.length} bytes packed, more than the ${MOST_BYTES} that are kept`);
      const key = `${PARKED}#${createHash('sha256').update(findingId).digest('hex').slice(0, 32)}`;
      await update(
        key,
        'SET event = :event, findingId = :id, parkedAt = :at, expiresAt = :expires, listed = :parked',
        {},
        {
          ':event': { B: packed },
          ':id': { S: findingId },
          ':at': { S: new Date(now).toISOString() },
          ':expires': { N: String(Math.ceil((now + KEPT_MS) / 1000)) },
          ':parked': { S: PARKED },
        },
      );
    },

    /** Oldest first; those parked a moment ago may be missing. */
    async parked(): Promise<Parked[]> {
      const keys = await keysByIndex(LISTED.index, LISTED.attribute, PARKED).catch(() => keysByPrefix(`${PARKED}#`));
      const all = await Promise.all(
        keys.map(async (key): Promise<Parked[]> => {
          const item = await read(key);
          const event = item?.['event']?.B;
          if (!item || !event) return [];
          const [findingId = '', at = ''] = [item['findingId']?.S, item['parkedAt']?.S];
          return [{ key, findingId, event: JSON.parse(gunzipSync(event).toString()) as unknown, at }];
        }),
      );
      return all.flat().toSorted((one, other) => one.at.localeCompare(other.at));
    },

    /** It has been started anew; where it came again meanwhile, that one stays. */
    async unpark({ key, at }: Parked): Promise<void> {
      try {
        await removeWhere(key, 'parkedAt', at);
      } catch (error) {
        if (!isRefused(error)) throw error;
      }
    },
  };
}
