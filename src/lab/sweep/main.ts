/**
 * `npm run sweep [-- --only faults|crashes] [--calls REGEX] [--workers N]`: the whole fault and crash sweep on local AWSs of its
 * own. Prints the table, keeps it in RESULTS.md where it was the whole, and exits with 1 where a demand was broken.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { startLocalAws } from '../local-aws.ts';
import { nameOf } from './calls.ts';
import { crashName, listSteps, runCrash, type Crash } from './crashes.ts';
import { cellName, listCalls, runCell, type CellResult, type Listed } from './faults.ts';
import { inTurn } from './in-turn.ts';
import { crashes, faultCells } from './plan.ts';
import { responderProcess } from './process.ts';
import { keepResults, resultText, type Sweep } from './results.ts';
import type { SceneKind } from './scene.ts';
import { createVictim } from './victim.ts';

const SCENES: SceneKind[] = ['managed', 'lifeline', 'unmanaged'];
const CRASH_SCENES: SceneKind[] = ['managed', 'unmanaged'];

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    calls: { type: 'string', default: '.' },
    workers: { type: 'string', default: String(2 * cpus().length) },
  },
});
const isChosen = (name: string): boolean => new RegExp(values.calls).test(name);
const isWhole = values.only === undefined && values.calls === '.';
const workers = Number(values.workers);
const began = performance.now();
const victim = createVictim();
// One local AWS keeps one processor busy.
const servers = await Promise.all(Array.from({ length: Math.min(4, cpus().length) }, () => startLocalAws()));
const optionsOf = (worker: number) => ({ ...victim, upstream: servers[worker % servers.length]?.endpoint ?? '' });

try {
  const listed = new Map<SceneKind, Listed>();
  for (const scene of SCENES) listed.set(scene, await listCalls(scene, optionsOf(0)));
  const cells = values.only === 'crashes' ? [] : await allFaults(listed);
  const crashed = values.only === 'faults' ? { crashes: [], neverInside: [] } : await allCrashes(listed);
  const sweep: Sweep = { cells, ...crashed, seconds: (performance.now() - began) / 1000 };
  process.stdout.write(resultText(sweep));
  if (isWhole) keepResults(sweep);
  process.exitCode = [...cells, ...sweep.crashes].some(({ faults }) => faults.length > 0) ? 1 : 0;
} finally {
  victim.remove();
  await Promise.all(servers.map((server) => server.stop()));
}

async function allFaults(listed: ReadonlyMap<SceneKind, Listed>): Promise<CellResult[]> {
  const cells = faultCells(listed).filter(({ call }) => isChosen(nameOf(call)));
  const responders = Array.from({ length: workers }, responderProcess);
  try {
    return await inTurn(cells, { what: 'faults', workers, nameOf: cellName }, (cell, worker) =>
      runCell(cell, optionsOf(worker), responders[worker] ?? responderProcess()),
    );
  } finally {
    await Promise.all(responders.map((responder) => responder.kill()));
  }
}

async function allCrashes(listed: ReadonlyMap<SceneKind, Listed>): Promise<Pick<Sweep, 'crashes' | 'neverInside'>> {
  const todo: { scene: SceneKind; crash: Crash }[] = [];
  const steps = new Set<string>();
  for (const scene of CRASH_SCENES) {
    const { checkpoints, steps: names } = await listSteps(scene, optionsOf(0));
    for (const name of names) steps.add(name);
    const single = listed.get(scene)?.single ?? [];
    todo.push(...crashes(single, checkpoints).map((crash) => ({ scene, crash })));
  }
  const results = await inTurn(
    todo.filter(({ crash }) => isChosen(crashName(crash))),
    { what: 'crashes', workers, nameOf: ({ scene, crash }) => `${scene}: ${crashName(crash)}` },
    ({ scene, crash }, worker) => runCrash(scene, crash, optionsOf(worker)),
  );
  const inside = new Set(results.flatMap((result) => result.inside));
  return { crashes: results, neverInside: [...steps].filter((name) => !inside.has(name)) };
}
