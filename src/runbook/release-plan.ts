/** From what was recorded and what is read now to what a release does. Pure. */
import type { Action, ActionContext, Restoration } from '../containment/action.ts';
import type { ChangeResult, Json } from './incident.ts';

/** What the incident's record says of one action. */
export interface Recorded {
  /** State before the first write; undefined where it was never known. */
  from: Json | undefined;
  /** What the last run did; undefined where no run came to its end. */
  change: ChangeResult | undefined;
}

/** What is there now. */
export type ReleaseReading = { ok: true; value: { state: Json; found: Json } } | { ok: false; error: string };

/** What undoing one action means; JSON-safe. */
export interface Undo {
  action: string;
  /** The state as it is read now: what containment made, unless somebody has changed it. */
  from: Json;
  to: Json;
  description: string;
  /** What is left as it is, with the reason. */
  left: string[];
  /** What cannot be put back, with the reason. */
  lost: string[];
  /** Why nothing is to be written; absent where something is. */
  skip?: string;
  /** Why nothing can be told or done; absent where something can. */
  impossible?: string;
}

/** `gone`: why there is no instance any more; null where there is one. */
export function undoOf(
  action: Action,
  context: ActionContext,
  recorded: Recorded,
  reading: ReleaseReading,
  gone: string | null,
): Undo {
  const base = {
    action: action.name,
    from: null as Json,
    to: recorded.from ?? null,
    description: action.title,
    left: [],
    lost: [],
  };
  if (gone !== null) return { ...base, skip: gone };
  if (!reading.ok) return { ...base, impossible: `the present state could not be read: ${reading.error}` };
  const { state, found } = reading.value;
  const { to, left, lost } = restorationOf(action, context, recorded, state, found);
  const undo = { ...base, from: state, to, description: action.describe(state, to), left, lost };
  if (!action.same(state, to)) return undo;
  const untouched = recorded.from === undefined && !wasWritten(recorded.change);
  return { ...undo, skip: untouched ? 'this incident did not change it' : 'it is so already' };
}

/** The row that tells of it. `done`: something was written, or an earlier try of the same release has. */
export function undone(
  undo: Undo,
  how: { verified: boolean; done: boolean; at: string; error?: string },
): ChangeResult {
  const { action, from, to, description, left, lost } = undo;
  const notes = [...lost, ...left];
  const base = { action, from, to, description, ...(how.done ? { at: how.at } : {}) };
  const failure = undo.impossible ?? (how.verified ? undefined : (how.error ?? 'a second reading does not show it'));
  if (failure !== undefined || lost.length > 0) {
    const reasons = failure === undefined ? notes : [failure, ...notes];
    return { ...base, status: 'failed', reason: reasons.join('; '), verified: false };
  }
  const reason = notes.length > 0 ? { reason: notes.join('; ') } : {};
  if (how.done) return { ...base, status: 'done', ...reason, verified: true };
  return { ...base, status: 'skipped', reason: notes.join('; ') || (undo.skip ?? ''), verified: undo.from !== null };
}

/** The row of a dry run. */
export function planned({ action, from, to, description, left, lost, skip, impossible }: Undo): ChangeResult {
  const what = impossible ?? skip ?? 'would be put back';
  const reason = `dry run: ${[what, ...lost, ...left].join('; ')}`;
  return { action, status: 'skipped', reason, from, to, verified: false, description };
}

function restorationOf(
  action: Action,
  context: ActionContext,
  recorded: Recorded,
  state: Json,
  found: Json,
): Restoration {
  if (action.restore)
    return action.restore(recorded.from ?? null, state, { contained: recorded.change?.to ?? null, found });
  const asIs = { to: state, left: [], lost: [] };
  const contained = recorded.change?.to ?? null;
  const isOurs =
    (contained !== null && action.same(state, contained)) ||
    action.same(state, action.desired(state, found, context)) ||
    action.isOwn?.(state) === true;
  if (recorded.from === undefined || recorded.from === null) {
    const lost = isOurs && wasWritten(recorded.change);
    return lost ? { ...asIs, lost: ['the state before is not known'] } : asIs;
  }
  if (isOurs || action.same(state, recorded.from)) return { to: recorded.from, left: [], lost: [] };
  return { ...asIs, left: ['left as it is: somebody has changed it since'] };
}

function wasWritten(change: ChangeResult | undefined): boolean {
  return change !== undefined && (change.status === 'done' || change.at !== undefined);
}
