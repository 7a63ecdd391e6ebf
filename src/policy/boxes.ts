/** What a rule may act on, as a box: everything that lies within all of its respects. One detector's boxes have the same respects. */
import { globMatches } from './globs.ts';
import type { Intervals } from './intervals.ts';
import { contains, union } from './intervals.ts';

/** Names with `*`; null: any. */
export type Names = readonly string[] | null;

export interface Box {
  /** The number that the detector gives: GuardDuty its severity, Inspector its score. */
  numbers: Intervals;
  names: Readonly<Record<string, Names>>;
}

/** Leaves out what lies within another box, then joins what differs in one respect only, until nothing changes. */
export function simplify(boxes: readonly Box[]): Box[] {
  return merge(merge(boxes, absorb), join);
}

function merge(boxes: readonly Box[], two: (a: Box, b: Box) => Box | undefined): Box[] {
  const result: Box[] = [];
  for (const box of boxes) {
    let joined = box;
    for (let index = 0; index < result.length; index += 1) {
      const merged = two(result[index] ?? joined, joined);
      if (merged === undefined) continue;
      joined = merged;
      result.splice(index, 1);
      index = -1;
    }
    result.push(joined);
  }
  return result;
}

/** The box itself where it fits, else parts of it that do: its longest list is halved. */
export function boxesWithin(box: Box, fits: (part: Box) => boolean): Box[] {
  if (fits(box)) return [box];
  const longest = Object.keys(box.names).reduce((best, key) => (length(box, key) > length(box, best) ? key : best));
  const names = box.names[longest] ?? [];
  const withNames = (some: Names): Box => ({ ...box, names: { ...box.names, [longest]: some } });
  // A single name that is too long for a pattern: admit more rather than less.
  if (names.length < 2) return boxesWithin(withNames(null), fits);
  const half = Math.ceil(names.length / 2);
  return [names.slice(0, half), names.slice(half)].flatMap((part) => boxesWithin(withNames(part), fits));
}

function length({ names }: Box, key: string): number {
  return JSON.stringify(names[key] ?? []).length;
}

/** The one that holds the other. */
function absorb(a: Box, b: Box): Box | undefined {
  if (holds(a, b)) return a;
  return holds(b, a) ? b : undefined;
}

function join(a: Box, b: Box): Box | undefined {
  const absorbed = absorb(a, b);
  if (absorbed !== undefined) return absorbed;
  const keys = Object.keys(a.names);
  const differing = keys.filter((key) => !(covers(a, b, key) && covers(b, a, key))).length;
  const differsInNumbers = !(contains(a.numbers, b.numbers) && contains(b.numbers, a.numbers));
  if (differing + Number(differsInNumbers) > 1) return undefined;
  return {
    numbers: union(a.numbers, b.numbers),
    names: Object.fromEntries(keys.map((key) => [key, joinNames(a.names[key], b.names[key])])),
  };
}

function holds(outer: Box, inner: Box): boolean {
  return contains(outer.numbers, inner.numbers) && Object.keys(outer.names).every((key) => covers(outer, inner, key));
}

/** Is everything that `inner` admits in this respect admitted by `outer`? */
function covers(outer: Box, inner: Box, key: string): boolean {
  const within = outer.names[key] ?? null;
  if (within === null) return true;
  // A glob that matches another glob's text matches everything that the other matches.
  return inner.names[key]?.every((name) => within.some((glob) => globMatches(glob, name))) ?? false;
}

function joinNames(a: Names | undefined, b: Names | undefined): Names {
  return !a || !b ? null : [...new Set([...a, ...b])];
}
