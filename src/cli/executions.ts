/** Where a local run's state lies: one file per execution, in a folder by account, region and instance. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from '../finding/finding.ts';
import { fileStore, type ExecutionStore } from '../runbook/engine.ts';

export interface Execution {
  file: string;
  name: string;
  store: ExecutionStore;
  /** An earlier process began it and died. */
  resumed: boolean;
  /** It is about this very request. */
  ours: boolean;
  remove(): void;
}

/**
 * The run that was interrupted on this target, if there is one; else a new one. Runs of living processes are left alone.
 * `kind`: a folder of its own for what is no response.
 */
export function openExecution(root: string, target: Target, event: unknown, kind = ''): Execution {
  const folder = folderOf(root, target, kind);
  mkdirSync(folder, { recursive: true });
  const [first] = abandoned(folder);
  if (first) {
    const ours = JSON.stringify(first.state.input) === JSON.stringify(event);
    return { ...described(folder, first.file), store: first.store, resumed: true, ours };
  }
  const file = `${new Date().toISOString().replaceAll(/[:.]/g, '')}-${randomUUID().slice(0, 8)}.json`;
  return { ...described(folder, file), store: fileStore(join(folder, file)), resumed: false, ours: true };
}

/** File of a response to this target that was interrupted; null where there is none. */
export function interrupted(root: string, target: Target): string | null {
  const folder = folderOf(root, target, '');
  const [first] = existsSync(folder) ? abandoned(folder) : [];
  return first ? join(folder, first.file) : null;
}

function folderOf(root: string, { account, region, instanceId }: Target, kind: string): string {
  return join(root, account, region, instanceId, kind);
}

function abandoned(folder: string) {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .flatMap((file) => {
      const store = fileStore(join(folder, file));
      const state = store.load();
      // One that ended with an error would only end with it again: it is kept for looking at, not gone on with.
      if (!state || state.done?.error !== undefined) return [];
      return state.pid === process.pid || !isAlive(state.pid) ? [{ file, store, state }] : [];
    });
}

function described(folder: string, file: string) {
  const path = join(folder, file);
  return { file: path, name: file.replace(/\.json$/, ''), remove: () => rmSync(path, { force: true }) };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of somebody else's is alive, too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
