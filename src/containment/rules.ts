/** Rules of security groups as short texts, so that they can be compared: `egress tcp 443 10.0.0.7/32`. Pure. */
import type { GroupReading } from '../aws/ec2.ts';

export type Direction = 'ingress' | 'egress';

type Permission = GroupReading['ingress'][number];

/** Every rule of a group, one text for each peer, sorted. Nothing is left out: what is not known by name shows all the same. */
export function rulesOf({ ingress, egress }: Pick<GroupReading, 'ingress' | 'egress'>): string[] {
  return [
    ...ingress.flatMap((rule) => texts('ingress', rule)),
    ...egress.flatMap((rule) => texts('egress', rule)),
  ].sort();
}

export const everything = (direction: Direction): string[] => [
  `${direction} -1 all 0.0.0.0/0`,
  `${direction} -1 all ::/0`,
];

/** `peer`: an address range, a group's id or a prefix list's. */
export function rule(direction: Direction, protocol: 'tcp' | 'udp' | '-1', port: number | 'all', peer: string): string {
  return `${direction} ${protocol} ${port} ${peer}`;
}

/** The one address as a range. */
export function hostRange(address: string): string {
  return address.includes(':') ? `${address}/128` : `${address}/32`;
}

export function directionOf(text: string): Direction {
  return text.startsWith('ingress') ? 'ingress' : 'egress';
}

/** What AWS takes for a rule of this form. */
export function permissionOf(text: string): Permission {
  const [, protocol = '', ports = '', peer = ''] = text.split(' ');
  const [from = '', to = from] = ports.split('-');
  const range = ports === 'all' ? {} : { FromPort: Number(from), ToPort: Number(to) };
  const base = { IpProtocol: protocol, ...range };
  if (peer.startsWith('sg-')) return { ...base, UserIdGroupPairs: [{ GroupId: peer }] };
  if (peer.startsWith('pl-')) return { ...base, PrefixListIds: [{ PrefixListId: peer }] };
  return peer.includes(':') ? { ...base, Ipv6Ranges: [{ CidrIpv6: peer }] } : { ...base, IpRanges: [{ CidrIp: peer }] };
}

function texts(direction: Direction, permission: Permission): string[] {
  const { IpProtocol = '-1', FromPort, ToPort } = permission;
  const ports = portsOf(IpProtocol, FromPort, ToPort);
  const peers = [
    ...(permission.IpRanges ?? []).map(({ CidrIp }) => CidrIp),
    ...(permission.Ipv6Ranges ?? []).map(({ CidrIpv6 }) => CidrIpv6),
    ...(permission.UserIdGroupPairs ?? []).map(({ GroupId, GroupName }) => GroupId ?? GroupName),
    ...(permission.PrefixListIds ?? []).map(({ PrefixListId }) => PrefixListId),
  ];
  return (peers.length === 0 ? ['?'] : peers).map((peer) => `${direction} ${IpProtocol} ${ports} ${peer ?? '?'}`);
}

function portsOf(protocol: string, from: number | undefined, to: number | undefined): string {
  if (protocol === '-1' || from === undefined) return 'all';
  return to === undefined || to === from ? String(from) : `${from}-${to}`;
}
