/** The event by which the clock asks for a look at the open incidents. Pure. */

export const DRIFT_CHECK = { secresponse: 'drift' } as const;

/** Exactly that event: anything beside it is somebody's finding or request. */
export function isDriftCheck(event: unknown): boolean {
  return JSON.stringify(event) === JSON.stringify(DRIFT_CHECK);
}
