/** A small realistic world with one victim, made through the SDK. */
import {
  AttachNetworkInterfaceCommand,
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateNetworkInterfaceCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcCommand,
  DescribeInstancesCommand,
  EC2Client,
  RevokeSecurityGroupEgressCommand,
  RunInstancesCommand,
  StopInstancesCommand,
  type Instance,
  type IpPermission,
} from '@aws-sdk/client-ec2';
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  IAMClient,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { randomBytes } from 'node:crypto';
import { DEFAULT_REGION, labConfig, required, tagList, type Place } from './client.ts';
import { attachManaged, giveElasticIp, giveIpv6 } from './world-interfaces.ts';

export interface WorldOptions extends Place {
  /** Network interfaces of the victim. Default: 2. */
  interfaces?: number;
  /** EBS volumes of the victim, the root volume included. Default: 2. */
  volumes?: number;
  /** Whether the victim has an instance profile. Default: true. */
  profile?: boolean;
  /** Default: running. Those that pass last as long as the tag lab:state. */
  state?: 'running' | 'stopped' | 'hibernated' | 'pending' | 'stopping' | 'shutting-down';
  /** In addition to Name, Owner and Environment. */
  tags?: Record<string, string>;
  /** The victim's last interface lies in a second VPC. */
  otherVpc?: boolean;
  /** The first interface has an Elastic IP address. */
  elasticIp?: boolean;
  /** AWS gave the first interface a public address by itself. */
  publicAddress?: boolean;
  /** The first interface has an IPv6 address. */
  ipv6?: boolean;
  /** The victim is a Spot instance. */
  spot?: boolean;
  /** The victim has instance stores only, no EBS volume. */
  instanceStore?: boolean;
  /** One interface more, the last, that AWS manages: nobody else can change it. */
  requesterManaged?: boolean;
}

export interface World {
  account: string;
  region: string;
  vpcId: string;
  subnetId: string;
  instanceId: string;
  /** In the order of their device index. */
  interfaceIds: string[];
  volumeIds: string[];
  /** Of the Elastic IP address. Absent: there is none. */
  allocationId?: string;
  /** The original groups of each interface, sorted, by interface id. */
  groupIds: Record<string, string[]>;
  /** Null without a profile. */
  instanceProfileArn: string | null;
  roleName: string | null;
  /** The victim's Name tag. */
  name: string;
}

const NAME = 'web-7';
const OWNER = 'shop-team@example.com';
const USER_DATA = '#!/bin/bash\ndnf install -y nginx\nsystemctl enable --now nginx\n';
const TRUST = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};
const READ_ASSETS = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::shop-assets/*' }],
};

interface Network {
  vpcId: string;
  subnetId: string;
  /** Open to the world on 80 and 443, IPv4 and IPv6; every egress. */
  web: string;
  /** SSH from inside; egress to 443 only. */
  admin: string;
}

/** Makes the world; several in one account are fine. */
export async function createWorld(options: WorldOptions): Promise<World> {
  const { region = DEFAULT_REGION, interfaces = 2, volumes = 2, profile = true, state = 'running' } = options;
  const config = labConfig(options);
  const ec2 = new EC2Client(config);
  const identity = await new STSClient(config).send(new GetCallerIdentityCommand({}));
  const network = await createNetwork(ec2, '10.20', options.ipv6);
  const role = profile ? await createProfile(new IAMClient(config)) : null;

  const own = options.otherVpc ? interfaces - 1 : interfaces;
  const groupsOf = (index: number) => (index === 0 ? [network.web, network.admin] : [network.admin]);
  const launched = await ec2.send(
    new RunInstancesCommand({
      ImageId: 'ami-0abcdef1234567890',
      InstanceType: 'm7i.large',
      MinCount: 1,
      MaxCount: 1,
      UserData: Buffer.from(USER_DATA).toString('base64'),
      ...(role ? { IamInstanceProfile: { Arn: role.profileArn } } : {}),
      ...(options.spot ? { InstanceMarketOptions: { MarketType: 'spot' } } : {}),
      ...(state === 'hibernated' ? { HibernationOptions: { Configured: true } } : {}),
      NetworkInterfaces: Array.from({ length: own }, (_, index) => ({
        DeviceIndex: index,
        SubnetId: network.subnetId,
        Groups: groupsOf(index),
        DeleteOnTermination: true,
        ...(index === 0 && options.publicAddress ? { AssociatePublicIpAddress: true } : {}),
      })),
      BlockDeviceMappings: Array.from({ length: options.instanceStore ? 0 : volumes }, (_, index) => ({
        DeviceName: index === 0 ? '/dev/sda1' : `/dev/sd${String.fromCodePoint(101 + index)}`,
        Ebs: { VolumeSize: index === 0 ? 8 : 20, VolumeType: 'gp3', DeleteOnTermination: index === 0 },
      })),
      TagSpecifications: [
        {
          ResourceType: 'instance',
          Tags: tagList({ Name: NAME, Owner: OWNER, Environment: 'production', ...playedBy(options), ...options.tags }),
        },
      ],
    }),
  );
  const instanceId = required(launched.Instances?.[0]?.InstanceId, 'an instance id');
  if (options.otherVpc) await attachFromOtherVpc(ec2, instanceId, own);
  if (options.requesterManaged) await attachManaged(ec2, instanceId, network.subnetId, [network.admin], interfaces);
  if (state === 'stopped' || state === 'hibernated')
    await ec2.send(new StopInstancesCommand({ InstanceIds: [instanceId], Hibernate: state === 'hibernated' }));

  const instance = await describe(ec2, instanceId);
  const volumeIds = (instance.BlockDeviceMappings ?? []).map(({ Ebs }) => required(Ebs?.VolumeId, 'a volume id'));
  if (volumeIds.length > 0)
    await ec2.send(new CreateTagsCommand({ Resources: volumeIds, Tags: tagList({ Name: NAME, Owner: OWNER }) }));
  const found = (instance.NetworkInterfaces ?? []).toSorted(
    (one, other) => (one.Attachment?.DeviceIndex ?? 0) - (other.Attachment?.DeviceIndex ?? 0),
  );
  const groupIds = Object.fromEntries(
    found.map(({ NetworkInterfaceId, Groups }) => [
      required(NetworkInterfaceId, 'an interface id'),
      (Groups ?? []).map(({ GroupId }) => required(GroupId, 'a group id')).toSorted(),
    ]),
  );
  const [first = ''] = Object.keys(groupIds);
  if (options.ipv6) await giveIpv6(ec2, first);
  return {
    account: required(identity.Account, 'an account'),
    region,
    vpcId: network.vpcId,
    subnetId: network.subnetId,
    instanceId,
    interfaceIds: Object.keys(groupIds),
    volumeIds,
    ...(options.elasticIp ? { allocationId: await giveElasticIp(ec2, first) } : {}),
    groupIds,
    instanceProfileArn: role?.profileArn ?? null,
    roleName: role?.roleName ?? null,
    name: options.tags?.['Name'] ?? NAME,
  };
}

