/** Finds a Python with the pinned moto, or makes one in the project's ignored .venv folder. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const PINNED_MOTO = '5.2.1';
/** The launcher's exit code for "not this Python". */
export const WRONG_PYTHON = 3;

const VENVS = fileURLToPath(new URL('../../.venv/', import.meta.url));
const VENV = `${VENVS}moto-${PINNED_MOTO}`;

/** Pythons to try, in order; each may turn out to be missing or to lack moto. */
export function pythonCandidates(env: NodeJS.ProcessEnv = process.env): string[] {
  const venv = venvPython(VENV);
  return [...(env['PYTHON'] ? [env['PYTHON']] : []), 'python3', ...(existsSync(venv) ? [venv] : [])];
}

/**
 * Makes a virtual environment with the pinned moto and returns its Python.
 * It is made beside its final place and renamed, so that two processes at the same time do not write into one another's.
 */
export async function makeVenv(notice: (line: string) => void, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const base = await basePython(env);
  notice(`Installing the local AWS (moto ${PINNED_MOTO}) into .venv, once; this takes a minute.`);
  await mkdir(VENVS, { recursive: true });
  const draft = `${VENVS}draft-${process.pid}-${Date.now()}`;
  try {
    await run(base, ['-m', 'venv', draft]).catch((error: unknown) => {
      throw prerequisite(`${base} cannot make a virtual environment: install its venv module (python3-venv)`, error);
    });
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `moto[server]==${PINNED_MOTO}`];
    await run(venvPython(draft), install, { maxBuffer: 1 << 24 }).catch((error: unknown) => {
      throw prerequisite(
        `pip could not install moto[server]==${PINNED_MOTO}: check the network, or set PYTHON to a Python that has it`,
        error,
      );
    });
    await rename(draft, VENV).catch(async (error: unknown) => {
      // Another process was faster; its environment is as good as ours.
      if (!existsSync(venvPython(VENV))) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return venvPython(VENV);
}

async function basePython(env: NodeJS.ProcessEnv): Promise<string> {
  for (const candidate of [...(env['PYTHON'] ? [env['PYTHON']] : []), 'python3']) {
    try {
      await run(candidate, ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))'], { env });
      return candidate;
    } catch {
      // Missing or too old: the next one may do.
    }
  }
  throw new Error('the local AWS needs Python 3.10 or newer: install python3 with its venv module, or set PYTHON');
}

function prerequisite(text: string, cause: unknown): Error {
  return new Error(`the local AWS could not be prepared: ${text}`, { cause });
}

function venvPython(folder: string): string {
  return `${folder}/bin/python`;
}
