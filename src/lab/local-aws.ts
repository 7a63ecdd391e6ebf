/** The local AWS: a moto server in a child process, mended by src/lab/mends, on 127.0.0.1. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { listenForDeliveries, type Delivery } from './deliveries.ts';
import { makeVenv, pythonCandidates, WRONG_PYTHON } from './python.ts';

export type { Delivery } from './deliveries.ts';

export interface LocalAws {
  endpoint: string;
  /** Forgets everything in every account. */
  reset: () => Promise<void>;
  /** Ends the server; lets go of one that was attached to, or is to be kept. */
  stop: () => Promise<void>;
  /**
   * Hears what EventBridge delivers to Lambda targets, in every account, also what came before the first listener.
   * @returns a function that removes the listener.
   */
  onDelivery: (listener: (delivery: Delivery) => void) => () => void;
}

export interface StartOptions {
  /** Moto as it is, without mends: for tests that show what a mend is for. */
  stock?: boolean;
  /** The server outlives this process; end it by its pid. */
  keep?: boolean;
  /** Default: a free one. */
  port?: number;
  /** Hears a line when something takes long. Default: standard error. */
  notice?: (line: string) => void;
}

interface Launched {
  child: ChildProcess;
  port: number;
  pid: number;
}

const LAUNCHER = fileURLToPath(new URL('launcher.py', import.meta.url));
const MARKER = '/moto-api/secresponse';
const START_TIMEOUT_MS = 60_000;

/** Starts a local AWS and waits until it answers. */
export async function startLocalAws(options: StartOptions = {}): Promise<LocalAws & { pid: number }> {
  const { child, port, pid } = await launch(options);
  const endpoint = `http://127.0.0.1:${port}`;
  const deliveries = listenForDeliveries(`${endpoint}${MARKER}`, 0);
  return {
    endpoint,
    pid,
    reset: () => reset(endpoint),
    onDelivery: (listener) => deliveries.add(listener),
    async stop() {
      deliveries.close();
      if (!options.keep) await end(child);
    },
  };
}

/** Uses a local AWS that runs already, such as one that was kept. Refuses an endpoint that is something else. */
export async function attachLocalAws(endpoint: string): Promise<LocalAws> {
  const base = endpoint.replace(/\/+$/, '');
  const deliveries = listenForDeliveries(`${base}${MARKER}`, await latestDelivery(base));
  return {
    endpoint: base,
    reset: () => reset(base),
    onDelivery: (listener) => deliveries.add(listener),
    stop: async () => deliveries.close(),
  };
}

async function latestDelivery(endpoint: string): Promise<number> {
  let answer;
  try {
    answer = await fetch(`${endpoint}${MARKER}`, { signal: AbortSignal.timeout(5_000) });
  } catch (error) {
    throw new Error(`no local AWS answers at ${endpoint}`, { cause: error });
  }
  const text = await answer.text();
  if (!answer.ok || !text.includes('secresponse local AWS'))
    throw new Error(`what answers at ${endpoint} is not a local AWS of this project: start one with gameday --keep`);
  return (JSON.parse(text) as { latest: number }).latest;
}

async function reset(endpoint: string): Promise<void> {
  const answer = await fetch(`${endpoint}/moto-api/reset`, { method: 'POST' });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`the local AWS could not be reset: status ${answer.status}`);
}

async function launch(options: StartOptions): Promise<Launched> {
  for (const python of pythonCandidates()) {
    const launched = await tryLaunch(python, options);
    if (launched) return launched;
  }
  const notice = options.notice ?? ((line: string) => process.stderr.write(`${line}\n`));
  const launched = await tryLaunch(await makeVenv(notice), options);
  if (!launched) throw new Error('the local AWS does not start: delete the .venv folder and try again');
  return launched;
}

/** @returns null where this Python is missing, too old or without the pinned moto. */
async function tryLaunch(python: string, { stock, keep, port }: StartOptions): Promise<Launched | null> {
  const args = [LAUNCHER, '--port', `${port ?? 0}`, ...(stock ? ['--stock'] : []), ...(keep ? ['--keep'] : [])];
  const child = spawn(python, args, { env: cleanEnvironment(), detached: keep ?? false, stdio: 'pipe' });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4_000)));
  child.stdin.on('error', () => {});
  const found = await firstLine(child, () => errors);
  if (found === null) return null;
  if (keep) {
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
  }
  // The pipes and the child must not keep a finished program alive; the child sees its input close and ends.
  child.unref();
  for (const pipe of [child.stdin, child.stdout, child.stderr]) (pipe as unknown as { unref(): void }).unref();
  return { child, ...(JSON.parse(found) as { port: number; pid: number }) };
}

function firstLine(child: ChildProcess, errors: () => string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the local AWS did not start within ${START_TIMEOUT_MS / 1000} s`));
    }, START_TIMEOUT_MS);
    const settle = (action: () => void) => {
      clearTimeout(timer);
      action();
    };
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end >= 0) settle(() => resolve(text.slice(0, end)));
    });
    child.once('error', () => settle(() => resolve(null)));
    child.once('close', (code) =>
      settle(() => {
        if (code === WRONG_PYTHON || code === 127) resolve(null);
        else reject(new Error(`the local AWS ended with code ${code} before it answered: ${errors().trim()}`));
      }),
    );
  });
}

/** Without the caller's AWS and moto settings, which would point moto's own SDK elsewhere or change its accounts. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(AWS|MOTO)_/.test(name));
  return {
    ...Object.fromEntries(kept),
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    // No __pycache__ folders in the source tree.
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.ref();
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 2_000);
  await ended;
  clearTimeout(timer);
}
