import {
  AllocateAddressCommand,
  AssignPrivateIpAddressesCommand,
  AssociateAddressCommand,
  DescribeAddressesCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  ModifyNetworkInterfaceAttributeCommand,
  type AssociateAddressCommandInput,
} from '@aws-sdk/client-ec2';
import { failure, type Lab, type Probe } from './probe.ts';

async function allocate(lab: Lab): Promise<string> {
  const { AllocationId = '' } = await lab.ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }));
  return AllocationId;
}

const associate = (lab: Lab, input: AssociateAddressCommandInput) =>
  failure(lab.ec2.send(new AssociateAddressCommand(input)));

export const probes: Probe[] = [
  {
    mend: 'ec2_addresses.addresses_of_instance',
    holds: 'an address of an interface is found by the instance, and tells it',
    async run(lab) {
      const { instanceId, interfaceIds } = await lab.world();
      const AllocationId = await allocate(lab);
      await associate(lab, { AllocationId, NetworkInterfaceId: interfaceIds[1] });
      const { Addresses } = await lab.ec2.send(
        new DescribeAddressesCommand({ Filters: [{ Name: 'instance-id', Values: [instanceId] }] }),
      );
      return Addresses?.map((found) => [found.AllocationId === AllocationId, found.InstanceId === instanceId]);
    },
    answer: [[true, true]],
  },
  {
    mend: 'ec2_addresses.place_of_address',
    holds: 'an address has the private address that was asked for, and takes no place from another unless it may',
    async run(lab) {
      const { interfaceIds } = await lab.world();
      const [one, other] = [await allocate(lab), await allocate(lab)];
      const [first, second] = interfaceIds;
      const place = async (id: string) => {
        const { Addresses } = await lab.ec2.send(new DescribeAddressesCommand({ AllocationIds: [id] }));
        return Addresses?.[0]?.PrivateIpAddress ?? null;
      };
      await lab.ec2.send(
        new AssignPrivateIpAddressesCommand({ NetworkInterfaceId: first, PrivateIpAddresses: ['10.20.1.77'] }),
      );
      const there = { NetworkInterfaceId: first, PrivateIpAddress: '10.20.1.77' };
      return [
        await associate(lab, { AllocationId: one, ...there }),
        await associate(lab, { AllocationId: one, NetworkInterfaceId: second, AllowReassociation: false }),
        await associate(lab, { AllocationId: other, ...there, AllowReassociation: false }),
        await associate(lab, { AllocationId: other, NetworkInterfaceId: first, PrivateIpAddress: '10.20.1.78' }),
        await place(one),
        await associate(lab, { AllocationId: other, ...there }),
        [await place(one), await place(other)],
      ];
    },
    answer: [
      'no error',
      'Resource.AlreadyAssociated',
      'Resource.AlreadyAssociated',
      'InvalidParameterValue',
      '10.20.1.77',
      'no error',
      [null, '10.20.1.77'],
    ],
  },
  {
    mend: 'ec2_interfaces.connection_tracking',
    holds: 'the timeouts that are set show on the interface, on the instance too; others are refused',
    async run(lab) {
      const { instanceId, interfaceIds } = await lab.world({ interfaces: 1 });
      const set = (ConnectionTrackingSpecification: object) =>
        failure(
          lab.ec2.send(
            new ModifyNetworkInterfaceAttributeCommand({
              NetworkInterfaceId: interfaceIds[0],
              ConnectionTrackingSpecification,
            }),
          ),
        );
      const results = [await set({ TcpEstablishedTimeout: 60, UdpTimeout: 30 }), await set({ UdpStreamTimeout: 59 })];
      const { NetworkInterfaces } = await lab.ec2.send(
        new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: interfaceIds }),
      );
      const { Reservations } = await lab.ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
      return [
        ...results,
        NetworkInterfaces?.[0]?.ConnectionTrackingConfiguration,
        Reservations?.[0]?.Instances?.[0]?.NetworkInterfaces?.[0]?.ConnectionTrackingConfiguration,
      ];
    },
    answer: [
      'no error',
      'InvalidParameterValue',
      { TcpEstablishedTimeout: 60, UdpTimeout: 30 },
      { TcpEstablishedTimeout: 60, UdpTimeout: 30 },
    ],
  },
  {
    mend: 'ec2_interfaces.requester_managed',
    holds: 'an interface of an AWS service says so, and nobody else can change it',
    async run(lab) {
      const { interfaceIds } = await lab.world({ interfaces: 1, requesterManaged: true });
      const { NetworkInterfaces } = await lab.ec2.send(
        new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: interfaceIds }),
      );
      const said = NetworkInterfaces?.toSorted(
        (one, other) => (one.Attachment?.DeviceIndex ?? 0) - (other.Attachment?.DeviceIndex ?? 0),
      ).map(({ RequesterManaged }) => RequesterManaged);
      const change = (id: string | undefined) =>
        failure(
          lab.ec2.send(
            new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: id, Description: { Value: 'mine' } }),
          ),
        );
      return [said, await change(interfaceIds[0]), await change(interfaceIds[1])];
    },
    answer: [[false, true], 'no error', 'OperationNotPermitted'],
  },
];
