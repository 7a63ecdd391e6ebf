/** EC2: attributes of an instance and of its interfaces. Every method is one AWS call. */
import {
  DescribeInstanceAttributeCommand,
  DescribeInstanceTypesCommand,
  ModifyInstanceAttributeCommand,
  ModifyInstanceMetadataOptionsCommand,
  ModifyNetworkInterfaceAttributeCommand,
  type EC2Client,
  type InstanceAttribute,
  type InstanceAttributeName,
  type ModifyInstanceAttributeCommandInput,
} from '@aws-sdk/client-ec2';
import { underDeadline } from './client.ts';
import type { MetadataOptions, Tracking } from './ec2-readings.ts';

export function attributeCalls(client: EC2Client) {
  async function attribute(instanceId: string, name: InstanceAttributeName): Promise<InstanceAttribute> {
    return client.send(
      new DescribeInstanceAttributeCommand({ InstanceId: instanceId, Attribute: name }),
      underDeadline(),
    );
  }

  /** AWS takes one attribute in a call. */
  async function modify(
    instanceId: string,
    change: Omit<ModifyInstanceAttributeCommandInput, 'InstanceId'>,
  ): Promise<void> {
    await client.send(new ModifyInstanceAttributeCommand({ InstanceId: instanceId, ...change }), underDeadline());
  }

  return {
    async terminationProtection(instanceId: string): Promise<boolean> {
      return (await attribute(instanceId, 'disableApiTermination')).DisableApiTermination?.Value ?? false;
    },

    setTerminationProtection: (instanceId: string, on: boolean): Promise<void> =>
      modify(instanceId, { DisableApiTermination: { Value: on } }),

    async stopProtection(instanceId: string): Promise<boolean> {
      return (await attribute(instanceId, 'disableApiStop')).DisableApiStop?.Value ?? false;
    },

    setStopProtection: (instanceId: string, on: boolean): Promise<void> =>
      modify(instanceId, { DisableApiStop: { Value: on } }),

    /** What the instance does when it is shut down from inside: stop or terminate. */
    async shutdownBehavior(instanceId: string): Promise<string> {
      const answer = await attribute(instanceId, 'instanceInitiatedShutdownBehavior');
      const behavior = answer.InstanceInitiatedShutdownBehavior?.Value;
      if (!behavior) throw new Error('AWS answered without the shutdown behavior');
      return behavior;
    },

    setShutdownBehavior: (instanceId: string, behavior: string): Promise<void> =>
      modify(instanceId, { InstanceInitiatedShutdownBehavior: { Value: behavior } }),

    /** @returns the user data's bytes, null where there is none. */
    async userData(instanceId: string): Promise<Uint8Array | null> {
      const text = (await attribute(instanceId, 'userData')).UserData?.Value;
      return text ? Buffer.from(text, 'base64') : null;
    },

    /** By device name; a device where nothing is attached makes AWS refuse them all. */
    setDeleteOnTermination: (instanceId: string, devices: Record<string, boolean>): Promise<void> =>
      modify(instanceId, {
        BlockDeviceMappings: Object.entries(devices).map(([DeviceName, DeleteOnTermination]) => ({
          DeviceName,
          Ebs: { DeleteOnTermination },
        })),
      }),

    /** What is not named stays as it is. The instance takes it a moment later; until then AWS says that it is pending. */
    async setMetadataOptions(
      instanceId: string,
      { endpoint, tokens, hopLimit }: Partial<MetadataOptions>,
    ): Promise<void> {
      await client.send(
        new ModifyInstanceMetadataOptionsCommand({
          InstanceId: instanceId,
          ...(endpoint === undefined ? {} : { HttpEndpoint: endpoint as 'enabled' | 'disabled' }),
          ...(tokens === undefined ? {} : { HttpTokens: tokens as 'optional' | 'required' }),
          ...(hopLimit === undefined ? {} : { HttpPutResponseHopLimit: hopLimit }),
        }),
        underDeadline(),
      );
    },

    async setTracking(interfaceId: string, to: Required<Tracking>): Promise<void> {
      await client.send(
        new ModifyNetworkInterfaceAttributeCommand({
          NetworkInterfaceId: interfaceId,
          ConnectionTrackingSpecification: {
            TcpEstablishedTimeout: to.tcpEstablished,
            UdpStreamTimeout: to.udpStream,
            UdpTimeout: to.udpTimeout,
          },
        }),
        underDeadline(),
      );
    },

    /** Seconds after which an idle TCP flow is forgotten where nothing is set; null where AWS tells none of the type. */
    async tcpIdleDefault(instanceType: string): Promise<number | null> {
      const answer = await client.send(
        new DescribeInstanceTypesCommand({ InstanceTypes: [instanceType as 'm7i.large'] }),
        underDeadline(),
      );
      const network = answer.InstanceTypes?.[0]?.NetworkInfo;
      return network?.ConnectionTrackingConfiguration?.DefaultTcpEstablishedTimeout ?? null;
    },
  };
}
