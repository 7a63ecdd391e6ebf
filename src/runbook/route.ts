/** In which order a host is contained and collected from. Pure. */
import type { Policy } from '../policy/policy.ts';
import type { Isolation } from './incident.ts';

export type Way = NonNullable<Isolation['way']>;

export interface Route {
  way: Way;
  /** For people. */
  why: string;
}

export interface RouteFacts {
  order: Policy['containment']['order'];
  /** Null: something will be run on the host; else why nothing is. */
  notOnHost: string | null;
  /** Whether the VPC has what an agent needs when all else is cut off, or why not. */
  lifeline: { possible: true } | { possible: false; why: string };
}

/** Whether the host is to be collected from at all under this order. Null: it may be. */
export function orderForbidsCollection(order: Policy['containment']['order']): string | null {
  return order === 'contain-first' ? 'the policy contains first: the host is cut off before it could be asked' : null;
}

export function routeOf({ order, notOnHost, lifeline }: RouteFacts): Route {
  if (notOnHost !== null) return { way: 'at-once', why: notOnHost };
  if (order === 'collect-first')
    return { way: 'collect-first', why: 'the policy wants the host to be collected from before it is contained' };
  if (lifeline.possible)
    return { way: 'lifeline', why: 'Systems Manager manages the host, and its VPC has the endpoints for it' };
  return { way: 'interim', why: `Systems Manager manages the host; no lifeline: ${lifeline.why}` };
}

/** Interfaces leave their former groups before the host is collected from. */
export function isHalfContained({ way }: Route): boolean {
  return way === 'lifeline' || way === 'interim';
}

export function collects({ way }: Route): boolean {
  return way !== 'at-once';
}
