/** The event by which the clock asks for a look at the open incidents. Pure. */
import type { Target } from '../finding/finding.ts';
import { isObject } from '../finding/validate.ts';

export const DRIFT_CHECK = { secresponse: 'drift' } as const;

/** How often the clock asks. */
export const DRIFT_SCHEDULE = 'rate(15 minutes)';

/** Exactly that event: anything beside it is somebody's finding or request. */
export function isDriftCheck(event: unknown): boolean {
  return JSON.stringify(event) === JSON.stringify(DRIFT_CHECK);
}

/** What an execution is started with that looks at some of them. */
export function driftPart(targets: readonly Target[]): object {
  return { ...DRIFT_CHECK, targets };
}

/** The targets of such a part; null for everything else. */
export function driftTargets(event: unknown): Target[] | null {
  if (!isObject(event) || Object.keys(event).join() !== 'secresponse,targets') return null;
  const { secresponse, targets } = event;
  return secresponse === DRIFT_CHECK.secresponse && Array.isArray(targets) && targets.every(isTarget) ? targets : null;
}

function isTarget(value: unknown): value is Target {
  return isObject(value) && ['account', 'region', 'instanceId'].every((key) => typeof value[key] === 'string');
}
