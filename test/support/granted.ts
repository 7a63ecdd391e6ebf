/** In every test that runs a function: it makes no call whose action its role does not name. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Call } from '../../src/lab/proxy.ts';

type FunctionName = 'responder' | 'release';

/** The access key of the functions: calls that tests make by themselves have another. */
export const FUNCTION_KEY = 'function';

/** Calls that are made only where a person's command runs the same code, with the person's own rights. */
const BY_A_PERSON = new Set([
  // A table of one's own need not have the stack's index; and its key may have another name.
  'dynamodb:Scan',
  'dynamodb:DescribeTable',
  // Where no function is named that denies sessions.
  'iam:DeleteRolePolicy',
  'iam:PutRolePolicy',
]);

const granted = new Map<FunctionName, Set<string>>();

/** @throws Error that names the first call which the role of the function does not allow. */
export function assureGranted(name: FunctionName, calls: readonly Call[]): void {
  const actions = granted.get(name) ?? actionsOf(name);
  granted.set(name, actions);
  for (const { service, operation, headers, path } of calls) {
    if (!headers.authorization?.includes(`Credential=${FUNCTION_KEY}/`)) continue;
    const action = `${service}:${named(service, operation, path)}`;
    if (!actions.has(action) && !BY_A_PERSON.has(action))
      throw new Error(`${name} has called ${action}, which src/stack/resources/${name}-role.yml does not allow`);
  }
}

function named(service: string, operation: string, path: string): string {
  if (service === 'lambda') return 'InvokeFunction';
  if (service === 'guardduty') return path.includes('/findings/') ? 'GetFindings' : 'ListDetectors';
  return operation;
}

/** Every action that stands in the file, under whatever condition. */
function actionsOf(name: FunctionName): Set<string> {
  const text = readFileSync(join(process.cwd(), 'src/stack/resources', `${name}-role.yml`), 'utf8');
  const found = new Set<string>();
  JSON.stringify(parse(text), (key, value: unknown) => {
    if (key === 'Action') for (const action of [value].flat()) found.add(String(action));
    return value;
  });
  return found;
}
