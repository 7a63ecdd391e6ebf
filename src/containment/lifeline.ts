/** What a VPC offers to the agent of Systems Manager while everything else is cut off, and the rules that leave just that. */
import { BlockList, isIP, isIPv4 } from 'node:net';
import type { Aws } from '../aws/connect.ts';
import type { GroupReading } from '../aws/ec2.ts';
import type { EndpointReading, VpcReading } from '../aws/ec2-network.ts';
import { attempt } from '../aws/deadline.ts';
import { hostRange, rule } from './rules.ts';

/** Read beside everything else, of every VPC: at that time nobody knows yet which one it is about. JSON-safe. */
export interface VpcFacts {
  endpoints: EndpointReading[];
  vpcs: VpcReading[];
  /** What could not be read, a line each. */
  problems: string[];
}

/** How a host may go on talking to Systems Manager. JSON-safe. */
export type Lifeline =
  { possible: true; rules: string[]; resolvers: string[] } | { possible: false; why: string; resolvers: string[] };

export async function readVpcFacts(aws: Aws, readMs: number): Promise<VpcFacts> {
  const [endpoints, vpcs] = await Promise.all([
    attempt(readMs, 'reading the VPC endpoints', () => aws.ec2.agentEndpoints()),
    attempt(readMs, 'reading the VPCs', () => aws.ec2.vpcs()),
  ]);
  return {
    endpoints: endpoints.ok ? endpoints.value : [],
    vpcs: vpcs.ok ? vpcs.value : [],
    problems: [endpoints, vpcs].flatMap((answer) => (answer.ok ? [] : [answer.error])),
  };
}

/**
 * Whether the agent's endpoints of the VPC can be reached from these addresses, and by which rules.
 * One round of calls; what fails makes it impossible, never an error.
 */
export async function lifelineOf(
  aws: Aws,
  vpcId: string,
  addresses: readonly string[],
  facts: VpcFacts,
  readMs: number,
): Promise<Lifeline> {
  const endpoints = facts.endpoints.filter((endpoint) => endpoint.vpcId === vpcId);
  const lacking = lackingService(endpoints);
  const resolving = resolversOf(aws, vpcId, facts, readMs);
  if (lacking !== null) {
    const why = facts.problems.length > 0 ? facts.problems.join('; ') : lacking;
    return { possible: false, why, resolvers: await resolving };
  }
  const [resolvers, where, groups] = await Promise.all([
    resolving,
    attempt(readMs, "reading the endpoints' addresses", () =>
      aws.ec2.addressesOf(unique(endpoints.flatMap(({ interfaceIds }) => interfaceIds))),
    ),
    attempt(readMs, "reading the endpoints' groups", () =>
      aws.ec2.groupsById(unique(endpoints.flatMap(({ groupIds }) => groupIds))),
    ),
  ]);
  if (!where.ok) return { possible: false, why: where.error, resolvers };
  if (!groups.ok) return { possible: false, why: groups.error, resolvers };
  const admitting = new Set(groups.value.filter((group) => admits(group, addresses)).map(({ groupId }) => groupId));
  const open = endpoints.filter(({ groupIds }) => groupIds.some((groupId) => admitting.has(groupId)));
  if (lackingService(open) !== null)
    return {
      possible: false,
      why: `the groups of the VPC's endpoints for Systems Manager do not admit ${addresses.join(', ')} by address`,
      resolvers,
    };
  const rules = [
    ...where.value.map((address) => rule('egress', 'tcp', 443, hostRange(address))),
    ...nameRules(resolvers),
  ];
  return { possible: true, rules: unique(rules).sort(), resolvers };
}

/** As far as the first reading tells. Pure. */
export function hasEndpoints(vpcId: string, { endpoints }: VpcFacts): boolean {
  return lackingService(endpoints.filter((endpoint) => endpoint.vpcId === vpcId)) === null;
}

/** Nothing in, 443 and DNS out. */
export function interimRules(resolvers: readonly string[]): string[] {
  return [rule('egress', 'tcp', 443, '0.0.0.0/0'), rule('egress', 'tcp', 443, '::/0'), ...nameRules(resolvers)].sort();
}

function nameRules(resolvers: readonly string[]): string[] {
  return resolvers.flatMap((address) => [
    rule('egress', 'udp', 53, hostRange(address)),
    rule('egress', 'tcp', 53, hostRange(address)),
  ]);
}

function lackingService(endpoints: EndpointReading[]): string | null {
  const has = (service: string): boolean => endpoints.some((endpoint) => endpoint.service === service);
  if (!has('ssm')) return 'the VPC has no interface endpoint for ssm';
  return has('ssmmessages') || has('ec2messages') ? null : 'the VPC has no interface endpoint for ssmmessages';
}

/** Addresses of the resolvers that the VPC's hosts are told of; its own one where none is known. */
async function resolversOf(aws: Aws, vpcId: string, { vpcs }: VpcFacts, readMs: number): Promise<string[]> {
  const vpc = vpcs.find((found) => found.vpcId === vpcId);
  if (!vpc) return [];
  const { dhcpOptionsId } = vpc;
  const told =
    dhcpOptionsId === null
      ? null
      : await attempt(readMs, 'reading the DHCP options', () => aws.ec2.resolvers(dhcpOptionsId));
  const named = told?.ok ? told.value : ['AmazonProvidedDNS'];
  return unique(
    named.flatMap((server) => (isIP(server) !== 0 ? [server] : vpc.cidrs.slice(0, 1).flatMap(ownResolver))),
  );
}

/** The VPC's own resolver: the base of its first range plus two. */
function ownResolver(cidr: string): string[] {
  const [base = ''] = cidr.split('/');
  if (!isIPv4(base)) return [];
  const number = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) + 2;
  return [[24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')];
}

/** Whether a group lets 443 in from one of the addresses. A group as peer does not count: the host leaves its groups. */
function admits({ ingress }: GroupReading, addresses: readonly string[]): boolean {
  return ingress.some(({ IpProtocol, FromPort, ToPort, IpRanges = [], Ipv6Ranges = [] }) => {
    const covers = IpProtocol === '-1' || (IpProtocol === 'tcp' && (FromPort ?? 0) <= 443 && 443 <= (ToPort ?? 65_535));
    if (!covers) return false;
    const list = new BlockList();
    for (const cidr of [...IpRanges.map(({ CidrIp }) => CidrIp), ...Ipv6Ranges.map(({ CidrIpv6 }) => CidrIpv6)]) {
      const [address = '', bits = ''] = (cidr ?? '').split('/');
      if (isIP(address) !== 0) list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6');
    }
    return addresses.some((address) => isIP(address) !== 0 && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6'));
  });
}

function unique<T>(values: T[]): T[] {
  return [...new Set(values)];
}
