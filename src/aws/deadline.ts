/** Time limits for AWS calls. No step waits for AWS without one. */
import { AsyncLocalStorage } from 'node:async_hooks';

const current = new AsyncLocalStorage<AbortSignal>();

/** The signal that the calls of the running `withDeadline` must obey; undefined outside one. */
export function deadlineSignal(): AbortSignal | undefined {
  return current.getStore();
}

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/**
 * Runs `work`; after `ms` milliseconds its AWS calls are aborted and the promise rejects with a DeadlineError, even where
 * `work` itself never ends.
 */
export async function withDeadline<T>(ms: number, what: string, work: () => Promise<T>): Promise<T> {
  const outer = current.getStore();
  const own = new AbortController();
  const signal = outer ? AbortSignal.any([outer, own.signal]) : own.signal;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new DeadlineError(`${what} did not end within ${ms / 1000} s`);
      // Reject first: the caller shall read this, not the abort that follows from it.
      reject(error);
      own.abort(error);
    }, ms);
  });
  // What throws at once rejects, too: else nobody would look at the limit that is set already.
  const running = current.run(signal, async () => work());
  // After the deadline nobody looks at this promise any more.
  running.catch(() => {});
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}

export type Attempt<T> = { ok: true; value: T } | { ok: false; error: string; code: string };

/** `withDeadline` that never rejects: what failed comes back as one line. For the steps of the runbook. */
export async function attempt<T>(ms: number, what: string, work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { ok: true, value: await withDeadline(ms, what, work) };
  } catch (error) {
    return { ok: false, error: errorLine(error), code: error instanceof Error ? error.name : 'Error' };
  }
}

/** An error as one line: its name where that says something, and its message without line breaks. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error && error.message === '' ? error.cause.message : error.message;
  const message = cause.replaceAll(/\s+/g, ' ').trim().slice(0, 500);
  const plain = error.name === 'Error' || error.name === 'DeadlineError' || error.name === 'TypeError';
  if (plain) return message || error.name;
  return message === '' || message === error.name ? error.name : `${error.name}: ${message}`;
}
