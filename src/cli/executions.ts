/** Where a local run's state lies: one file per execution, in a folder by account, region and instance. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
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

/** The run that was interrupted on this target, if there is one; else a new one. Runs of living processes are left alone. */
export function openExecution(root: string, { account, region, instanceId }: Target, event: unknown): Execution {
  const folder = join(root, account, region, instanceId);
  mkdirSync(folder, { recursive: true });
  const found = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .flatMap((file) => {
      const store = fileStore(join(folder, file));
      const state = store.load();
      return state && (state.pid === process.pid || !isAlive(state.pid)) ? [{ file, store, state }] : [];
    });
  const [first] = found;
  if (first) {
    const ours = JSON.stringify(first.state.input) === JSON.stringify(event);
    return { ...described(folder, first.file), store: first.store, resumed: true, ours };
  }
  const file = `${new Date().toISOString().replaceAll(/[:.]/g, '')}-${randomUUID().slice(0, 8)}.json`;
  return { ...described(folder, file), store: fileStore(join(folder, file)), resumed: false, ours: true };
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
