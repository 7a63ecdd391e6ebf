/** `policy check` and `policy rules`: are the policies sound, and which events reach the responder? */
import { parseArgs } from 'node:util';
import { either } from '../finding/names.ts';
import { eventRules } from '../policy/event-rules.ts';
import { formatProblem } from '../policy/problems.ts';
import { runPolicyTests } from '../policy/run-tests.ts';
import { policyJsonSchema } from '../policy/schema.ts';
import type { Command, Io } from './command.ts';
import { UsageError } from './command.ts';
import { loadPolicies, readPolicies } from './policies-dir.ts';

const SUBCOMMANDS = ['check', 'rules', 'schema'];

export const policy: Command = {
  name: 'policy',
  summary: 'check the policies and their tests, or show the EventBridge patterns they compile to',
  usage: 'check [DIR] | rules [DIR] [--json] | schema',
  async run(args: string[], io: Io): Promise<number> {
    const [subcommand, ...rest] = args;
    if (subcommand === 'check') return check(rest, io);
    if (subcommand === 'rules') return rules(rest, io);
    if (subcommand === 'schema') return schema(io);
    const found = subcommand === undefined ? 'nothing' : subcommand;
    throw new UsageError(`policy: expected ${either(SUBCOMMANDS)}, found ${found}`);
  },
};

function check(args: string[], io: Io): number {
  const { dir } = parse(args, 'check');
  const parsed = readPolicies(io.cwd, dir);
  if ('problems' in parsed) {
    for (const problem of parsed.problems) io.err(`${formatProblem(problem)}\n`);
    return 2;
  }
  const failures = runPolicyTests(parsed.policies, parsed.tests);
  for (const failure of failures) io.err(`${formatProblem(failure)}\n`);
  const files = Object.keys(parsed.policies.accounts).length + 1;
  const total = parsed.tests.length;
  io.out(`${counted(files, 'policy file')} valid; ${total - failures.length} of ${counted(total, 'test')} passed\n`);
  return failures.length === 0 ? 0 : 1;
}

function rules(args: string[], io: Io): number {
  const { dir, json } = parse(args, 'rules');
  const patterns = eventRules(loadPolicies(io.cwd, dir).policies);
  if (json) {
    io.out(`${JSON.stringify(patterns, null, 2)}\n`);
    return 0;
  }
  if (patterns.length === 0) io.out('No event is acted upon: no rule asks for more than ignore.\n');
  for (const { name, pattern } of patterns) io.out(`${name}\n${JSON.stringify(pattern, null, 2)}\n`);
  return 0;
}

/** The text of policies/policy.schema.json. */
function schema(io: Io): number {
  io.out(`${JSON.stringify(policyJsonSchema(), null, 2)}\n`);
  return 0;
}

function parse(args: string[], subcommand: string): { dir?: string; json: boolean } {
  const { values, positionals } = parseOrExplain(args, subcommand);
  const [dir, surplus] = positionals;
  if (surplus !== undefined) throw new UsageError(`policy ${subcommand}: expected one folder, found also ${surplus}`);
  return { ...(dir === undefined ? {} : { dir }), json: values.json };
}

function parseOrExplain(args: string[], subcommand: string) {
  try {
    return parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean', default: false } } });
  } catch (error) {
    throw new UsageError(`policy ${subcommand}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
