/** EC2: what a VPC offers to the agent of Systems Manager, and rules of groups. Every method is one AWS call and its pages. */
import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  DescribeDhcpOptionsCommand,
  DescribeNetworkInterfacesCommand,
  DescribeVpcEndpointsCommand,
  DescribeVpcsCommand,
  type EC2Client,
  type IpPermission,
} from '@aws-sdk/client-ec2';
import { errorName, underDeadline } from './client.ts';

export interface EndpointReading {
  vpcId: string;
  /** `ssm`, `ssmmessages` or `ec2messages`. */
  service: string;
  interfaceIds: string[];
  groupIds: string[];
}

export interface VpcReading {
  vpcId: string;
  /** IPv4 ranges, the first one first. */
  cidrs: string[];
  /** Null where the VPC has none. */
  dhcpOptionsId: string | null;
}

/** The services that an agent talks to; of the last two it needs one. */
const AGENT_SERVICES = ['ssm', 'ssmmessages', 'ec2messages'] as const;

export function networkCalls(client: EC2Client, region: string) {
  return {
    /** Interface endpoints for the agent in every VPC, that are up and that the services' own names lead to. */
    async agentEndpoints(): Promise<EndpointReading[]> {
      const names = AGENT_SERVICES.flatMap((service) => [
        `com.amazonaws.${region}.${service}`,
        `cn.com.amazonaws.${region}.${service}`,
      ]);
      const found = await pages((NextToken) =>
        client.send(
          new DescribeVpcEndpointsCommand({ Filters: [{ Name: 'service-name', Values: names }], ...NextToken }),
          underDeadline(),
        ),
      );
      return found
        .flatMap(({ VpcEndpoints }) => VpcEndpoints ?? [])
        .filter(
          ({ VpcEndpointType, State, PrivateDnsEnabled }) =>
            VpcEndpointType === 'Interface' && /^available$/i.test(State ?? '') && PrivateDnsEnabled === true,
        )
        .map(({ VpcId = '', ServiceName = '', NetworkInterfaceIds = [], Groups = [] }) => ({
          vpcId: VpcId,
          service: ServiceName.slice(ServiceName.lastIndexOf('.') + 1),
          interfaceIds: NetworkInterfaceIds,
          groupIds: Groups.flatMap(({ GroupId }) => GroupId ?? []),
        }));
    },

    /** Every VPC of the Region that the account sees. */
    async vpcs(): Promise<VpcReading[]> {
      const found = await pages((NextToken) => client.send(new DescribeVpcsCommand({ ...NextToken }), underDeadline()));
      return found
        .flatMap(({ Vpcs }) => Vpcs ?? [])
        .map(({ VpcId = '', CidrBlock, CidrBlockAssociationSet = [], DhcpOptionsId }) => ({
          vpcId: VpcId,
          cidrs: [
            ...new Set(
              [CidrBlock, ...CidrBlockAssociationSet.map((one) => one.CidrBlock)].flatMap((cidr) => cidr ?? []),
            ),
          ],
          dhcpOptionsId: DhcpOptionsId && DhcpOptionsId !== 'default' ? DhcpOptionsId : null,
        }));
    },

    /** The resolvers that hosts are told of; `AmazonProvidedDNS` for the VPC's own. */
    async resolvers(dhcpOptionsId: string): Promise<string[]> {
      const answer = await client.send(
        new DescribeDhcpOptionsCommand({ DhcpOptionsIds: [dhcpOptionsId] }),
        underDeadline(),
      );
      const servers = answer.DhcpOptions?.[0]?.DhcpConfigurations?.find(({ Key }) => Key === 'domain-name-servers');
      return (servers?.Values ?? []).flatMap(({ Value }) => Value ?? []);
    },

    /** Private addresses, IPv4 and IPv6, of interfaces by their ids. */
    async addressesOf(interfaceIds: string[]): Promise<string[]> {
      if (interfaceIds.length === 0) return [];
      const found = await pages((NextToken) =>
        client.send(
          new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: interfaceIds, ...NextToken }),
          underDeadline(),
        ),
      );
      return found
        .flatMap(({ NetworkInterfaces }) => NetworkInterfaces ?? [])
        .flatMap(({ PrivateIpAddress, PrivateIpAddresses = [], Ipv6Addresses = [] }) => [
          ...new Set([
            ...(PrivateIpAddress ? [PrivateIpAddress] : []),
            ...PrivateIpAddresses.flatMap((one) => one.PrivateIpAddress ?? []),
            ...Ipv6Addresses.flatMap(({ Ipv6Address }) => Ipv6Address ?? []),
          ]),
        ]);
    },

    /** Adds rules; one that is there already is no error. */
    async authorize(groupId: string, direction: 'ingress' | 'egress', rules: IpPermission[]): Promise<void> {
      const input = { GroupId: groupId, IpPermissions: rules };
      try {
        if (direction === 'egress') await client.send(new AuthorizeSecurityGroupEgressCommand(input), underDeadline());
        else await client.send(new AuthorizeSecurityGroupIngressCommand(input), underDeadline());
      } catch (error) {
        if (errorName(error) !== 'InvalidPermission.Duplicate') throw error;
      }
    },
  };
}

async function pages<Answer extends { NextToken?: string | undefined }>(
  ask: (NextToken: { NextToken?: string }) => Promise<Answer>,
): Promise<Answer[]> {
  const found: Answer[] = [];
  let NextToken: string | undefined;
  do {
    const answer = await ask(NextToken ? { NextToken } : {});
    found.push(answer);
    NextToken = answer.NextToken;
  } while (NextToken);
  return found;
}
