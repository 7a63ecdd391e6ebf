/** EC2, as far as a response needs it. Every method is one AWS call unless it says otherwise. */
import {
  CreateSecurityGroupCommand,
  CreateSnapshotCommand,
  CreateSnapshotsCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  EC2Client,
  GetConsoleOutputCommand,
  GetConsoleScreenshotCommand,
  ModifyNetworkInterfaceAttributeCommand,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  type IpPermission,
  type SecurityGroup,
  type Tag,
} from '@aws-sdk/client-ec2';
import { clientConfig, errorName, plain, underDeadline, type ClientSettings } from './client.ts';
import { addressCalls } from './ec2-addresses.ts';
import { attributeCalls } from './ec2-attributes.ts';
import { networkCalls } from './ec2-network.ts';
import { profileCalls } from './ec2-profiles.ts';
import {
  instanceReading,
  interfaceReading,
  tagRecord,
  type InstanceReading,
  type InterfaceReading,
} from './ec2-readings.ts';

export interface GroupReading {
  groupId: string;
  vpcId: string;
  name: string;
  tags: Record<string, string>;
  /** Rules in either direction, either family; EC2's IpPermissions. */
  ingress: IpPermission[];
  egress: IpPermission[];
}

export interface SnapshotReading {
  snapshotId: string;
  volumeId: string;
  state: string;
}

export type Ec2 = ReturnType<typeof ec2Gateway>;