/** What the local AWS shows for as long as a tag is there. */
function playedBy({ state = 'running', instanceStore }: WorldOptions): Record<string, string> {
  return {
    ...(['pending', 'stopping', 'shutting-down'].includes(state) ? { 'lab:state': state } : {}),
    ...(instanceStore ? { 'lab:root': 'instance-store' } : {}),
  };
}

async function createNetwork(ec2: EC2Client, prefix: string, ipv6 = false): Promise<Network> {
  const { Vpc } = await ec2.send(
    new CreateVpcCommand({ CidrBlock: `${prefix}.0.0/16`, AmazonProvidedIpv6CidrBlock: ipv6 }),
  );
  const vpcId = required(Vpc?.VpcId, 'a VPC id');
  const range = Vpc?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock?.replace('/56', '/64');
  const { Subnet } = await ec2.send(
    new CreateSubnetCommand({
      VpcId: vpcId,
      CidrBlock: `${prefix}.1.0/24`,
      ...(range === undefined ? {} : { Ipv6CidrBlock: range }),
    }),
  );
  const web = await createGroup(ec2, vpcId, 'web', [anywhere(80), anywhere(443)]);
  const admin = await createGroup(ec2, vpcId, 'admin', [tcp(22, `${prefix}.0.0/16`)]);
  const everything: IpPermission = { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
  await ec2.send(new RevokeSecurityGroupEgressCommand({ GroupId: admin, IpPermissions: [everything] }));
  await ec2.send(new AuthorizeSecurityGroupEgressCommand({ GroupId: admin, IpPermissions: [anywhere(443)] }));
  return { vpcId, subnetId: required(Subnet?.SubnetId, 'a subnet id'), web, admin };
}

async function createGroup(ec2: EC2Client, vpcId: string, name: string, ingress: IpPermission[]): Promise<string> {
  const { GroupId } = await ec2.send(
    new CreateSecurityGroupCommand({ VpcId: vpcId, GroupName: name, Description: `${name} servers of the shop` }),
  );
  const id = required(GroupId, 'a group id');
  await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: id, IpPermissions: ingress }));
  return id;
}

function tcp(port: number, cidr: string): IpPermission {
  return { IpProtocol: 'tcp', FromPort: port, ToPort: port, IpRanges: [{ CidrIp: cidr }] };
}

function anywhere(port: number): IpPermission {
  return { ...tcp(port, '0.0.0.0/0'), Ipv6Ranges: [{ CidrIpv6: '::/0' }] };
}

async function createProfile(iam: IAMClient): Promise<{ roleName: string; profileArn: string }> {
  const name = `shop-web-${randomBytes(3).toString('hex')}`;
  await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: JSON.stringify(TRUST) }));
  const policy = { PolicyName: 'read-assets', PolicyDocument: JSON.stringify(READ_ASSETS) };
  await iam.send(new PutRolePolicyCommand({ RoleName: name, ...policy }));
  const { InstanceProfile } = await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: name }));
  await iam.send(new AddRoleToInstanceProfileCommand({ RoleName: name, InstanceProfileName: name }));
  return { roleName: name, profileArn: required(InstanceProfile?.Arn, 'a profile ARN') };
}

async function attachFromOtherVpc(ec2: EC2Client, instanceId: string, index: number): Promise<void> {
  const other = await createNetwork(ec2, '10.30');
  const { NetworkInterface } = await ec2.send(
    new CreateNetworkInterfaceCommand({ SubnetId: other.subnetId, Groups: [other.admin] }),
  );
  await ec2.send(
    new AttachNetworkInterfaceCommand({
      InstanceId: instanceId,
      NetworkInterfaceId: NetworkInterface?.NetworkInterfaceId,
      DeviceIndex: index,
    }),
  );
}

async function describe(ec2: EC2Client, instanceId: string): Promise<Instance> {
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
  return required(Reservations?.[0]?.Instances?.[0], 'the instance');
}
