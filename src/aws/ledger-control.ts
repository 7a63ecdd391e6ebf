/**
 * What holds for the whole account, in one item, `control`: the stop flag, and how much of the limits is used. Every change
 * of the latter is conditional on what was read, so that many runs at once cannot go beyond a limit together.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { withoutMember, type Usage } from '../policy/limits.ts';
import { isRefused, json, type Item, type Table } from './table.ts';

const KEY = 'control';

/** New findings are parked. */
export interface Stopped {
  reason: string;
  /** As claimed. */
  by: string;
  /** ISO 8601, UTC. */
  at: string;
}

export interface Control {
  /** Null: findings are responded to. */
  stopped: Stopped | null;
  /** What is used, as it was read; null where nothing is. */
  seen: string | null;
}

export function controlLedger({ update, read }: Pick<Table, 'update' | 'read'>) {
  return {
    async control(): Promise<Control> {
      return controlOf(await read(KEY));
    },

    /**
     * Changes what is used, as often as others are faster. `change` returns null where nothing is to be written.
     * @returns what `change` said last.
     */
    async use<T>(before: Control | null, change: (used: Usage[]) => { next: Usage[] | null; answer: T }): Promise<T> {
      let now = before ?? controlOf(await read(KEY));
      for (let attempt = 0; ; attempt += 1) {
        const { next, answer } = change(now.seen === null ? [] : (JSON.parse(now.seen) as Usage[]));
        if (next === null) return answer;
        try {
          await update(
            KEY,
            'SET #used = :next',
            { '#used': 'used' },
            { ':next': { S: JSON.stringify(next) }, ...(now.seen === null ? {} : { ':seen': { S: now.seen } }) },
            now.seen === null ? 'attribute_not_exists(#used)' : '#used = :seen',
          );
          return answer;
        } catch (error) {
          if (!isRefused(error)) throw error;
          now = controlOf(error.Item ?? null);
          await sleep(Math.random() * Math.min(200, 10 * attempt));
        }
      }
    },

    /**
     * The incident has ended: it counts no more as a contained member of its groups. Errors of this hold nothing up: where a
     * group is full, its members are looked up in the ledger once more.
     */
    async uncount(incidentId: string): Promise<void> {
      await this.use(null, (used) => ({ ...withoutMember(used, incidentId), answer: null })).catch(() => {});
    },

    async stop(stopped: Stopped): Promise<void> {
      await update(KEY, 'SET stopped = :stopped', {}, { ':stopped': { S: JSON.stringify(stopped) } });
    },

    /** @returns what was stopped; null where nothing was. */
    async resume(): Promise<Stopped | null> {
      const { stopped } = controlOf(await read(KEY));
      if (stopped === null) return null;
      await update(KEY, 'SET stopped = :nothing', {}, { ':nothing': { NULL: true } });
      return stopped;
    },
  };
}

function controlOf(item: Item | null): Control {
  return { stopped: json(item?.['stopped']) as Stopped | null, seen: item?.['used']?.S ?? null };
}