export function ec2Gateway(settings: ClientSettings) {
  const client = new EC2Client(clientConfig(settings));
  // A lost answer to these must not be repeated blindly: the caller looks first whether the call took effect.
  const once = new EC2Client(
    clientConfig(
      { ...settings, budgets: { ...settings.budgets, callTimeoutMs: 3 * settings.budgets.callTimeoutMs } },
      1,
    ),
  );

  return {
    ...addressCalls(client),
    ...attributeCalls(client),
    ...networkCalls(client, settings.region),
    ...profileCalls(client),

    /** Null where AWS says that there is no such instance. */
    async instance(instanceId: string): Promise<InstanceReading | null> {
      try {
        const answer = await client.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }), underDeadline());
        const instance = answer.Reservations?.[0]?.Instances?.[0];
        return instance ? instanceReading(instanceId, instance) : null;
      } catch (error) {
        if (isNoSuchInstance(error)) return null;
        throw error;
      }
    },

    /** How many instances that are not gone have this tag; follows pages. */
    async countByTag(key: string, value: string): Promise<number> {
      let count = 0;
      let NextToken: string | undefined;
      do {
        const answer = await client.send(
          new DescribeInstancesCommand({
            Filters: [{ Name: `tag:${key}`, Values: [value.replaceAll(/[\\*?]/g, '\\$&')] }],
            ...(NextToken ? { NextToken } : {}),
          }),
          underDeadline(),
        );
        const found = (answer.Reservations ?? []).flatMap(({ Instances = [] }) => Instances);
        count += found.filter(({ State }) => !['terminated', 'shutting-down'].includes(State?.Name ?? '')).length;
        NextToken = answer.NextToken;
      } while (NextToken);
      return count;
    },

    /** Every interface that is attached to the instance, in any VPC; follows pages. */
    async interfaces(instanceId: string): Promise<{ readings: InterfaceReading[]; raw: unknown[] }> {
      const Filters = [{ Name: 'attachment.instance-id', Values: [instanceId] }];
      const found = [];
      let NextToken: string | undefined;
      do {
        const answer = await client.send(
          new DescribeNetworkInterfacesCommand({ Filters, ...(NextToken ? { NextToken } : {}) }),
          underDeadline(),
        );
        found.push(...(answer.NetworkInterfaces ?? []));
        NextToken = answer.NextToken;
      } while (NextToken);
      return { readings: found.flatMap(interfaceReading), raw: found.map(plain) };
    },

    async setInterfaceGroups(interfaceId: string, groups: string[]): Promise<void> {
      await client.send(
        new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: interfaceId, Groups: groups }),
        underDeadline(),
      );
    },

    async groupsByTagKey(key: string): Promise<GroupReading[]> {
      return groups({ Filters: [{ Name: 'tag-key', Values: [key] }] });
    },

    async groupsByName(vpcId: string, name: string): Promise<GroupReading[]> {
      return groups({
        Filters: [
          { Name: 'vpc-id', Values: [vpcId] },
          { Name: 'group-name', Values: [name] },
        ],
      });
    },

    async groupsById(groupIds: string[]): Promise<GroupReading[]> {
      return groups({ GroupIds: groupIds });
    },

    /** @returns the new group's id, or null where the VPC already has a group of that name. */
    async createGroup(
      vpcId: string,
      name: string,
      description: string,
      tags: Record<string, string>,
    ): Promise<string | null> {
      try {
        const answer = await client.send(
          new CreateSecurityGroupCommand({
            VpcId: vpcId,
            GroupName: name,
            Description: description,
            TagSpecifications: [{ ResourceType: 'security-group', Tags: tagList(tags) }],
          }),
          underDeadline(),
        );
        if (!answer.GroupId) throw new Error(`CreateSecurityGroup in ${vpcId} answered without a group id`);
        return answer.GroupId;
      } catch (error) {
        if (errorName(error) === 'InvalidGroup.Duplicate') return null;
        throw error;
      }
    },

    /** Takes rules away; one that is not there is no error. */
    async revoke(groupId: string, direction: 'ingress' | 'egress', rules: IpPermission[]): Promise<void> {
      const input = { GroupId: groupId, IpPermissions: rules };
      try {
        if (direction === 'egress') await client.send(new RevokeSecurityGroupEgressCommand(input), underDeadline());
        else await client.send(new RevokeSecurityGroupIngressCommand(input), underDeadline());
      } catch (error) {
        if (errorName(error) !== 'InvalidPermission.NotFound') throw error;
      }
    },

    /** @returns a JPEG. No key press is sent to the instance. */
    async consoleScreenshot(instanceId: string): Promise<Uint8Array> {
      const answer = await client.send(new GetConsoleScreenshotCommand({ InstanceId: instanceId }), underDeadline());
      if (!answer.ImageData) throw new Error('AWS answered without an image');
      return Buffer.from(answer.ImageData, 'base64');
    },

    /** @returns the console's last 64 KiB, null where it has said nothing. `latest` works on Nitro only. */
    async consoleOutput(instanceId: string, latest: boolean): Promise<Uint8Array | null> {
      const answer = await client.send(
        new GetConsoleOutputCommand({ InstanceId: instanceId, ...(latest ? { Latest: true } : {}) }),
        underDeadline(),
      );
      return answer.Output ? Buffer.from(answer.Output, 'base64') : null;
    },

    async volumes(instanceId: string): Promise<unknown[]> {
      const answer = await client.send(
        new DescribeVolumesCommand({ Filters: [{ Name: 'attachment.instance-id', Values: [instanceId] }] }),
        underDeadline(),
      );
      return (answer.Volumes ?? []).map(plain);
    },

    async snapshotsByTag(key: string, value: string): Promise<SnapshotReading[]> {
      const answer = await client.send(
        new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters: [{ Name: `tag:${key}`, Values: [value] }] }),
        underDeadline(),
      );
      return (answer.Snapshots ?? []).flatMap(snapshotReading).filter(({ state }) => state !== 'error');
    },

    /** One crash-consistent set of every EBS volume. Not repeated by itself: look by tag before a second try. */
    async createSnapshots(
      instanceId: string,
      description: string,
      tags: Record<string, string>,
    ): Promise<SnapshotReading[]> {
      const answer = await once.send(
        new CreateSnapshotsCommand({
          InstanceSpecification: { InstanceId: instanceId },
          Description: description,
          CopyTagsFromSource: 'volume',
          TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagList(tags) }],
        }),
        underDeadline(),
      );
      return (answer.Snapshots ?? []).flatMap(snapshotReading);
    },

    /** One volume alone. Not repeated by itself either. */
    async createSnapshot(
      volumeId: string,
      description: string,
      tags: Record<string, string>,
    ): Promise<SnapshotReading[]> {
      const answer = await once.send(
        new CreateSnapshotCommand({
          VolumeId: volumeId,
          Description: description,
          TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagList(tags) }],
        }),
        underDeadline(),
      );
      return snapshotReading(answer);
    },
  };

  async function groups(input: { GroupIds?: string[]; Filters?: { Name: string; Values: string[] }[] }) {
    const found: SecurityGroup[] = [];
    let NextToken: string | undefined;
    do {
      const answer = await client.send(
        new DescribeSecurityGroupsCommand({ ...input, ...(NextToken ? { NextToken } : {}) }),
        underDeadline(),
      );
      found.push(...(answer.SecurityGroups ?? []));
      NextToken = answer.NextToken;
    } while (NextToken);
    return found.map(groupReading);
  }
}

/** AWS has no such instance, or never had one of that form. */
export function isNoSuchInstance(error: unknown): boolean {
  return /^InvalidInstanceID(\.NotFound|\.Malformed)?$/.test(errorName(error));
}

function groupReading(group: SecurityGroup): GroupReading {
  return {
    groupId: group.GroupId ?? '',
    vpcId: group.VpcId ?? '',
    name: group.GroupName ?? '',
    tags: tagRecord(group.Tags),
    ingress: group.IpPermissions ?? [],
    egress: group.IpPermissionsEgress ?? [],
  };
}

function snapshotReading(found: {
  SnapshotId?: string | undefined;
  VolumeId?: string | undefined;
  State?: string | undefined;
}): SnapshotReading[] {
  if (!found.SnapshotId) return [];
  return [{ snapshotId: found.SnapshotId, volumeId: found.VolumeId ?? '', state: found.State ?? 'pending' }];
}

function tagList(tags: Record<string, string>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
