/** What a containment change is. One file per action; the registry in index.ts lists them. */
import type { Aws } from '../aws/connect.ts';
import type { Target } from '../finding/finding.ts';
import type { Policy } from '../policy/policy.ts';
import type { Json } from '../runbook/incident.ts';

/** What an action may use beside AWS. JSON-safe: it travels through durable state. */
export interface ActionContext {
  target: Target;
  incidentId: string;
  /** Milliseconds that a reading may take in all. */
  readMs: number;
  /** How the policy wants isolation to be done. */
  containment: Policy['containment'];
  /** The host is collected from: for that time it has the collection profile. Absent: not, or not known. */
  collects?: true;
}

/**
 * One reversible or one-way change of the target. `State` is what `read` gives and `write` brings about; release is `write`
 * with from and to exchanged.
 */
export interface Action<State extends Json = Json, Prepared extends Json = Json> {
  name: string;
  /** Title of its step, for people: `Remove the instance profile`. */
  title: string;
  reversible: boolean;
  /**
   * Present where what it is about can be seen only before the other changes are made: what to read it by afterwards, out of
   * the states before that are on record of all changes. Null: they do not tell, and then a later reading that finds nothing
   * proves nothing. Absent: it can be seen at any time. Pure.
   */
  recall?(record: { [action: string]: Json }): State | null;
  /**
   * `at-once`: beside everything else, nothing waits for it and it waits for nothing. `after-collection`: it would cut the
   * collection from the host short, so it waits for that to end.
   */
  when: 'at-once' | 'after-collection';
  /** IAM actions that read, prepare and write need. */
  permissions: readonly string[];
  /** IAM actions that release needs beyond these. Absent: none. */
  releasePermissions?: readonly string[];
  /**
   * The state now. Changes nothing. `known` is the recorded state before the first write, null where there is none: what
   * containment took away cannot be found by looking at the target any more, e.g. a target group that it has left. It is
   * read as what it is now.
   */
  read(aws: Aws, context: ActionContext, known: State | null): Promise<State>;
  /** What must exist first, e.g. a quarantine group. Idempotent; never changes the target. Absent: nothing. */
  prepare?(aws: Aws, context: ActionContext, reading: State, known: Prepared | null): Promise<Prepared>;
  /** What can be told of the prepared things without making any, before the claim is known. Absent: nothing. */
  find?(aws: Aws, context: ActionContext): Promise<Prepared>;
  /** The state to bring about. `prepared` is null in a dry run where it would have to be made first. Pure. */
  desired(reading: State, prepared: Prepared | null, context: ActionContext): State;
  /**
   * The state for the time in which the host is collected from, of an action that waits for that. Absent: as it is. Pure.
   */
  meanwhile?(reading: State, prepared: Prepared | null, context: ActionContext): State;
  /** Brings `to` about. Idempotent; `from` is the state that was read before. */
  write(aws: Aws, context: ActionContext, from: State, to: State): Promise<void>;
  /**
   * The `from` to keep: what was stored by an earlier run wins over what is read now, and what is read of our own making
   * never counts. Pure.
   */
  keep(stored: State | undefined, reading: State, prepared: Prepared | null): State | null;
  /** Two readings are the same for this action. Pure. */
  same(a: State, b: State): boolean;
  /**
   * What release is to bring about, where the state has parts that are looked at one by one. Absent: the whole of `from`,
   * unless somebody has changed the state since. Pure.
   */
  restore?(from: State | null, reading: State, ours: Ours<State, Prepared>): Restoration<State>;
  /** A state of our own making, though not the one that was asked for; release takes it back, too. Absent: none. Pure. */
  isOwn?(reading: State): boolean;
  /** Why the reading leaves nothing to change, for people; null where there is something. Pure. */
  idle(reading: State, context: ActionContext): string | null;
  /** What stays open although the state is as asked, one line each, for people. Absent: nothing. Pure. */
  risks?(from: State | null, to: State, context: ActionContext): string[];
  /** One line for people. Pure. */
  describe(from: State | null, to: State): string;
  /** Further things that must hold, beyond `read`, e.g. that the group has no rule. One line per fault. */
  inspect?(aws: Aws, context: ActionContext, state: State, prepared: Prepared | null): Promise<string[]>;
}

/** By what release knows the work of containment. */
export interface Ours<State extends Json = Json, Prepared extends Json = Json> {
  /** What containment asked for, as recorded; null where no record says. */
  contained: State | null;
  /** What `find` gives now. */
  found: Prepared | null;
}

export interface Restoration<State extends Json = Json> {
  /** The whole state to bring about, what is left alone included. */
  to: State;
  /** What is left as it is, with the reason, one line each. */
  left: string[];
  /** What is still as containment made it and cannot be put back, with the reason, one line each. */
  lost: string[];
}

/** Gives the registry its common type while each file keeps its own. */
export function defineAction<State extends Json, Prepared extends Json = null>(
  action: Action<State, Prepared>,
): Action {
  return action;
}
