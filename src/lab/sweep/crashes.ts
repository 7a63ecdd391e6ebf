/**
 * The crash sweep: the responder's process is killed (SIGKILL: nothing of it goes on) after each checkpoint and inside each
 * step, and another one goes on with the state that was saved. The clock's cells are beside: a clock that jumps is no crash,
 * but as sudden.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileStore, type ExecutionState } from '../../runbook/engine.ts';
import type { Struck } from './after.ts';
import { isOfKind, nameOf, type CallKind } from './calls.ts';
import { judge, type Verdict } from './demands.ts';
import type { Judged } from './in-turn.ts';
import { responderProcess } from './process.ts';
import { readScene } from './reading.ts';
import { createScene, type Scene, type SceneKind, type SceneOptions } from './scene.ts';

export type Crash =
  | { at: 'checkpoint'; number: number }
  /** `made`: AWS has done what the call asks for, and the answer is lost with the process. */
  | { at: 'call'; call: CallKind; made: boolean }
  | { at: 'jump'; checkpoint: number; hours: number };

export interface CrashResult extends Judged {
  scene: SceneKind;
  crash: Crash;
  outcome: Verdict['outcome'] | 'no answer';
  /** Steps that had begun and not ended when the process was killed. */
  inside: string[];
}

export interface CrashOptions extends SceneOptions {
  /** For the state that a killed run leaves. */
  scratch: string;
}

export function crashName(crash: Crash): string {
  if (crash.at === 'checkpoint') return `killed after checkpoint ${crash.number}`;
  if (crash.at === 'call') return `killed ${crash.made ? 'after' : 'before'} ${nameOf(crash.call)} was made`;
  return `the clock jumps by ${crash.hours} h at checkpoint ${crash.checkpoint}`;
}

/** What an undisturbed run consists of; `steps`: those that it can be killed inside of. */
export async function listSteps(
  kind: SceneKind,
  options: CrashOptions,
): Promise<{ checkpoints: number; steps: string[] }> {
  const scene = await createScene(kind, options);
  const responder = responderProcess();
  try {
    const stateFile = stateFileIn(options);
    const answer = await responder.run({ ...scene.job, stateFile });
    if (!answer || 'error' in answer) throw new Error(`${kind}: undisturbed, and yet ${JSON.stringify(answer)}`);
    return { checkpoints: answer.checkpoints, steps: answer.open };
  } finally {
    await Promise.all([scene.stop(), responder.kill()]);
  }
}

export async function runCrash(kind: SceneKind, crash: Crash, options: CrashOptions): Promise<CrashResult> {
  const scene = await createScene(kind, options);
  try {
    const stateFile = stateFileIn(options);
    const faults: string[] = [];
    const before = crash.at === 'jump' ? {} : await killed(scene, crash, stateFile, faults);
    const jump = crash.at === 'jump' ? { jump: { atCheckpoint: crash.checkpoint, ms: crash.hours * 3_600_000 } } : {};
    const responder = responderProcess();
    const answer = await responder.run({ ...scene.job, stateFile, ...jump });
    await responder.kill();
    const inside = Object.values(before).flatMap(({ name, ended }) => (ended === null ? [name] : []));
    const [incident] = answer && 'incidents' in answer ? answer.incidents : [];
    const base = { scene: kind, crash, inside };
    if (!incident) return { ...base, outcome: 'no answer', faults: [...faults, JSON.stringify(answer)] };
    const { outcome, faults: found } = judge({
      scene,
      reading: await readScene(scene),
      incident,
      struck: KILLED,
    });
    return {
      ...base,
      outcome,
      faults: [...faults, ...found, ...ranAgain(before, stepsOf(fileStore(stateFile).load()))],
    };
  } finally {
    await scene.stop();
  }
}

const KILLED: Struck = {
  kind: { service: '', operation: '' },
  lasting: false,
  lost: false,
  late: false,
  hangs: false,
  killed: true,
};

function stateFileIn({ scratch }: CrashOptions): string {
  return join(scratch, `${randomBytes(6).toString('hex')}.json`);
}

/** Runs until the kill. @returns the steps as they were saved. */
async function killed(
  scene: Scene,
  crash: Exclude<Crash, { at: 'jump' }>,
  stateFile: string,
  faults: string[],
): Promise<Steps> {
  const responder = responderProcess();
  if (crash.at === 'call')
    scene.proxy.fault({
      operation: '*',
      kind: crash.made ? 'lost-response' : 'hang',
      times: 1,
      matching: (call) => isOfKind(call, crash.call),
      onStrike: () => responder.kill(),
    });
  const at = crash.at === 'checkpoint' ? { killAtCheckpoint: crash.number } : {};
  const answer = await responder.run({ ...scene.job, stateFile, ...at });
  await responder.kill();
  // What it had asked for is done or not before another one goes on: AWS takes less time for that than a new start.
  await scene.proxy.idle();
  if (answer) faults.push('it ended before it could be killed');
  return stepsOf(fileStore(stateFile).load());
}

type Steps = Record<string, { name: string; ended: string | null; result: string | undefined }>;

function stepsOf(state: ExecutionState | null): Steps {
  return Object.fromEntries(
    (state?.operations ?? [])
      .filter(({ Type }) => Type === 'STEP')
      .map(({ Id = '', Name = '', Status, EndTimestamp, StepDetails }) => [
        Id,
        { name: Name, ended: Status === 'SUCCEEDED' ? String(EndTimestamp) : null, result: StepDetails?.Result },
      ]),
  );
}

/** A step that had ended has ended then, and with that result. */
function ranAgain(before: Steps, after: Steps): string[] {
  return Object.entries(before).flatMap(([id, step]) => {
    if (step.ended === null) return [];
    const now = after[id];
    return now?.ended === step.ended && now.result === step.result ? [] : [`the step ${step.name} ran again`];
  });
}
