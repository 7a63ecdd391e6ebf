import {
  AuthorizeSecurityGroupEgressCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  ModifyNetworkInterfaceAttributeCommand,
  RevokeSecurityGroupEgressCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { failure, type Lab, type Probe } from './probe.ts';

async function closedGroup(lab: Lab, vpcId: string): Promise<string> {
  const { GroupId = '' } = await lab.ec2.send(
    new CreateSecurityGroupCommand({ VpcId: vpcId, GroupName: 'closed', Description: 'closed' }),
  );
  return GroupId;
}

const setGroups = (lab: Lab, interfaceId: string | undefined, groups: string[]) =>
  lab.ec2.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: interfaceId, Groups: groups }));

export const probes: Probe[] = [
  {
    mend: 'ec2_groups.own_groups_of_interface',
    holds: 'new groups of an interface replace those that the instance was started with',
    async run(lab) {
      const { vpcId, subnetId, groupIds } = await lab.world();
      const { Instances } = await lab.ec2.send(
        new RunInstancesCommand({
          ImageId: 'ami-0abcdef1234567890',
          MinCount: 1,
          MaxCount: 1,
          SubnetId: subnetId,
          SecurityGroupIds: Object.values(groupIds)[0] ?? [],
        }),
      );
      const interfaceId = Instances?.[0]?.NetworkInterfaces?.[0]?.NetworkInterfaceId;
      await setGroups(lab, interfaceId, [await closedGroup(lab, vpcId)]);
      const { NetworkInterfaces } = await lab.ec2.send(
        new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [interfaceId ?? ''] }),
      );
      return NetworkInterfaces?.[0]?.Groups?.map(({ GroupName }) => GroupName);
    },
    answer: ['closed'],
  },
  {
    mend: 'ec2_groups.groups_of_first_interface',
    holds: 'an instance shows the groups of its first interface',
    async run(lab) {
      const { instanceId } = await lab.world({ interfaces: 2 });
      const { Reservations } = await lab.ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
      return Reservations?.[0]?.Instances?.[0]?.SecurityGroups?.map(({ GroupName }) => GroupName).toSorted();
    },
    answer: ['admin', 'web'],
  },
  {
    mend: 'ec2_groups.modify_interface_groups',
    holds: 'groups that do not exist or lie in another VPC are refused',
    async run(lab) {
      const here = await lab.world();
      const there = await lab.world();
      return [
        await failure(setGroups(lab, here.interfaceIds[0], ['sg-0123456789abcdef0'])),
        await failure(setGroups(lab, here.interfaceIds[0], Object.values(there.groupIds)[0] ?? [])),
      ];
    },
    answer: ['InvalidGroup.NotFound', 'InvalidGroup.NotFound'],
  },
  {
    mend: 'ec2_groups.revoke_egress_ipv6',
    holds: 'every egress rule of a new group can be revoked as described, IPv6 too, and none twice',
    async run(lab) {
      const { vpcId } = await lab.world();
      const GroupId = await closedGroup(lab, vpcId);
      await lab.ec2.send(
        new AuthorizeSecurityGroupEgressCommand({
          GroupId,
          IpPermissions: [{ IpProtocol: '-1', Ipv6Ranges: [{ CidrIpv6: '::/0', Description: 'all' }] }],
        }),
      );
      const rules = async () => {
        const { SecurityGroups } = await lab.ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [GroupId] }));
        return SecurityGroups?.[0]?.IpPermissionsEgress ?? [];
      };
      const before = await rules();
      const revoke = () => lab.ec2.send(new RevokeSecurityGroupEgressCommand({ GroupId, IpPermissions: before }));
      await revoke();
      const ranges = before.flatMap(({ IpRanges = [], Ipv6Ranges = [] }) => [...IpRanges, ...Ipv6Ranges]);
      return [ranges.length, await rules(), await failure(revoke())];
    },
    answer: [2, [], 'InvalidPermission.NotFound'],
  },
  {
    mend: 'ec2_groups.keep_groups_in_use',
    holds: 'a group that an interface uses is not deleted, another one is',
    async run(lab) {
      const { vpcId, groupIds } = await lab.world();
      const remove = (GroupId: string | undefined) =>
        failure(lab.ec2.send(new DeleteSecurityGroupCommand({ GroupId })));
      return [await remove(Object.values(groupIds)[0]?.[0]), await remove(await closedGroup(lab, vpcId))];
    },
    answer: ['DependencyViolation', 'no error'],
  },
];
