/** EC2: Elastic IP addresses. Every method is one AWS call. */
import {
  AssociateAddressCommand,
  DescribeAddressesCommand,
  DisassociateAddressCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { errorName, underDeadline } from './client.ts';

export interface AddressReading {
  allocationId: string;
  publicIp: string;
  /** Where it is; null where it is not associated. */
  association: { id: string; interfaceId: string; privateIp: string } | null;
}

export function addressCalls(client: EC2Client) {
  return {
    /** Unlike ids in the request, a filter is no error where one of them is gone. */
    async addresses(
      by: 'instance-id' | 'network-interface-id' | 'allocation-id',
      values: string[],
    ): Promise<AddressReading[]> {
      const answer = await client.send(
        new DescribeAddressesCommand({ Filters: [{ Name: by, Values: values }] }),
        underDeadline(),
      );
      return (answer.Addresses ?? []).flatMap((found) => {
        const { AllocationId, AssociationId, NetworkInterfaceId = '', PrivateIpAddress = '', PublicIp = '' } = found;
        if (!AllocationId) return [];
        const association = AssociationId
          ? { id: AssociationId, interfaceId: NetworkInterfaceId, privateIp: PrivateIpAddress }
          : null;
        return [{ allocationId: AllocationId, publicIp: PublicIp, association }];
      });
    },

    /** Takes an association away; one that is gone already is no error. */
    async disassociateAddress(associationId: string): Promise<void> {
      try {
        await client.send(new DisassociateAddressCommand({ AssociationId: associationId }), underDeadline());
      } catch (error) {
        if (errorName(error) !== 'InvalidAssociationID.NotFound') throw error;
      }
    },

    /** AWS refuses where the address has been given to something else. */
    async associateAddress(allocationId: string, interfaceId: string, privateIp: string): Promise<void> {
      await client.send(
        new AssociateAddressCommand({
          AllocationId: allocationId,
          NetworkInterfaceId: interfaceId,
          PrivateIpAddress: privateIp,
          // Else AWS would take it from whoever has it.
          AllowReassociation: false,
        }),
        underDeadline(),
      );
    },
  };
}
