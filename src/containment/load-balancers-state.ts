/** Where an instance is registered to get traffic from load balancers, and the comparing of that. Pure. */
import { BlockList, isIP } from 'node:net';

/** As the gateway has it; JSON-safe. */
export type Target = { id: string; port?: number; zone?: string; serverId?: string };

export type Registrations = {
  /** ARN of a target group → the instance's targets there, sorted. Groups without any are left out. */
  targets: { [arn: string]: Target[] };
  /** Names of classic load balancers, sorted. */
  classic: string[];
  /** VPC id → private addresses of the instance there, as addresses or whole prefixes. */
  addresses: { [vpc: string]: string[] };
  /** What of the record does not exist any more: ARNs and names. */
  gone: string[];
  /** What could not be read → why. */
  unread: { [what: string]: string };
  /** A state to come to by registering alone: nothing is taken away for it. */
  adding?: true;
};

/** Keys of `unread` beside the ARNs of target groups. */
export const LISTS = { groups: 'target groups', classic: 'classic load balancers', addresses: 'addresses' } as const;

export function targetKey({ id, port }: Target): string {
  return port === undefined ? id : id.includes(':') ? `[${id}]:${port}` : `${id}:${port}`;
}

export function sorted(targets: Target[]): Target[] {
  return targets.toSorted((a, b) => (targetKey(a) < targetKey(b) ? -1 : 1));
}

/** Those of `targets` that are not in `others`. */
export function without(targets: Target[], others: Target[] = []): Target[] {
  const keys = new Set(others.map(targetKey));
  return targets.filter((target) => !keys.has(targetKey(target)));
}

/** Both, each target once; where both have it, the first one's. */
export function union(targets: Target[] = [], others: Target[] = []): Target[] {
  return sorted([...targets, ...without(others, targets)]);
}

/** Whether an address is one of these, or lies in one of these prefixes. */
export function holds(addresses: string[], address: string): boolean {
  const list = new BlockList();
  for (const one of addresses) {
    const [net = '', bits] = one.split('/');
    const family = familyOf(net);
    if (family === null) continue;
    if (bits === undefined) list.addAddress(net, family);
    else list.addSubnet(net, Number(bits), family);
  }
  const family = familyOf(address);
  return family !== null && list.check(address, family);
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  const version = isIP(address);
  if (version === 0) return null;
  return version === 4 ? 'ipv4' : 'ipv6';
}

/** `web` of a target group's ARN. */
export function nameOf(arn: string): string {
  return /:targetgroup\/([^/]+)\//.exec(arn)?.[1] ?? arn;
}

export function isNone({ targets, classic }: Registrations): boolean {
  return Object.keys(targets).length === 0 && classic.length === 0;
}

/** `web (i-0abc:80), api (10.0.1.5:8080), classic shop`. */
export function words({ targets, classic, unread }: Registrations): string {
  const parts = [
    ...Object.entries(targets).map(([arn, found]) => `${nameOf(arn)} (${found.map(targetKey).join(', ')})`),
    ...classic.map((name) => `classic ${name}`),
    ...(Object.keys(unread).length > 0 ? ['what could not be read'] : []),
  ];
  return parts.join(', ') || 'none';
}

export function unreadLines({ unread }: Registrations): string[] {
  return Object.entries(unread).map(([what, why]) => `${nameOf(what)} could not be read: ${why}`);
}

/** What `one` has and `other` has not. */
export function difference(one: Registrations, other: Registrations) {
  const targets = Object.entries(one.targets).map(([arn, found]) => [arn, without(found, other.targets[arn])] as const);
  return {
    targets: targets.filter(([, found]) => found.length > 0),
    classic: one.classic.filter((name) => !other.classic.includes(name)),
  };
}

/** What cannot be read is not the same as nothing; where only adding counts, it does not count. */
export function same(one: Registrations, other: Registrations): boolean {
  const isSame = [difference(one, other), difference(other, one)].every(
    ({ targets, classic }) => targets.length === 0 && classic.length === 0,
  );
  const unread = [one, other].map((state) => Object.keys(state.unread).toSorted().join());
  return isSame && (one.adding === true || other.adding === true || unread[0] === unread[1]);
}
