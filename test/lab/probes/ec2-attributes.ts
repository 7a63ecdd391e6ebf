import {
  CreateSecurityGroupCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  ModifyInstanceAttributeCommand,
  ModifyInstanceMetadataOptionsCommand,
  TerminateInstancesCommand,
  type Instance,
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
  {
    mend: 'ec2_attributes.guards_of_endpoint',
    holds: 'tokens and hop limit are taken while the endpoint is enabled only',
    async run(lab) {
      const { instanceId: InstanceId } = await lab.world();
      const change = (input: object) =>
        failure(lab.ec2.send(new ModifyInstanceMetadataOptionsCommand({ InstanceId, ...input })));
      return [
        await change({ HttpEndpoint: 'disabled', HttpTokens: 'required' }),
        await change({ HttpEndpoint: 'disabled' }),
        await change({ HttpPutResponseHopLimit: 2 }),
        await change({ HttpEndpoint: 'enabled', HttpPutResponseHopLimit: 2 }),
      ];
    },
    answer: ['InvalidParameterCombination', 'no error', 'InvalidParameterCombination', 'no error'],
  },
  {
    mend: 'ec2_attributes.pending_metadata_options',
    holds: 'the tag lab:metadata has an instance that does not take its options',
    async run(lab) {
      const { instanceId } = await lab.world({ tags: { 'lab:metadata': 'pending' } });
      const other = await lab.world();
      const state = async (id: string) => (await instance(lab, id))?.MetadataOptions?.State;
      return [await state(instanceId), await state(other.instanceId)];
    },
    answer: ['pending', 'applied'],
  },
  {
    mend: 'ec2_attributes.mapped_devices',
    holds: 'a device where nothing is has the change of every device refused',
    async run(lab) {
      const { instanceId: InstanceId } = await lab.world({ volumes: 1 });
      const keep = (...devices: string[]) =>
        failure(
          modify(lab, {
            InstanceId,
            BlockDeviceMappings: devices.map((DeviceName) => ({ DeviceName, Ebs: { DeleteOnTermination: false } })),
          }),
        );
      const flag = async () =>
        (await instance(lab, InstanceId))?.BlockDeviceMappings?.map(({ Ebs }) => Ebs?.DeleteOnTermination);
      return [await keep('/dev/sda1', '/dev/sdz'), await flag(), await keep('/dev/sda1'), await flag()];
    },
    answer: ['InvalidInstanceAttributeValue', [true], 'no error', [false]],
  },
  {
    mend: 'ec2_attributes.spot_instances',
    holds: 'protections and shutdown behaviour of a Spot instance cannot be changed; it terminates at a shutdown',
    async run(lab) {
      const { instanceId: InstanceId } = await lab.world({ spot: true });
      const attribute = await lab.ec2.send(
        new DescribeInstanceAttributeCommand({ InstanceId, Attribute: 'instanceInitiatedShutdownBehavior' }),
      );
      return [
        attribute.InstanceInitiatedShutdownBehavior?.Value,
        await failure(modify(lab, { InstanceId, DisableApiTermination: { Value: true } })),
        await failure(modify(lab, { InstanceId, DisableApiStop: { Value: true } })),
        await failure(modify(lab, { InstanceId, InstanceInitiatedShutdownBehavior: { Value: 'stop' } })),
      ];
    },
    answer: ['terminate', 'UnsupportedOperation', 'UnsupportedOperation', 'UnsupportedOperation'],
  },
];

async function instance(lab: Lab, id: string): Promise<Instance | undefined> {
  const { Reservations } = await lab.ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  return Reservations?.[0]?.Instances?.[0];
}

function anyGroup(groupIds: Record<string, string[]>): string {
  return Object.values(groupIds)[0]?.[0] ?? '';
}
