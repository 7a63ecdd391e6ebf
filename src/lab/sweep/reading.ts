/** What is there after a run, read with the SDK alone: nothing of the responder's own is asked. */
import { createHash } from 'node:crypto';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeAddressesCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotsCommand,
  EC2Client,
  type Instance,
  type InstanceAttribute,
  type InstanceAttributeName,
  type NetworkInterface,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { GetRolePolicyCommand, IAMClient } from '@aws-sdk/client-iam';
import { labConfig, required } from '../client.ts';
import { receiveMessages, type ReceivedMessage } from '../deployment.ts';
import { classicInstances, scalingGroup, targetStates } from '../fleet.ts';
import { vaultObjects } from '../rehearsal.ts';
import type { Scene } from './scene.ts';

export interface GroupSeen {
  /** Of the tag that the responder puts on its groups; null: somebody else's. */
  kind: string | null;
  /** In either direction. */
  rules: number;
}

export interface Reading {
  instance: Instance;
  interfaces: NetworkInterface[];
  groups: Record<string, GroupSeen>;
  /** ARNs of the profiles that are on the instance. */
  profiles: string[];
  attributes: { termination: boolean; stop: boolean; shutdown: string };
  /** Elastic IP addresses at the instance. */
  addresses: string[];
  /** Null: not a member of the group, or there is none. */
  lifecycle: string | null;
  /** Load balancers that still send it traffic. */
  served: string[];
  /** Policy that denies the role's sessions; null where there is none. */
  denial: string | null;
  snapshots: Snapshot[];
  /** Key → SHA-256 and size. */
  vault: Record<string, { sha256: string; bytes: number; body: Uint8Array }>;
  messages: ReceivedMessage[];
  deadLetters: ReceivedMessage[];
  /** The ledger's items by their key: string attributes, and the names of the others. */
  ledger: Record<string, Record<string, string>>;
}

export async function readScene(scene: Scene): Promise<Reading> {
  const { place, world, deployment } = scene;
  const ec2 = new EC2Client(labConfig(place));
  const { instanceId } = world;
  const [instances, interfaces, groups, associations, addresses, snapshots] = await Promise.all([
    ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] })),
    ec2.send(
      new DescribeNetworkInterfacesCommand({ Filters: [{ Name: 'attachment.instance-id', Values: [instanceId] }] }),
    ),
    ec2.send(new DescribeSecurityGroupsCommand({})),
    ec2.send(
      new DescribeIamInstanceProfileAssociationsCommand({ Filters: [{ Name: 'instance-id', Values: [instanceId] }] }),
    ),
    ec2.send(new DescribeAddressesCommand({})),
    ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] })),
  ]);
  const attribute = (Attribute: InstanceAttributeName): Promise<InstanceAttribute> =>
    ec2.send(new DescribeInstanceAttributeCommand({ InstanceId: instanceId, Attribute }));
  const [termination, stop, shutdown] = await Promise.all([
    attribute('disableApiTermination'),
    attribute('disableApiStop'),
    attribute('instanceInitiatedShutdownBehavior'),
  ]);
  const [member, served, denial, objects, messages, deadLetters, ledger] = await Promise.all([
    scene.scalingGroup === null ? null : scalingGroup(place, scene.scalingGroup),
    servedBy(scene),
    denialOf(scene),
    vaultObjects(place.endpoint, place.region, deployment.bucket),
    receiveMessages({ ...place, queueUrl: deployment.queueUrl }),
    receiveMessages({ ...place, queueUrl: deployment.deadLetterUrl }),
    ledgerOf(scene),
  ]);
  return {
    instance: required(instances.Reservations?.[0]?.Instances?.[0], 'the instance'),
    interfaces: interfaces.NetworkInterfaces ?? [],
    groups: Object.fromEntries(
      (groups.SecurityGroups ?? []).map(({ GroupId = '', Tags = [], IpPermissions, IpPermissionsEgress }) => [
        GroupId,
        {
          kind: Tags.find(({ Key }) => Key === 'secresponse:group')?.Value ?? null,
          rules: (IpPermissions?.length ?? 0) + (IpPermissionsEgress?.length ?? 0),
        },
      ]),
    ),
    profiles: (associations.IamInstanceProfileAssociations ?? [])
      .filter(({ State }) => State === 'associated')
      .map(({ IamInstanceProfile }) => IamInstanceProfile?.Arn ?? ''),
    attributes: {
      termination: termination.DisableApiTermination?.Value ?? false,
      stop: stop.DisableApiStop?.Value ?? false,
      shutdown: shutdown.InstanceInitiatedShutdownBehavior?.Value ?? '',
    },
    addresses: (addresses.Addresses ?? [])
      .filter(({ NetworkInterfaceId = '' }) => world.interfaceIds.includes(NetworkInterfaceId))
      .map(({ PublicIp = '' }) => PublicIp),
    lifecycle: member?.members[instanceId] ?? null,
    served,
    denial,
    snapshots: (snapshots.Snapshots ?? []).filter(({ VolumeId = '' }) => world.volumeIds.includes(VolumeId)),
    vault: Object.fromEntries(
      objects.map(({ key, body }) => [
        key,
        { sha256: createHash('sha256').update(body).digest('hex'), bytes: body.length, body },
      ]),
    ),
    messages,
    deadLetters,
    ledger,
  };
}

/** Of the victim's groups: only its own targets are in them. */
async function servedBy({ place, targetGroups, classic, world }: Scene): Promise<string[]> {
  const [targets, instances] = await Promise.all([
    Promise.all(targetGroups.map((arn) => targetStates(place, arn))),
    Promise.all(classic.map((name) => classicInstances(place, name))),
  ]);
  return [
    ...targets.flat().filter((state) => !state.endsWith('draining')),
    ...instances.flat().filter((id) => id === world.instanceId),
  ];
}

async function denialOf({ place, world }: Scene): Promise<string | null> {
  if (world.roleName === null) return null;
  try {
    const { PolicyDocument = '' } = await new IAMClient(labConfig(place)).send(
      new GetRolePolicyCommand({ RoleName: world.roleName, PolicyName: 'secresponse-session-denial' }),
    );
    return decodeURIComponent(PolicyDocument);
  } catch (error) {
    if ((error as Error).name.startsWith('NoSuchEntity')) return null;
    throw error;
  }
}

async function ledgerOf({ place, deployment }: Scene): Promise<Reading['ledger']> {
  const { Items = [] } = await new DynamoDBClient(labConfig(place)).send(
    new ScanCommand({ TableName: deployment.table, ConsistentRead: true }),
  );
  return Object.fromEntries(
    Items.map((item) => [
      item['pk']?.S ?? '',
      Object.fromEntries(Object.entries(item).map(([name, value]) => [name, value.S ?? ''])),
    ]),
  );
}
