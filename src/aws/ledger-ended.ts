/** Whether an incident has come to its end, and how, from all that the ledger has of it: each of its two entries may be missing. */
import type { Target } from '../finding/finding.ts';
import { endedItem, incidentKey, releasedItem, targetKey, targetOf } from './ledger-items.ts';
import type { Item, Table } from './table.ts';

export interface End {
  incidentId: string;
  target: Target;
  /** `closed`: by a word, and nothing was undone. `over`: by itself, and nothing was left that could be undone. */
  how: 'released' | 'closed' | 'over';
  /** Milliseconds since 1970; null where the target does not remember it any more. */
  at: number | null;
  /** The incident's own entry tells it. */
  written: boolean;
}

/** Null where something is open under it, it is not known, or nobody can tell. */
export async function endOf(read: Table['read'], incidentId: string): Promise<End | null> {
  const item = await read(incidentKey(incidentId));
  const target = targetOf(item);
  if (!target) return null;
  const there = (await read(targetKey(target))) ?? undefined;
  if (there?.['incidentId']?.S === incidentId) return null;
  const last = endedItem(there);
  const remembered = last?.incidentId === incidentId ? last : null;
  const written = item?.['open']?.BOOL === false;
  const how = howOf(item, written, remembered?.how ?? null, releasedItem(there)?.incidentId === incidentId);
  return how && { incidentId, target, how, at: remembered?.at ?? null, written };
}

function howOf(item: Item | null, written: boolean, last: End['how'] | null, released: boolean): End['how'] | null {
  if (released || last === 'released' || (written && item?.['status']?.S === 'released')) return 'released';
  if (last === 'closed' || item?.['closed'] !== undefined) return 'closed';
  return written ? 'over' : null;
}
