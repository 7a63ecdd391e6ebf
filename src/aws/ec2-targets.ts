/** EC2: by which private addresses an instance can be reached. */
import { DescribeNetworkInterfacesCommand, type EC2Client, type NetworkInterface } from '@aws-sdk/client-ec2';
import { underDeadline } from './client.ts';

/** VPC id → addresses there, IPv4 and IPv6, and whole prefixes such as `10.0.1.16/28`; sorted. */
export type Addresses = Record<string, string[]>;

export function addressCalls(client: EC2Client) {
  return {
    /** Of every interface that is attached to the instance, in any VPC; follows pages. */
    async addresses(instanceId: string): Promise<Addresses> {
      const Filters = [{ Name: 'attachment.instance-id', Values: [instanceId] }];
      const found: Record<string, Set<string>> = {};
      let NextToken: string | undefined;
      do {
        const answer = await client.send(
          new DescribeNetworkInterfacesCommand({ Filters, ...(NextToken ? { NextToken } : {}) }),
          underDeadline(),
        );
        for (const one of answer.NetworkInterfaces ?? []) {
          const there = (found[one.VpcId ?? ''] ??= new Set());
          for (const address of addressesOf(one)) there.add(address);
        }
        NextToken = answer.NextToken;
      } while (NextToken);
      return Object.fromEntries(Object.entries(found).map(([vpc, addresses]) => [vpc, [...addresses].sort()]));
    },
  };
}

function addressesOf(found: NetworkInterface): string[] {
  return [
    found.PrivateIpAddress,
    ...(found.PrivateIpAddresses ?? []).map(({ PrivateIpAddress }) => PrivateIpAddress),
    ...(found.Ipv6Addresses ?? []).map(({ Ipv6Address }) => Ipv6Address),
    ...(found.Ipv4Prefixes ?? []).map(({ Ipv4Prefix }) => Ipv4Prefix),
    ...(found.Ipv6Prefixes ?? []).map(({ Ipv6Prefix }) => Ipv6Prefix),
  ].filter((address) => address !== undefined);
}
