/** What a victim may be part of: an Auto Scaling group, target groups, classic load balancers. */
import {
  AttachInstancesCommand,
  AutoScalingClient,
  CreateAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  SuspendProcessesCommand,
  UpdateAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { CreateLaunchTemplateCommand, EC2Client } from '@aws-sdk/client-ec2';
import {
  CreateLoadBalancerCommand,
  DescribeLoadBalancersCommand,
  ElasticLoadBalancingClient,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import {
  CreateTargetGroupCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
  type TargetDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { DEFAULT_REGION, labConfig, required, type Place } from './client.ts';
import type { World } from './world.ts';

export interface ScalingGroupOptions {
  /** Default: shop-web. */
  name?: string;
  /** Default: 1. */
  min?: number;
  /** Default: 4. */
  max?: number;
  /** Instances beside the victim. Default: 1. */
  others?: number;
  /** Processes that are suspended. Default: none. */
  suspended?: string[];
  /** New members, the victim too, are protected from scale-in. */
  protectedFromScaleIn?: boolean;
  targetGroupArns?: string[];
  /** Names of classic load balancers. */
  classic?: string[];
}

export type Victim = Pick<World, 'instanceId' | 'subnetId' | 'vpcId'>;

/** An Auto Scaling group that the victim is a member of. @returns its name. */
export async function createScalingGroup(
  place: Place,
  victim: Victim,
  options: ScalingGroupOptions = {},
): Promise<string> {
  const { name = 'shop-web', min = 1, max = 4, others = 1, suspended = [] } = options;
  const client = new AutoScalingClient(labConfig(place));
  const ec2 = new EC2Client(labConfig(place));
  const template = { ImageId: 'ami-0abcdef1234567890', InstanceType: 'm7i.large' } as const;
  await ec2.send(new CreateLaunchTemplateCommand({ LaunchTemplateName: name, LaunchTemplateData: template }));
  await client.send(
    new CreateAutoScalingGroupCommand({
      AutoScalingGroupName: name,
      LaunchTemplate: { LaunchTemplateName: name },
      VPCZoneIdentifier: victim.subnetId,
      MinSize: 0,
      MaxSize: max,
      DesiredCapacity: others,
      NewInstancesProtectedFromScaleIn: options.protectedFromScaleIn ?? false,
      TargetGroupARNs: options.targetGroupArns ?? [],
      LoadBalancerNames: options.classic ?? [],
    }),
  );
  const group = { AutoScalingGroupName: name };
  await client.send(new AttachInstancesCommand({ ...group, InstanceIds: [victim.instanceId] }));
  await client.send(new UpdateAutoScalingGroupCommand({ ...group, MinSize: min }));
  if (suspended.length > 0) await client.send(new SuspendProcessesCommand({ ...group, ScalingProcesses: suspended }));
  return name;
}

export interface ScalingGroup {
  desired: number;
  min: number;
  max: number;
  /** Instance id → lifecycle state. */
  members: Record<string, string>;
}

/** Null where there is no such group. */
export async function scalingGroup(place: Place, name: string): Promise<ScalingGroup | null> {
  const client = new AutoScalingClient(labConfig(place));
  const { AutoScalingGroups } = await client.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
  );
  const found = AutoScalingGroups?.[0];
  if (!found) return null;
  const members = (found.Instances ?? []).map(({ InstanceId = '', LifecycleState = '' }) => [
    InstanceId,
    LifecycleState,
  ]);
  return {
    desired: found.DesiredCapacity ?? 0,
    min: found.MinSize ?? 0,
    max: found.MaxSize ?? 0,
    members: Object.fromEntries(members) as Record<string, string>,
  };
}

export interface TargetGroupOptions {
  name: string;
  vpcId: string;
  /** Default: instance. */
  type?: 'instance' | 'ip';
  /** Default: 80. */
  port?: number;
  /** Default: none. */
  targets?: TargetDescription[];
}

/** @returns its ARN. */
export async function createTargetGroup(place: Place, options: TargetGroupOptions): Promise<string> {
  const { name, vpcId, type = 'instance', port = 80, targets = [] } = options;
  const client = new ElasticLoadBalancingV2Client(labConfig(place));
  const { TargetGroups } = await client.send(
    new CreateTargetGroupCommand({ Name: name, VpcId: vpcId, TargetType: type, Protocol: 'HTTP', Port: port }),
  );
  const arn = required(TargetGroups?.[0]?.TargetGroupArn, 'a target group');
  if (targets.length > 0) await client.send(new RegisterTargetsCommand({ TargetGroupArn: arn, Targets: targets }));
  return arn;
}

/** `id:port state` of every target, sorted. */
export async function targetStates(place: Place, arn: string): Promise<string[]> {
  const client = new ElasticLoadBalancingV2Client(labConfig(place));
  const { TargetHealthDescriptions = [] } = await client.send(new DescribeTargetHealthCommand({ TargetGroupArn: arn }));
  return TargetHealthDescriptions.map(
    ({ Target, TargetHealth }) => `${Target?.Id}:${Target?.Port} ${TargetHealth?.State}`,
  ).sort();
}

/** A classic load balancer with these instances. @returns its name. */
export async function createClassic(place: Place, name: string, instanceIds: string[] = []): Promise<string> {
  const client = new ElasticLoadBalancingClient(labConfig(place));
  await client.send(
    new CreateLoadBalancerCommand({
      LoadBalancerName: name,
      AvailabilityZones: [`${place.region ?? DEFAULT_REGION}a`],
      Listeners: [{ Protocol: 'HTTP', LoadBalancerPort: 80, InstancePort: 80 }],
    }),
  );
  if (instanceIds.length > 0)
    await client.send(
      new RegisterInstancesWithLoadBalancerCommand({
        LoadBalancerName: name,
        Instances: instanceIds.map((InstanceId) => ({ InstanceId })),
      }),
    );
  return name;
}

/** Ids of the instances of a classic load balancer, sorted. */
export async function classicInstances(place: Place, name: string): Promise<string[]> {
  const client = new ElasticLoadBalancingClient(labConfig(place));
  const { LoadBalancerDescriptions } = await client.send(
    new DescribeLoadBalancersCommand({ LoadBalancerNames: [name] }),
  );
  return (LoadBalancerDescriptions?.[0]?.Instances ?? []).flatMap(({ InstanceId }) => InstanceId ?? []).sort();
}
