/**
 * `npm run sweep [-- --part] [--only faults|crashes] [--calls REGEX] [--workers N] [--at ENDPOINT] [--json]
 * [--resume FILE]`: the fault and crash sweep, on local AWSs of its own unless it is given one. The whole is kept in RESULTS.md.
 * Exit code 1: a demand was broken. With a file, what an interrupted sweep has done is not done again.
 */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { crashName, listSteps, runCrash, type Crash, type CrashResult } from './crashes.ts';
import { cellName, listCalls, runCell, type Cell, type CellResult, type Listed } from './faults.ts';
import { inTurn } from './in-turn.ts';
import { partOfCrashes, partOfFaults } from './part.ts';
import { crashes, faultCells, timeouts } from './plan.ts';
import { responderProcess } from './process.ts';
import { jsonOf, keepResults, resultText, type Sweep } from './results.ts';
import type { SceneKind } from './scene.ts';
import { startServers } from './servers.ts';
import { createVictim } from './victim.ts';

const SCENES: SceneKind[] = ['managed', 'lifeline', 'unmanaged'];
const CRASH_SCENES: SceneKind[] = ['unmanaged', 'managed'];

interface Todo {
  faults: Cell[];
  crashes: { scene: SceneKind; crash: Crash }[];
  /** Steps, inside each of which a process is to be killed. */
  steps: string[];
}

const { values } = parseArgs({
  options: {
    part: { type: 'boolean', default: false },
    only: { type: 'string' },
    calls: { type: 'string', default: '.' },
    workers: { type: 'string', default: String(2 * cpus().length) },
    at: { type: 'string' },
    resume: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const isWhole = !values.part && values.only === undefined && values.calls === '.';
const workers = Number(values.workers);
const resumed = values.resume !== undefined && existsSync(values.resume);
const began = performance.now();
const victim = createVictim();
const servers = await startServers(workers, values.at);
const optionsOf = async (worker: number) => ({ ...victim, upstream: await servers.next(worker) });

try {
  const todo = chosen(values.part ? { faults: partOfFaults, crashes: partOfCrashes, steps: [] } : await listed());
  const cells = values.only === 'crashes' ? [] : await runFaults(todo);
  const crashed = values.only === 'faults' ? [] : await runCrashes(todo);
  const inside = new Set(crashed.flatMap((result) => result.inside));
  const neverInside = isWhole ? todo.steps.filter((name) => !inside.has(name)) : [];
  const sweep: Sweep = { cells, crashes: crashed, neverInside, seconds: (performance.now() - began) / 1000, resumed };
  process.stdout.write(values.json ? jsonOf(sweep) : resultText(sweep));
  if (isWhole) keepResults(sweep);
  process.exitCode = [...cells, ...crashed].some(({ faults }) => faults.length > 0) ? 1 : 0;
} finally {
  victim.remove();
  await servers.stop();
}

async function listed(): Promise<Todo> {
  const calls = new Map<SceneKind, Listed>();
  for (const scene of SCENES) calls.set(scene, await listCalls(scene, await optionsOf(0)));
  const todo: Todo = { faults: faultCells(calls), crashes: [], steps: [] };
  for (const scene of values.only === 'faults' ? [] : CRASH_SCENES) {
    const { checkpoints, steps } = await listSteps(scene, await optionsOf(0));
    // Inside the steps that both have, the one is killed that does more.
    const [single, again] = scene === 'managed' ? [calls.get(scene)?.single ?? [], timeouts] : [[], []];
    todo.crashes.push(...[...crashes(single, checkpoints), ...again].map((crash) => ({ scene, crash })));
    todo.steps = [...new Set([...todo.steps, ...steps])];
  }
  return todo;
}

function chosen({ faults, crashes, steps }: Todo): Todo {
  const isChosen = (name: string): boolean => new RegExp(values.calls).test(name);
  return {
    steps,
    faults: faults.filter((cell) => isChosen(cellName(cell))),
    crashes: crashes.filter(({ crash }) => isChosen(crashName(crash))),
  };
}

async function runFaults({ faults }: Todo): Promise<CellResult[]> {
  const responders = Array.from({ length: workers }, responderProcess);
  try {
    return await inTurn(
      faults,
      { what: 'faults', workers, nameOf: cellName, file: values.resume },
      async (cell, worker) => runCell(cell, await optionsOf(worker), responders[worker] ?? responderProcess()),
    );
  } finally {
    await Promise.all(responders.map((responder) => responder.kill()));
  }
}

function runCrashes(todo: Todo): Promise<CrashResult[]> {
  return inTurn(
    todo.crashes,
    { what: 'crashes', workers, nameOf: ({ scene, crash }) => `${scene}: ${crashName(crash)}`, file: values.resume },
    async ({ scene, crash }, worker) => runCrash(scene, crash, await optionsOf(worker)),
  );
}
