/** The fault sweep: the sequence once, to list its calls; then once for each call and fault, in an account of its own. */
import type { FaultKind } from '../proxy.ts';
import { isOfKind, kindsOf, nameOf, type CallKind } from './calls.ts';
import { judge, type Verdict } from './demands.ts';
import type { Judged } from './in-turn.ts';
import { responderProcess, type ResponderProcess } from './process.ts';
import { readScene } from './reading.ts';
import { createScene, type Scene, type SceneKind, type SceneOptions } from './scene.ts';

export interface Strike {
  name: string;
  /** late: answered, but after `LATE_MS`. */
  kind: FaultKind | 'late';
  /** How many calls it strikes; absent: every one. */
  times?: number;
  /** How many pass before it strikes. */
  skip?: number;
}

/** A fault that goes on for the whole run, or passes. */
export const STRIKES: readonly Strike[] = [
  { name: 'throttled twice', kind: 'throttle', times: 2 },
  { name: '500', kind: 'error' },
  { name: 'denied', kind: 'denied' },
  { name: 'hangs', kind: 'hang' },
  { name: 'reset', kind: 'reset', times: 1 },
  { name: 'answer lost', kind: 'lost-response', times: 1 },
];

/** Denied from the second call on: what has begun cannot be gone on with. */
export const LATER: Strike = { name: 'denied later', kind: 'denied', skip: 1 };

/** Evidence that takes its time gets some, before anything is changed. */
export const LATE: Strike = { name: 'late', kind: 'late' };
/** Less than `preserveMs`, and than a call's time limit. */
const LATE_MS = 1_500;

export interface Cell {
  scene: SceneKind;
  call: CallKind;
  strike: Strike;
}

export interface CellResult extends Cell, Judged {
  outcome: Verdict['outcome'] | 'no answer';
  /** Until the isolation was verified. */
  seconds: number | null;
}

/** The calls of a sequence. `often`: those of the single ones that are made more than once. */
export type Listed = ReturnType<typeof kindsOf> & { often: CallKind[] };

export function cellName({ scene, call, strike }: Cell): string {
  return `${scene}: ${nameOf(call)} × ${strike.name}`;
}

/** The sequence undisturbed. @throws Error where that alone is not as demanded. */
export async function listCalls(kind: SceneKind, options: SceneOptions): Promise<Listed> {
  const responder = responderProcess();
  const scene = await createScene(kind, options);
  try {
    const { outcome, faults } = await runIn(scene, responder, null);
    if (outcome !== 'whole' || faults.length > 0)
      throw new Error(`${kind}: undisturbed, and yet ${outcome}: ${faults.join('; ')}`);
    const kinds = kindsOf(scene.proxy.calls);
    const count = (one: CallKind): number => scene.proxy.calls.filter((call) => isOfKind(call, one)).length;
    return { ...kinds, often: kinds.single.filter((one) => count(one) > 1) };
  } finally {
    await Promise.all([scene.stop(), responder.kill()]);
  }
}

export async function runCell(cell: Cell, options: SceneOptions, responder: ResponderProcess): Promise<CellResult> {
  const scene = await createScene(cell.scene, options);
  try {
    return { ...cell, ...(await runIn(scene, responder, cell)) };
  } finally {
    await scene.stop();
  }
}

async function runIn(
  scene: Scene,
  responder: ResponderProcess,
  cell: Cell | null,
): Promise<Pick<CellResult, 'outcome' | 'faults' | 'seconds'>> {
  if (cell) strike(scene, cell);
  const answer = await responder.run(scene.job);
  const [incident] = answer && 'incidents' in answer ? answer.incidents : [];
  if (!incident) return { outcome: 'no answer', faults: [JSON.stringify(answer)], seconds: null };
  const struck = cell && {
    kind: cell.call,
    lasting: cell.strike.times === undefined && cell.strike.kind !== 'late',
    late: cell.strike.kind === 'late',
    lost: cell.strike.kind === 'lost-response',
    hangs: cell.strike.kind === 'hang',
    killed: false,
  };
  const verdict = judge({ scene, reading: await readScene(scene), incident, struck });
  if (cell && !scene.proxy.calls.some((call) => isOfKind(call, cell.call)))
    verdict.faults.push(`${nameOf(cell.call)} was not called: the fault struck nothing`);
  return { ...verdict, seconds: incident.isolation?.secondsToIsolation ?? null };
}

function strike({ proxy }: Scene, { call, strike }: Cell): void {
  const { kind, times, skip } = strike;
  if (kind === 'late') proxy.latency(LATE_MS, { service: call.service, operation: call.operation });
  else
    proxy.fault({
      operation: '*',
      kind,
      ...(times === undefined ? {} : { times }),
      ...(skip === undefined ? {} : { skip }),
      matching: (seen) => isOfKind(seen, call),
    });
}
