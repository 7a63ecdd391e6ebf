/** A victim with everything that containment touches, and a sibling that nothing may happen to. */
import {
  DescribeAddressesCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeVolumesCommand,
  EC2Client,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { GetRolePolicyCommand, IAMClient, ListRolePoliciesCommand } from '@aws-sdk/client-iam';
import { labConfig } from '../../src/lab/client.ts';
import { createScalingGroup, createTargetGroup, scalingGroup, targetStates } from '../../src/lab/fleet.ts';
import type { WorldOptions } from '../../src/lab/world.ts';
import { incidentRoom, type IncidentRoom } from './incident-room.ts';
import type { TestAccount } from './local-aws.ts';

export interface WholeWorld extends IncidentRoom {
  siblingId: string;
  targetGroups: string[];
  group: string;
  /** Everything that AWS says of an instance, and of what it is in. */
  everything(instanceId: string): Promise<object>;
}

const OPTIONS: Partial<WorldOptions> = { interfaces: 3, otherVpc: true, volumes: 4, elasticIp: true, ipv6: true };
const ATTRIBUTES = [
  'disableApiTermination',
  'disableApiStop',
  'instanceInitiatedShutdownBehavior',
  'blockDeviceMapping',
] as const;

export async function wholeWorld(account: TestAccount): Promise<WholeWorld> {
  const room = await incidentRoom(account, OPTIONS);
  const { world } = room;
  const place = { endpoint: account.endpoint, region: world.region };
  const ec2 = new EC2Client(labConfig(place));
  const iam = new IAMClient(labConfig(place));
  const launched = await ec2.send(
    new RunInstancesCommand({
      ImageId: 'ami-0abcdef1234567890',
      InstanceType: 'm7i.large',
      MinCount: 1,
      MaxCount: 1,
      SubnetId: world.subnetId,
      SecurityGroupIds: world.groupIds[world.interfaceIds[0] ?? ''] ?? [],
      IamInstanceProfile: { Arn: world.instanceProfileArn ?? '' },
    }),
  );
  const siblingId = launched.Instances?.[0]?.InstanceId ?? '';
  const own = await ec2.send(new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: world.interfaceIds }));
  const [first] = own.NetworkInterfaces ?? [];
  const targetGroups = [
    await createTargetGroup(place, {
      name: 'web',
      vpcId: world.vpcId,
      targets: [
        { Id: world.instanceId, Port: 80 },
        { Id: world.instanceId, Port: 8080 },
        { Id: siblingId, Port: 80 },
      ],
    }),
    await createTargetGroup(place, {
      name: 'api',
      vpcId: first?.VpcId ?? world.vpcId,
      type: 'ip',
      targets: [{ Id: first?.PrivateIpAddress, Port: 443 }],
    }),
  ];
  const group = await createScalingGroup(place, world, { min: 2, max: 4 });

  return {
    ...room,
    siblingId,
    targetGroups,
    group,
    async everything(instanceId) {
      const InstanceIds = [instanceId];
      const filter = [{ Name: 'attachment.instance-id', Values: InstanceIds }];
      const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds }));
      const { NetworkInterfaces = [] } = await ec2.send(new DescribeNetworkInterfacesCommand({ Filters: filter }));
      const { Volumes } = await ec2.send(new DescribeVolumesCommand({ Filters: filter }));
      const { Addresses = [] } = await ec2.send(new DescribeAddressesCommand({}));
      const attributes = [];
      for (const Attribute of ATTRIBUTES) {
        const answer = await ec2.send(new DescribeInstanceAttributeCommand({ InstanceId: instanceId, Attribute }));
        attributes.push({ ...answer, $metadata: null });
      }
      const roles = await iam.send(new ListRolePoliciesCommand({ RoleName: world.roleName ?? '' }));
      const targets = [];
      for (const arn of targetGroups) targets.push(await targetStates(place, arn));
      const member = (await scalingGroup(place, group))?.members[instanceId];
      return sorted({
        instance: Reservations?.[0]?.Instances?.[0],
        interfaces: NetworkInterfaces.toSorted((a, b) =>
          (a.NetworkInterfaceId ?? '').localeCompare(b.NetworkInterfaceId ?? ''),
        ),
        volumes: Volumes,
        // An association gets a new id each time.
        addresses: Addresses.map(({ AssociationId, ...address }) => ({
          ...address,
          associated: AssociationId !== undefined,
        })),
        attributes,
        rolePolicies: roles.PolicyNames,
        targets: targets.map((states) =>
          states.filter((state) => instanceId === world.instanceId || state.includes(instanceId)),
        ),
        member,
      }) as object;
    },
  };
}

/** What the role denies; null where it denies nothing. */
export async function denialOf(room: WholeWorld): Promise<string | null> {
  const iam = new IAMClient(labConfig({ endpoint: room.account.endpoint, region: room.world.region }));
  try {
    const { PolicyDocument = '' } = await iam.send(
      new GetRolePolicyCommand({ RoleName: room.world.roleName ?? '', PolicyName: 'secresponse-session-denial' }),
    );
    return decodeURIComponent(PolicyDocument);
  } catch {
    return null;
  }
}

/** Groups in one order, and no ids that AWS makes anew with each association. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(sorted);
    const isGroups = items.every((item) => typeof item === 'object' && item !== null && 'GroupId' in item);
    return isGroups ? items.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))) : items;
  }
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  const entries = Object.entries(value).filter(([key]) => key !== 'AssociationId' && key !== '$metadata');
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
