/** From the words of the command line to a command and its exit code. */
import { errorLine } from '../aws/deadline.ts';
import { FindingError } from '../finding/finding.ts';
import { visible } from '../finding/names.ts';
import { UsageError, type Command, type Io } from './command.ts';

/** Loaded when named: a command must not wait for another one's libraries. */
const commands: Record<string, () => Promise<Command>> = {
  gameday: async () => (await import('./gameday.ts')).gameday,
  respond: async () => (await import('./respond.ts')).respond,
  release: async () => (await import('./release.ts')).release,
  verify: async () => (await import('./verify.ts')).verify,
  explain: async () => (await import('./explain.ts')).explain,
  approve: async () => (await import('./decide.ts')).approve,
  deny: async () => (await import('./decide.ts')).deny,
  close: async () => (await import('./close.ts')).close,
  stop: async () => (await import('./switch.ts')).stop,
  resume: async () => (await import('./switch.ts')).resume,
  replay: async () => (await import('./switch.ts')).replay,
  incidents: async () => (await import('./incidents.ts')).incidents,
  report: async () => (await import('./report.ts')).report,
  doctor: async () => (await import('./doctor.ts')).doctor,
  policy: async () => (await import('./policy.ts')).policy,
};

export async function main(argv: string[]): Promise<void> {
  const io: Io = {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    env: process.env,
    cwd: process.cwd(),
  };
  // A reader that goes away (`| head`) is no fault of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  process.exitCode = await run(argv, io);
}

/** @returns the exit code; every expected fault is one line on `io.err`. Nothing that a terminal would obey is written. */
export async function run(argv: string[], given: Io): Promise<number> {
  const io: Io = {
    ...given,
    out: (text) => given.out(visible(text)),
    err: (text) => given.err(visible(text)),
  };
  const [name, ...args] = argv;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    io.out(await help());
    return name === undefined ? 2 : 0;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!load) {
    io.err(`secresponse: there is no command ${JSON.stringify(name)}; there are ${Object.keys(commands).join(', ')}\n`);
    return 2;
  }
  const command = await load();
  if (args.includes('--help') || args.includes('-h')) {
    io.out(`${command.summary}\n\nsecresponse ${name} ${command.usage}\n`);
    return 0;
  }
  try {
    return await command.run(args, io);
  } catch (error) {
    if (error instanceof UsageError || error instanceof FindingError) {
      io.err(`secresponse ${name}: ${oneLine(error.message)}\n`);
      return 2;
    }
    const code = (error as { code?: string }).code ?? '';
    if (code.startsWith('ERR_PARSE_ARGS')) {
      io.err(
        `secresponse ${name}: ${errorLine(error).replace(/^[A-Za-z]*Error: /, '')} (usage: ${command.usage.split('\n')[0]})\n`,
      );
      return 2;
    }
    io.err(`secresponse ${name}: ${errorLine(error)}\n`);
    if (io.env['SECRESPONSE_DEBUG']) io.err(`${error instanceof Error ? error.stack : ''}\n`);
    return 1;
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

async function help(): Promise<string> {
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  const lines = all.map(({ name, usage, summary }) => `  ${name} ${usage}\n      ${summary}\n`);
  return `secresponse <command>\n\n${lines.join('')}\nExit code: 0 done as decided, 1 the response fell short, 2 bad input or configuration.\n`;
}
