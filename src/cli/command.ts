/** What every command is to the dispatcher in main.ts. */

export interface Io {
  /** Writes to standard output as it is (no newline added). */
  out(text: string): void;
  /** Writes to standard error as it is. */
  err(text: string): void;
  env: NodeJS.ProcessEnv;
  cwd: string;
}

export interface Command {
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** What follows the name: `FILE [--json]`. */
  usage: string;
  /** Exit code: 0 done as decided, 1 the response fell short, 2 bad input or configuration. */
  run(args: string[], io: Io): Promise<number>;
}

/** Bad input or configuration: one line on standard error and exit code 2; nothing was changed. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
