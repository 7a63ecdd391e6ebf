/** How every SDK client is made: time limits, attempts, and the deadline of the running step. */
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { Budgets } from '../runbook/budgets.ts';
import { deadlineSignal } from './deadline.ts';

export interface ClientSettings {
  region: string;
  budgets: Pick<Budgets, 'callTimeoutMs' | 'attempts'>;
  /** Another endpoint for every service; the SDK reads AWS_ENDPOINT_URL itself. */
  endpoint?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

export function clientConfig(settings: ClientSettings, attempts = settings.budgets.attempts) {
  const ms = settings.budgets.callTimeoutMs;
  return {
    region: settings.region,
    maxAttempts: attempts,
    // requestTimeout alone only warns; the handler has to be told to end the request.
    requestHandler: new NodeHttpHandler({
      connectionTimeout: ms,
      requestTimeout: ms,
      throwOnRequestTimeout: true,
    }),
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
  };
}

/** The second argument of every `client.send`: the deadline of the running step. */
export function underDeadline(): { abortSignal?: AbortSignal } {
  const abortSignal = deadlineSignal();
  return abortSignal ? { abortSignal } : {};
}

/** JSON-safe copy of an SDK answer: dates become ISO texts, undefined and metadata go. */
export function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, part: unknown) => (key === '$metadata' ? undefined : part))) as unknown;
}

export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** Null where AWS answers with an error of such a name. */
export async function absent<T>(names: RegExp, call: () => Promise<T>): Promise<T | null> {
  try {
    return await call();
  } catch (error) {
    if (names.test(errorName(error))) return null;
    throw error;
  }
}
