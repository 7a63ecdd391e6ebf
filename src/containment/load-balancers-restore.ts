/** What a release registers again. Pure. */
import { isIP } from 'node:net';
import type { Restoration } from './action.ts';
import {
  holds,
  LISTS,
  nameOf,
  sorted,
  targetKey,
  without,
  type Registrations,
  type Target,
} from './load-balancers-state.ts';

/** Registering twice does no harm: what cannot be read is registered again. */
export function restoreRegistrations(
  from: Registrations | null,
  reading: Registrations,
  contained: Registrations | null,
): Restoration<Registrations> {
  if (from === null) {
    const lost = contained ? ['the load balancers before are not known'] : [];
    return { to: reading, left: [], lost };
  }
  const to: Registrations = {
    ...reading,
    targets: { ...reading.targets },
    classic: [...reading.classic],
    adding: true,
  };
  const left: string[] = [];
  for (const [arn, before] of Object.entries(from.targets)) {
    const missing = without(before, reading.targets[arn]);
    if (missing.length === 0) continue;
    if (reading.gone.includes(arn)) {
      left.push(`the target group ${nameOf(arn)} is gone`);
      continue;
    }
    const foreign = missing.filter((target) => isForeign(target, reading));
    left.push(...foreign.map(({ id }) => `${nameOf(arn)}: ${id} is not an address of the instance any more`));
    const back = without(missing, foreign);
    if (back.length > 0) to.targets[arn] = sorted([...(reading.targets[arn] ?? []), ...back]);
  }
  for (const name of from.classic.filter((name) => !reading.classic.includes(name))) {
    if (reading.gone.includes(name)) left.push(`the classic load balancer ${name} is gone`);
    else to.classic.push(name);
  }
  left.push(...since(from, reading));
  return { to: { ...to, classic: to.classic.sort() }, left, lost: [] };
}

/** What is registered that was not recorded. */
function since(from: Registrations, reading: Registrations): string[] {
  const targets = Object.entries(reading.targets).flatMap(([arn, now]) =>
    without(now, from.targets[arn]).map((target) => `${nameOf(arn)}: ${targetKey(target)}`),
  );
  const classic = reading.classic.filter((name) => !from.classic.includes(name)).map((name) => `classic ${name}`);
  return [...targets, ...classic].map((what) => `${what} has been registered since, and is left`);
}

/** An address that the instance has not got any more may be somebody else's by now. */
function isForeign({ id }: Target, { addresses, unread }: Registrations): boolean {
  if (isIP(id) === 0 || unread[LISTS.addresses] !== undefined) return false;
  return !holds(Object.values(addresses).flat(), id);
}
