import {
  CreateSecurityGroupCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  ModifyInstanceAttributeCommand,
  ModifyInstanceMetadataOptionsCommand,
  TerminateInstancesCommand,
  type ModifyInstanceAttributeCommandInput,
} from '@aws-sdk/client-ec2';
import { failure, type Lab, type Probe } from './probe.ts';

const modify = (lab: Lab, input: ModifyInstanceAttributeCommandInput) =>
  lab.ec2.send(new ModifyInstanceAttributeCommand(input));

export const probes: Probe[] = [
  {
    mend: 'ec2_attributes.shutdown_behavior',
    holds: 'the shutdown behaviour changes, the groups stay',
    async run(lab) {
      const { instanceId: InstanceId, interfaceIds, groupIds } = await lab.world({ interfaces: 1 });
      await modify(lab, { InstanceId, InstanceInitiatedShutdownBehavior: { Value: 'terminate' } });
      const attribute = await lab.ec2.send(
        new DescribeInstanceAttributeCommand({ InstanceId, Attribute: 'instanceInitiatedShutdownBehavior' }),
      );
      const { NetworkInterfaces } = await lab.ec2.send(
        new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: interfaceIds }),
      );
      const groups = NetworkInterfaces?.[0]?.Groups?.map(({ GroupId }) => GroupId).toSorted();
      return {
        behavior: attribute.InstanceInitiatedShutdownBehavior?.Value,
        kept: JSON.stringify(groups) === JSON.stringify(groupIds[interfaceIds[0] ?? '']),
      };
    },
    answer: { behavior: 'terminate', kept: true },
  },
  {
    mend: 'ec2_attributes.one_attribute_of_a_living_instance',
    holds: 'two attributes in one call are refused, and none, and any of a terminated instance',
    async run(lab) {
      const { instanceId: InstanceId } = await lab.world();
      const both = await failure(
        modify(lab, { InstanceId, DisableApiTermination: { Value: false }, DisableApiStop: { Value: true } }),
      );
      const none = await failure(modify(lab, { InstanceId }));
      await lab.ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }));
      return [both, none, await failure(modify(lab, { InstanceId, DisableApiTermination: { Value: true } }))];
    },
    answer: ['InvalidParameterCombination', 'InvalidParameterCombination', 'IncorrectInstanceState'],
  },
  {
    mend: 'ec2_attributes.groups_of_one_interface',
    holds: 'groups of an instance with two interfaces are refused, with one replaced',
    async run(lab) {
      const two = await lab.world({ interfaces: 2 });
      const refused = await failure(modify(lab, { InstanceId: two.instanceId, Groups: [anyGroup(two.groupIds)] }));
      const one = await lab.world({ interfaces: 1 });
      const { GroupId = '' } = await lab.ec2.send(
        new CreateSecurityGroupCommand({ VpcId: one.vpcId, GroupName: 'closed', Description: 'closed' }),
      );
      await modify(lab, { InstanceId: one.instanceId, Groups: [GroupId] });
      const { Reservations } = await lab.ec2.send(new DescribeInstancesCommand({ InstanceIds: [one.instanceId] }));
      const groups = Reservations?.[0]?.Instances?.[0]?.NetworkInterfaces?.[0]?.Groups;
      return [refused, groups?.map(({ GroupName }) => GroupName)];
    },
    answer: ['InvalidInstanceID', ['closed']],
  },
  {
    mend: 'ec2_attributes.block_device_mapping',
    holds: 'the attribute blockDeviceMapping names every volume',
    async run(lab) {
      const { instanceId: InstanceId, volumeIds } = await lab.world({ volumes: 3 });
      const { BlockDeviceMappings } = await lab.ec2.send(
        new DescribeInstanceAttributeCommand({ InstanceId, Attribute: 'blockDeviceMapping' }),
      );
      const found = BlockDeviceMappings?.map(({ Ebs }) => Ebs?.VolumeId);
      return volumeIds.length === 3 && JSON.stringify(found) === JSON.stringify(volumeIds);
    },
    answer: true,
  },
  {
    mend: 'ec2_attributes.metadata_options',
    holds: 'a dry run changes no metadata option, and a change leaves the others',
    async run(lab) {
      const { instanceId: InstanceId } = await lab.world();
      const options = async () => {
        const { Reservations } = await lab.ec2.send(new DescribeInstancesCommand({ InstanceIds: [InstanceId] }));
        const found = Reservations?.[0]?.Instances?.[0]?.MetadataOptions;
        return [found?.HttpEndpoint, found?.HttpTokens];
      };
      const change = (input: object) =>
        lab.ec2.send(new ModifyInstanceMetadataOptionsCommand({ InstanceId, ...input }));
      const dry = await failure(change({ HttpEndpoint: 'disabled', DryRun: true }));
      const afterDryRun = await options();
      await change({ HttpTokens: 'required' });
      await change({ HttpEndpoint: 'disabled' });
      return [dry, afterDryRun, await options()];
    },
    answer: ['DryRunOperation', ['enabled', 'optional'], ['disabled', 'required']],
  },
];

function anyGroup(groupIds: Record<string, string[]>): string {
  return Object.values(groupIds)[0]?.[0] ?? '';
}
