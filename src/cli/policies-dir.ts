/** Reads a folder of policies: `default.yml` and `accounts/<account id>.yml`. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { isAccountId } from '../finding/ids.ts';
import type { ParsedPolicies, PolicyText } from '../policy/parse.ts';
import { parsePolicies } from '../policy/parse.ts';
import { BASE, policyFor, type Policy } from '../policy/policy.ts';
import type { Problem } from '../policy/problems.ts';
import { formatProblem } from '../policy/problems.ts';
import { UsageError } from './command.ts';

const POLICIES_DIR = 'policies';

/** Everything that is wrong with the folder comes back as problems; only a folder that is not there is a usage error. */
export function readPolicies(cwd: string, dir = POLICIES_DIR): ParsedPolicies | { problems: Problem[] } {
  const root = resolve(cwd, dir);
  if (!existsSync(root) || !statSync(root).isDirectory()) throw new UsageError(`${dir}: no such folder of policies`);
  const named = (path: string): string => relative(cwd, path);
  const misplaced: Problem[] = [];
  const texts: PolicyText[] = [];
  const defaultFile = join(root, 'default.yml');
  if (existsSync(defaultFile)) texts.push({ file: named(defaultFile), text: read(defaultFile, named) });
  const accounts = join(root, 'accounts');
  for (const name of existsSync(accounts) ? readdirSync(accounts).sort() : []) {
    const file = join(accounts, name);
    const account = name.endsWith('.yml') ? name.slice(0, -'.yml'.length) : '';
    if (isAccountId(account)) texts.push({ file: named(file), text: read(file, named), account });
    // A policy under a name that nothing reads would be believed in and not be in force.
    else if (!name.startsWith('.')) misplaced.push(problem(named(file), 'found this name, expected <12 digits>.yml'));
  }
  const parsed = parsePolicies(texts);
  if (!('problems' in parsed) && misplaced.length === 0) return parsed;
  const problems = [...misplaced, ...('problems' in parsed ? parsed.problems : [])];
  const place = ({ file, ...rest }: Problem): Problem => ({
    ...rest,
    file: file === 'default.yml' ? named(defaultFile) : file,
  });
  return { problems: problems.map(place) };
}

/** For commands that need sound policies: a problem is a usage error whose lines are the problems. */
export function loadPolicies(cwd: string, dir?: string): ParsedPolicies {
  const parsed = readPolicies(cwd, dir);
  if (!('problems' in parsed)) return parsed;
  const [first, ...others] = parsed.problems.map(formatProblem);
  const more = others.length === 0 ? '' : ` (and ${others.length} more: secresponse policy check)`;
  throw new UsageError(`${first}${more}`);
}

/** What holds for an account in the folder where a command runs; without a folder of policies, what holds where none says otherwise. */
export function policyHere(cwd: string, account: string): Policy {
  if (!existsSync(resolve(cwd, POLICIES_DIR))) return BASE;
  return policyFor(loadPolicies(cwd).policies, account);
}

function read(path: string, named: (path: string) => string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${named(path)}: cannot be read`, { cause: error });
  }
}

function problem(file: string, message: string): Problem {
  return { file, line: 1, column: 1, message };
}
