/** How many calls stand one behind the other: what latency costs, whatever the machine. */
import type { Call } from './proxy.ts';

/**
 * For each call, by its `seq`, its place in the longest chain of calls that had ended when it began; 1 the first.
 * Needs a latency well above the machine's own delays, or calls that ran together look like a chain.
 */
export function rounds(calls: readonly Call[]): Map<number, number> {
  const levels = new Map<number, number>();
  for (const call of calls.toSorted((a, b) => a.startedAt - b.startedAt)) {
    const before = calls.filter(({ endedAt }) => endedAt <= call.startedAt).map(({ seq }) => levels.get(seq) ?? 0);
    levels.set(call.seq, 1 + Math.max(0, ...before));
  }
  return levels;
}
