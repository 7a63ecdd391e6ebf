/** Elastic Load Balancing, both generations, as far as a response needs it. Every method is one AWS call unless it says otherwise. */
import { EC2Client } from '@aws-sdk/client-ec2';
import {
  DeregisterInstancesFromLoadBalancerCommand,
  DescribeLoadBalancersCommand,
  ElasticLoadBalancingClient,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import {
  DeregisterTargetsCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
  type TargetDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { clientConfig, errorName, underDeadline, type ClientSettings } from './client.ts';
import { addressCalls } from './ec2-targets.ts';

export interface TargetGroupReading {
  arn: string;
  /** instance, ip, lambda, alb. */
  type: string;
  /** Null where AWS names none. */
  vpcId: string | null;
}

/** A target as it is registered, so that it can be registered like that again. */
export type Registration = {
  /** An instance id or an address. */
  id: string;
  port?: number;
  /** For addresses only. */
  zone?: string;
  /** For QUIC only. */
  serverId?: string;
};

export type LoadBalancers = ReturnType<typeof loadBalancersGateway>;

export function loadBalancersGateway(settings: ClientSettings) {
  const client = new ElasticLoadBalancingV2Client(clientConfig(settings));
  const classic = new ElasticLoadBalancingClient(clientConfig(settings));

  return {
    ...addressCalls(new EC2Client(clientConfig(settings))),

    /** All of the region; follows pages. */
    async targetGroups(): Promise<TargetGroupReading[]> {
      const found: TargetGroupReading[] = [];
      let Marker: string | undefined;
      do {
        const answer = await client.send(new DescribeTargetGroupsCommand(Marker ? { Marker } : {}), underDeadline());
        for (const { TargetGroupArn, TargetType, VpcId } of answer.TargetGroups ?? [])
          if (TargetGroupArn) found.push({ arn: TargetGroupArn, type: TargetType ?? 'instance', vpcId: VpcId ?? null });
        Marker = answer.NextMarker;
      } while (Marker);
      return found;
    },

    /**
     * Every target that is registered, not those that are draining; null where the group is gone. All are asked for: one that
     * is asked for by its id alone is looked up under the group's own port, and may be registered under others.
     */
    async targets(arn: string): Promise<Registration[] | null> {
      try {
        const answer = await client.send(new DescribeTargetHealthCommand({ TargetGroupArn: arn }), underDeadline());
        return (answer.TargetHealthDescriptions ?? [])
          .filter(({ TargetHealth }) => TargetHealth?.State !== 'draining' && TargetHealth?.Reason !== NOT_REGISTERED)
          .flatMap(({ Target }) => registration(Target));
      } catch (error) {
        if (isNoSuchGroup(error)) return null;
        throw error;
      }
    },

    /** Nothing is awaited: what is under way may end. A group or target that is gone is no error. */
    async deregister(arn: string, targets: Registration[]): Promise<void> {
      try {
        await client.send(
          new DeregisterTargetsCommand({
            TargetGroupArn: arn,
            // With the port: without it, AWS takes the group's own.
            Targets: targets.map(({ id, port }) => ({ Id: id, ...(port === undefined ? {} : { Port: port }) })),
          }),
          underDeadline(),
        );
      } catch (error) {
        if (!isNoSuchGroup(error)) throw error;
      }
    },

    async register(arn: string, targets: Registration[]): Promise<void> {
      await client.send(
        new RegisterTargetsCommand({ TargetGroupArn: arn, Targets: targets.map(description) }),
        underDeadline(),
      );
    },

    /** Classic load balancers of the region with the ids of their instances; follows pages. */
    async classic(): Promise<{ name: string; instanceIds: string[] }[]> {
      const found: { name: string; instanceIds: string[] }[] = [];
      let Marker: string | undefined;
      do {
        const answer = await classic.send(new DescribeLoadBalancersCommand(Marker ? { Marker } : {}), underDeadline());
        for (const { LoadBalancerName, Instances = [] } of answer.LoadBalancerDescriptions ?? [])
          if (LoadBalancerName)
            found.push({
              name: LoadBalancerName,
              instanceIds: Instances.flatMap(({ InstanceId }) => InstanceId ?? []),
            });
        Marker = answer.NextMarker;
      } while (Marker);
      return found;
    },

    /** A load balancer that is gone is no error. */
    async deregisterClassic(name: string, instanceId: string): Promise<void> {
      const input = { LoadBalancerName: name, Instances: [{ InstanceId: instanceId }] };
      try {
        await classic.send(new DeregisterInstancesFromLoadBalancerCommand(input), underDeadline());
      } catch (error) {
        if (!/^(LoadBalancerNotFound|AccessPointNotFoundException)$/.test(errorName(error))) throw error;
      }
    },

    async registerClassic(name: string, instanceId: string): Promise<void> {
      const input = { LoadBalancerName: name, Instances: [{ InstanceId: instanceId }] };
      await classic.send(new RegisterInstancesWithLoadBalancerCommand(input), underDeadline());
    },
  };
}

const NOT_REGISTERED = 'Target.NotRegistered';

function isNoSuchGroup(error: unknown): boolean {
  return /^TargetGroupNotFound(Exception)?$/.test(errorName(error));
}

function registration(target: TargetDescription | undefined): Registration[] {
  if (!target?.Id) return [];
  const { Id, Port, AvailabilityZone, QuicServerId } = target;
  return [
    {
      id: Id,
      ...(Port === undefined ? {} : { port: Port }),
      ...(AvailabilityZone === undefined ? {} : { zone: AvailabilityZone }),
      ...(QuicServerId === undefined ? {} : { serverId: QuicServerId }),
    },
  ];
}

function description({ id, port, zone, serverId }: Registration): TargetDescription {
  return {
    Id: id,
    ...(port === undefined ? {} : { Port: port }),
    ...(zone === undefined ? {} : { AvailabilityZone: zone }),
    ...(serverId === undefined ? {} : { QuicServerId: serverId }),
  };
}
