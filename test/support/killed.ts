/** A command in a process of its own, which may be killed: at the start of an AWS call, so that nobody knows its answer. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Budgets } from '../../src/runbook/budgets.ts';
import { budgetsFor } from './budgets.ts';
import type { IncidentRoom } from './incident-room.ts';

const COMMAND = resolve('src/cli/secresponse.js');

export interface KillAt {
  operation: string;
  /** How often it was called by then. Default: once. */
  nth?: number;
}

export interface Ended {
  code: number | null;
  signal: string | null;
  out: string;
  err: string;
}

/** @throws Error where it ended before it could be killed. */
export async function spawned(
  room: IncidentRoom,
  cwd: string,
  args: string[],
  { killAt, budgets }: { killAt?: KillAt | undefined; budgets?: Partial<Budgets> } = {},
): Promise<Ended> {
  const { proxy } = room.account;
  const start = proxy.calls.length;
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd,
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      ...room.env,
      SECRESPONSE_BUDGETS: JSON.stringify({ ...budgetsFor(room.account), ...budgets }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const exited = new Promise<Ended>((done) => child.once('close', (code, signal) => done({ code, signal, out, err })));
  const watch = setInterval(() => {
    if (!killAt) return;
    const seen = proxy.calls.slice(start).filter(({ operation }) => operation === killAt.operation).length;
    if (seen >= (killAt.nth ?? 1)) child.kill('SIGKILL');
  }, 2);
  const ended = await exited;
  clearInterval(watch);
  if (killAt && ended.signal !== 'SIGKILL') throw new Error(`ended before it could be killed: ${out} ${err}`);
  return ended;
}
