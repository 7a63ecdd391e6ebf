/** Is this account ready? Every check, and how they are run. Changes nothing. */
import { attempt } from '../aws/deadline.ts';
import { collection } from './collection.ts';
import type { Check, CheckResult, Room } from './check.ts';
import { detection } from './detection.ts';
import { functions } from './functions.ts';
import { keys } from './keys.ts';
import { messages } from './messages.ts';
import { others } from './network.ts';
import { eventBridge } from './rules.ts';
import { stores } from './stores.ts';

export const checks: readonly Check[] = [
  ...stores,
  ...keys,
  ...collection,
  ...functions,
  ...detection,
  ...eventBridge,
  ...messages,
  ...others,
];

/** @returns a result or more for each check that applies, in their order. `ms`: what a check may take. */
export async function diagnose(room: Room, ms: number): Promise<CheckResult[]> {
  const running = new Map<string, Promise<CheckResult[]>>();
  for (const check of checks) running.set(check.name, runOne(check, room, running, ms));
  return (await Promise.all(running.values())).flat();
}

/** Ready: nothing stands in the way, and all of that was seen. */
export function isReady(results: readonly CheckResult[]): boolean {
  return results.every(({ level }) => level === 'ok' || level === 'warning');
}

async function runOne(
  check: Check,
  room: Room,
  running: ReadonlyMap<string, Promise<CheckResult[]>>,
  ms: number,
): Promise<CheckResult[]> {
  if (check.applies?.(room) === false) return [];
  const needed = await Promise.all([check.needs ?? []].flat().map((name) => running.get(name) ?? Promise.resolve([])));
  if (needed.flat().some((one) => one.level === 'not-ready')) return [];
  const answer = await attempt(ms, check.name, () => check.run(room));
  if (answer.ok) return answer.value.map((verdict) => ({ check: check.name, ...verdict }));
  const { name, permission } = check;
  if (!isDenied(`${answer.code} ${answer.error}`))
    return [{ check: name, level: 'unchecked', says: answer.error, todo: 'try again' }];
  const says = `could not be checked: the caller lacks ${permission} (${answer.error})`;
  return [{ check: name, level: 'unchecked', says, todo: `allow ${permission}`, permission }];
}

function isDenied(error: string): boolean {
  return /AccessDenied|UnauthorizedOperation|AuthorizationError|NotAuthorized|Forbidden|^403/i.test(error);
}
