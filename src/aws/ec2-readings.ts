/** What DescribeInstances and DescribeNetworkInterfaces say, as far as a response needs it. Pure. */
import type { Instance, InstanceNetworkInterface, NetworkInterface, Tag } from '@aws-sdk/client-ec2';
import { plain } from './client.ts';

export interface InstanceReading {
  instanceId: string;
  /** pending, running, shutting-down, terminated, stopping, stopped. */
  state: string;
  /** spot, scheduled, capacity-block and so on. Absent: on demand. */
  lifecycle?: string;
  instanceType?: string;
  privateIp?: string;
  publicIp?: string;
  vpcId?: string;
  /** ARN of the instance profile that AWS shows. */
  profile?: string;
  tags: Record<string, string>;
  /** Stopped with its memory kept on the root volume. */
  hibernated?: boolean;
  /** ebs or instance-store; absent where AWS does not say. */
  rootDeviceType?: string;
  /** EBS volumes only: AWS does not list instance stores. */
  volumes: VolumeReading[];
  volumeIds: string[];
  interfaces: InterfaceReading[];
  /** Null where AWS shows none, as of an instance that has ended. */
  metadata: MetadataReading | null;
  /** The whole answer, for the evidence. */
  raw: unknown;
}

export interface VolumeReading {
  device: string;
  volumeId: string;
  deleteOnTermination: boolean;
}

/** Options of the metadata service. */
export interface MetadataOptions {
  /** enabled or disabled. */
  endpoint: string;
  /** required or optional. */
  tokens: string;
  hopLimit: number;
}

export interface MetadataReading extends MetadataOptions {
  /** They are what was asked for, and the instance has not taken them yet. */
  pending: boolean;
}

export interface InterfaceReading {
  interfaceId: string;
  vpcId: string;
  groups: string[];
  /** IPv4, the primary one first. */
  privateAddresses: string[];
  ipv6Addresses: string[];
  /** An IPv4 address by which it is reached from outside, the primary one's first. */
  publicAddress?: string;
  /** Who manages the interface in the account's place. Only DescribeNetworkInterfaces tells. */
  requester?: string;
  deviceIndex?: number;
  /** Idle times in seconds after which a tracked flow is forgotten; each absent where it is not set. */
  tracking?: Tracking;
}

export interface Tracking {
  tcpEstablished?: number;
  udpStream?: number;
  udpTimeout?: number;
}

function isHibernated({ State, StateReason }: Instance): boolean {
  return State?.Name === 'stopped' && StateReason?.Code === 'Client.UserInitiatedHibernate';
}

export function instanceReading(instanceId: string, instance: Instance): InstanceReading {
  const volumes = (instance.BlockDeviceMappings ?? []).flatMap(({ DeviceName = '', Ebs }) =>
    Ebs?.VolumeId
      ? [{ device: DeviceName, volumeId: Ebs.VolumeId, deleteOnTermination: Ebs.DeleteOnTermination ?? false }]
      : [],
  );
  return {
    instanceId,
    state: instance.State?.Name ?? 'unknown',
    ...defined({
      lifecycle: instance.InstanceLifecycle,
      instanceType: instance.InstanceType,
      privateIp: instance.PrivateIpAddress,
      publicIp: instance.PublicIpAddress,
      vpcId: instance.VpcId,
      profile: instance.IamInstanceProfile?.Arn,
      hibernated: isHibernated(instance) || undefined,
      rootDeviceType: instance.RootDeviceType,
    }),
    tags: tagRecord(instance.Tags),
    volumes,
    volumeIds: volumes.map(({ volumeId }) => volumeId),
    interfaces: (instance.NetworkInterfaces ?? []).flatMap(interfaceReading),
    metadata: metadataReading(instance),
    raw: plain(instance),
  };
}

export function interfaceReading(found: InstanceNetworkInterface | NetworkInterface): InterfaceReading[] {
  if (!found.NetworkInterfaceId) return [];
  const addresses = (found.PrivateIpAddresses ?? []).toSorted(
    (one, other) => Number(other.Primary ?? false) - Number(one.Primary ?? false),
  );
  const requester = 'RequesterManaged' in found && found.RequesterManaged ? (found.RequesterId ?? 'AWS') : undefined;
  return [
    {
      interfaceId: found.NetworkInterfaceId,
      vpcId: found.VpcId ?? '',
      groups: (found.Groups ?? []).flatMap(({ GroupId }) => GroupId ?? []).sort(),
      privateAddresses: addresses.flatMap(({ PrivateIpAddress }) => PrivateIpAddress ?? []),
      ipv6Addresses: (found.Ipv6Addresses ?? []).flatMap(({ Ipv6Address }) => Ipv6Address ?? []),
      ...defined({
        publicAddress:
          found.Association?.PublicIp ??
          addresses.find(({ Association }) => Association?.PublicIp)?.Association?.PublicIp,
        requester,
        deviceIndex: found.Attachment?.DeviceIndex,
        tracking: trackingOf(found),
      }),
    },
  ];
}

function trackingOf({ ConnectionTrackingConfiguration: set }: InstanceNetworkInterface): Tracking | undefined {
  const tracking = defined({
    tcpEstablished: set?.TcpEstablishedTimeout,
    udpStream: set?.UdpStreamTimeout,
    udpTimeout: set?.UdpTimeout,
  });
  return Object.keys(tracking).length > 0 ? tracking : undefined;
}

function metadataReading({ MetadataOptions: options }: Instance): MetadataReading | null {
  if (!options?.HttpEndpoint || !options.HttpTokens) return null;
  return {
    endpoint: options.HttpEndpoint,
    tokens: options.HttpTokens,
    hopLimit: options.HttpPutResponseHopLimit ?? 1,
    pending: options.State === 'pending',
  };
}

export function tagRecord(tags: Tag[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? '']));
}

/** The object without its undefined values, for types that know no undefined. */
function defined<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
