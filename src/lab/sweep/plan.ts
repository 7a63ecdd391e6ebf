/** Which cells there are. What a scene does as one before it did is not struck again. */
import { nameOf, type CallKind } from './calls.ts';
import type { Crash } from './crashes.ts';
import { isNeeded } from './demands.ts';
import { TAKEN_FIRST } from './demands-order.ts';
import { LATE, LATER, STRIKES, type Cell, type Listed } from './faults.ts';
import type { SceneKind } from './scene.ts';

/** A whole operation, or a whole service: the two that say most. What passes is seen with the single calls. */
const OUTAGES = STRIKES.filter(({ name }) => name === 'denied' || name === 'hangs');

export function faultCells(listed: ReadonlyMap<SceneKind, Listed>): Cell[] {
  const cells: Cell[] = [];
  const seen = new Set<string>();
  for (const [scene, { single, operations, services, often }] of listed) {
    // The network's own calls do something else on each way into quarantine.
    const fresh = single.filter((call) => !seen.has(nameOf(call)) || isNeeded(call));
    const each = (calls: readonly CallKind[], strikes: typeof STRIKES): void => {
      for (const call of calls) for (const strike of strikes) cells.push({ scene, call, strike });
    };
    each(fresh, STRIKES);
    each(
      often.filter((call) => fresh.includes(call) && !isReading(call)),
      [LATER],
    );
    each(
      fresh.filter(({ operation }) => TAKEN_FIRST.includes(operation)),
      [LATE],
    );
    each(seen.size === 0 ? [...operations, ...services] : [], OUTAGES);
    for (const call of single) seen.add(nameOf(call));
  }
  return cells;
}

export function isReading({ operation }: CallKind): boolean {
  return /^(Describe|Get)/.test(operation);
}

/** A time-out of that many seconds: none ends a run at the same points as another one, and each is longer than any step. */
export const timeouts: Crash[] = [2.8, 3.1, 3.4, 3.7, 4, 4.3, 4.7, 5.1].map((seconds) => ({ at: 'timeout', seconds }));

/** How many times the checkpoints of the run that was counted another one may have. */
const MORE = 1.4;

/** After each checkpoint; at each call, once before AWS has done it and once after; and the clock to and fro. */
export function crashes(calls: readonly CallKind[], checkpoints: number): Crash[] {
  const numbers = Array.from({ length: checkpoints }, (_, index) => index + 1);
  // What runs side by side may share a checkpoint: another run may have more of them. Beyond its last one a run is killed at its end.
  const more = Array.from({ length: Math.ceil(MORE * checkpoints) }, (_, index) => index + 1);
  return [
    ...more.map((number): Crash => ({ at: 'checkpoint', number })),
    ...calls.map((call): Crash => ({ at: 'call', call, made: true })),
    ...calls.filter((call) => !isReading(call)).map((call): Crash => ({ at: 'call', call, made: false })),
    ...numbers
      .filter((number) => number % 12 === 1)
      .flatMap((checkpoint) => [24, -24].map((hours): Crash => ({ at: 'jump', checkpoint, hours }))),
  ];
}
