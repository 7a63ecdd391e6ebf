/** Sets of severity numbers, as sorted intervals that neither touch nor overlap. */
import type { Range } from './schema.ts';

export interface Interval {
  from: number;
  /** Does `from` itself belong to it? */
  fromIncluded: boolean;
  to: number;
  toIncluded: boolean;
}

export type Intervals = readonly Interval[];

export const EVERYTHING: Intervals = [{ from: -Infinity, fromIncluded: false, to: Infinity, toIncluded: false }];

export function fromRange({ gte, gt, lte, lt }: Range): Intervals {
  const from = Math.max(gte ?? -Infinity, gt ?? -Infinity);
  const to = Math.min(lte ?? Infinity, lt ?? Infinity);
  const interval = { from, fromIncluded: gte === from && gt !== from, to, toIncluded: lte === to && lt !== to };
  const isEmpty = from > to || (from === to && !(interval.fromIncluded && interval.toIncluded));
  return isEmpty ? [] : [interval];
}

export function exactly(value: number): Intervals {
  return fromRange({ gte: value, lte: value });
}

export function union(a: Intervals, b: Intervals): Intervals {
  const sorted = [...a, ...b].sort((x, y) => x.from - y.from || Number(y.fromIncluded) - Number(x.fromIncluded));
  const merged: Interval[] = [];
  for (const next of sorted) {
    const last = merged.at(-1);
    if (last === undefined || !touches(last, next)) merged.push({ ...next });
    else if (next.to > last.to || (next.to === last.to && next.toIncluded)) {
      last.to = next.to;
      last.toIncluded = next.toIncluded;
    }
  }
  return merged;
}

function touches(left: Interval, right: Interval): boolean {
  return right.from < left.to || (right.from === left.to && (left.toIncluded || right.fromIncluded));
}

export function contains(outer: Intervals, inner: Intervals): boolean {
  return JSON.stringify(bounds(union(outer, inner))) === JSON.stringify(bounds(outer));
}

/** Infinity has no JSON form. */
function bounds(intervals: Intervals): string[] {
  return intervals.map(({ from, fromIncluded, to, toIncluded }) => `${from} ${fromIncluded} ${to} ${toIncluded}`);
}

/** EventBridge's way to write it; undefined where every number is in it. */
export function toPattern(intervals: Intervals): object[] | undefined {
  if (contains(intervals, EVERYTHING)) return undefined;
  return intervals.map(({ from, fromIncluded, to, toIncluded }) => {
    if (from === to) return { numeric: ['=', from] };
    const lower = from === -Infinity ? [] : [fromIncluded ? '>=' : '>', from];
    const upper = to === Infinity ? [] : [toIncluded ? '<=' : '<', to];
    return { numeric: [...lower, ...upper] };
  });
}
