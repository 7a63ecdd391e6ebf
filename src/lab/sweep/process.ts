/** The responder in processes of its own. */
import { fork, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer, Job } from './responder-process.ts';

export interface ResponderProcess {
  /** @returns null where it was killed meanwhile. */
  run: (job: Job) => Promise<Answer | null>;
  /** At once, and gone when this returns: it makes no more call, and writes nothing. */
  kill: () => Promise<void>;
}

const FILE = fileURLToPath(new URL('responder-process.ts', import.meta.url));

export function responderProcess(): ResponderProcess {
  const child = fork(FILE, {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      AWS_EC2_METADATA_DISABLED: 'true',
      // Half of what a process costs until it can begin.
      NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
    },
  });
  // Killed: nobody listens any more.
  child.on('error', () => {});
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    run: (job) => Promise.race([answered(child, job), exited.then(() => null)]),
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function answered(child: ChildProcess, job: Job): Promise<Answer> {
  return new Promise((resolve) => {
    child.once('message', (answer) => resolve(answer as Answer));
    child.send(job);
  });
}
