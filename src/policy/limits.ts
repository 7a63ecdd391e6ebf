/** How much may be done at once: who is let through, and what is used by then. Pure. */
import type { Policy } from './policy.ts';

/** One incident that draws on the limits; JSON-safe, and short: many of them lie in one item. */
export interface Usage {
  /** Incident. */
  i: string;
  /** Milliseconds since 1970. */
  at: number;
  /** q: quarantine; r: one on the reserve for critical findings; m: one that a person asked for; c: collection. */
  kind: 'q' | 'r' | 'm' | 'c';
  /** Groups that it is a contained member of, until it is released. */
  groups?: string[];
}

/** A group of instances that are not to be contained all at once. */
export interface GroupSize {
  /** For people and as its key: `Auto Scaling group web`, `tag service=shop`. */
  name: string;
  /** How many instances it has. */
  size: number;
}

export interface QuarantineAsked {
  incidentId: string;
  /** Milliseconds since 1970. */
  now: number;
  /** Severity 9 and above, or an attack sequence. */
  critical: boolean;
  /** A person has asked or approved: counted, not limited. */
  person: boolean;
  groups: readonly GroupSize[];
  /** Incidents that have ended, though they may still be counted as members. */
  ended?: readonly string[];
}

export interface Admission {
  /** What is used now; null where nothing is to be written. */
  next: Usage[] | null;
  /** Null: go on. Else the limit that is reached, for people; no full stop. */
  answer: string | null;
  /** Incidents that are counted as members of the group that is full; absent where none is. */
  members?: string[];
}

/** No limit counts further than this, hour or day: what is used lies in one item, which must not grow full. */
const MOST = 2_000;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export function admitQuarantine(used: readonly Usage[], limits: Policy['limits'], asked: QuarantineAsked): Admission {
  const { incidentId, now, groups, ended = [] } = asked;
  const own = used.find(({ i, kind }) => i === incidentId && kind !== 'c');
  // It has been let through before: a run that is started again draws nothing anew.
  if (own) return { next: null, answer: null };
  const kept = current(
    used.map((one) => (ended.includes(one.i) ? asNoMember(one) : one)),
    now,
  );
  const enter = (kind: Usage['kind']): Admission => ({
    next: [
      ...kept,
      { i: incidentId, at: now, kind, ...(groups.length === 0 ? {} : { groups: groups.map(({ name }) => name) }) },
    ],
    answer: null,
  });
  if (asked.person) return enter('m');
  const full = groups.find(({ name, size }) => contained(kept, name).length + 1 > share(size, limits.groupShare));
  if (full) {
    const most = share(full.size, limits.groupShare);
    return {
      ...held(
        `of the ${full.size} instances of ${full.name} at most ${most} may be contained at once (limits.groupShare ${limits.groupShare} %)`,
      ),
      members: contained(kept, full.name).map(({ i }) => i),
    };
  }
  if (asked.critical && count(kept, now - HOUR_MS, ['r']) < Math.min(limits.reservePerHour, MOST)) return enter('r');
  const hour = count(kept, now - HOUR_MS, ['q', 'm']);
  if (hour >= Math.min(limits.quarantinesPerHour, MOST))
    return held(
      `${hour} instances were quarantined within the hour (limits.quarantinesPerHour ${limits.quarantinesPerHour})`,
    );
  const day = count(kept, now - DAY_MS, ['q', 'm']);
  if (limits.quarantinesPerDay !== null && day >= Math.min(limits.quarantinesPerDay, MOST))
    return held(
      `${day} instances were quarantined within a day (limits.quarantinesPerDay ${limits.quarantinesPerDay})`,
    );
  return enter('q');
}

/** Collections that change nothing; what is quarantined is not counted here. */
export function admitCollection(
  used: readonly Usage[],
  limits: Policy['limits'],
  { incidentId, now, person }: Pick<QuarantineAsked, 'incidentId' | 'now' | 'person'>,
): Admission {
  // Nobody counts where nothing is limited.
  if (limits.collectionsPerHour === null || used.some(({ i }) => i === incidentId)) return { next: null, answer: null };
  const kept = current(used, now);
  const hour = count(kept, now - HOUR_MS, ['c']);
  if (!person && hour >= Math.min(limits.collectionsPerHour, MOST))
    return held(
      `evidence was taken of ${hour} instances within the hour (limits.collectionsPerHour ${limits.collectionsPerHour})`,
    );
  return { next: [...kept, { i: incidentId, at: now, kind: 'c' }], answer: null };
}

/** Its end: it is a contained member of no group any more. What it has drawn on the hour and the day stays drawn. */
export function withoutMember(used: readonly Usage[], incidentId: string): Omit<Admission, 'answer'> {
  if (!used.some(({ i, groups }) => i === incidentId && groups !== undefined)) return { next: null };
  return { next: used.map((one) => (one.i === incidentId ? asNoMember(one) : one)) };
}

function asNoMember({ i, at, kind }: Usage): Usage {
  return { i, at, kind };
}

/** Severity 9 and above, or an attack sequence: such findings have a reserve of their own. */
export function isCritical({
  severity,
  type,
}: {
  severity: { score: number | null; label: string };
  type: string;
}): boolean {
  return severity.score === null
    ? severity.label === 'CRITICAL'
    : severity.score >= 9 || type.startsWith('AttackSequence:');
}

function held(answer: string): Admission {
  return { next: null, answer };
}

/** What still counts. The oldest go where there is too much, e.g. since a person has asked for it. */
function current(used: readonly Usage[], now: number): Usage[] {
  const recent = used.filter(
    ({ at, kind, groups }) => groups !== undefined || at > now - (kind === 'c' ? HOUR_MS : DAY_MS),
  );
  const collections = recent.filter(({ kind }) => kind === 'c').slice(-MOST);
  const others = recent.filter(({ kind, groups }) => kind !== 'c' && groups === undefined).slice(-MOST);
  const kept = new Set([...collections, ...others]);
  return recent.filter((one) => one.groups !== undefined || kept.has(one));
}

function count(used: readonly Usage[], since: number, kinds: readonly Usage['kind'][]): number {
  return used.filter(({ at, kind }) => at > since && kinds.includes(kind)).length;
}

function contained(used: readonly Usage[], group: string): Usage[] {
  return used.filter(({ groups }) => groups?.includes(group));
}

/** Rounded up, and one at least. */
function share(size: number, percent: number): number {
  return Math.max(1, Math.ceil((size * percent) / 100));
}
