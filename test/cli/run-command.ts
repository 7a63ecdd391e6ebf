/** Runs a command as the dispatcher does, and keeps what it wrote. */
import type { Command } from '../../src/cli/command.ts';

export interface CommandResult {
  code: number;
  out: string;
  err: string;
}

/** The project's root, where commands are run. */
export const ROOT = new URL('../..', import.meta.url).pathname;

export async function runCommand(
  command: Command,
  args: string[],
  { cwd = ROOT, env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<CommandResult> {
  const result: CommandResult = { code: 0, out: '', err: '' };
  const io = {
    out: (text: string) => void (result.out += text),
    err: (text: string) => void (result.err += text),
    env,
    cwd,
  };
  result.code = await command.run(args, io);
  return result;
}
