import { errorLine } from '../aws/deadline.ts';

interface Part {
  /** What an error calls it. */
  name: string;
  run: () => Promise<void>;
}

/**
 * Runs all of them: one that fails must not keep the others from being done.
 * @throws one error that names every part that failed
 */
export async function tryAll(parts: Part[], how: 'side by side' | 'one by one' = 'side by side'): Promise<void> {
  const failed: string[] = [];
  const attempt = ({ name, run }: Part): Promise<unknown> =>
    run().catch((error: unknown) => failed.push(`${name}: ${errorLine(error)}`));
  if (how === 'side by side') await Promise.all(parts.map(attempt));
  else for (const part of parts) await attempt(part);
  if (failed.length > 0) throw new Error(failed.join('; '));
}
