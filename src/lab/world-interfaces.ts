/** What an interface of the victim may have beside its groups. */
import {
  AllocateAddressCommand,
  AssignIpv6AddressesCommand,
  AssociateAddressCommand,
  AttachNetworkInterfaceCommand,
  CreateNetworkInterfaceCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { required, tagList } from './client.ts';

/** @returns the allocation's id. */
export async function giveElasticIp(ec2: EC2Client, interfaceId: string): Promise<string> {
  const { AllocationId } = await ec2.send(new AllocateAddressCommand({ Domain: 'vpc' }));
  const allocationId = required(AllocationId, 'an allocation id');
  await ec2.send(new AssociateAddressCommand({ AllocationId: allocationId, NetworkInterfaceId: interfaceId }));
  return allocationId;
}

export async function giveIpv6(ec2: EC2Client, interfaceId: string): Promise<void> {
  await ec2.send(new AssignIpv6AddressesCommand({ NetworkInterfaceId: interfaceId, Ipv6AddressCount: 1 }));
}

/** An interface that the local AWS takes for one of an AWS service, by its tag. */
export async function attachManaged(
  ec2: EC2Client,
  instanceId: string,
  subnetId: string,
  groups: string[],
  index: number,
): Promise<void> {
  const { NetworkInterface } = await ec2.send(
    new CreateNetworkInterfaceCommand({
      SubnetId: subnetId,
      Groups: groups,
      Description: 'made by a service of AWS',
      TagSpecifications: [{ ResourceType: 'network-interface', Tags: tagList({ 'lab:requester': 'amazon-eks' }) }],
    }),
  );
  await ec2.send(
    new AttachNetworkInterfaceCommand({
      InstanceId: instanceId,
      NetworkInterfaceId: NetworkInterface?.NetworkInterfaceId,
      DeviceIndex: index,
    }),
  );
}
