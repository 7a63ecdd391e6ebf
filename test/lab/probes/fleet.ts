import {
  AttachInstancesCommand,
  CreateAutoScalingGroupCommand,
  DescribeAutoScalingInstancesCommand,
  DetachInstancesCommand,
  EnterStandbyCommand,
  ExitStandbyCommand,
} from '@aws-sdk/client-auto-scaling';
import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import {
  DeregisterInstancesFromLoadBalancerCommand,
  RegisterInstancesWithLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import {
  DeregisterTargetsCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  classicInstances,
  createClassic,
  createScalingGroup,
  createTargetGroup,
  scalingGroup,
  targetStates,
  type ScalingGroupOptions,
} from '../../../src/lab/fleet.ts';
import type { World } from '../../../src/lab/world.ts';
import { failure, type Lab, type Probe } from './probe.ts';

async function member(lab: Lab, options: ScalingGroupOptions = {}) {
  const world = await lab.world({ interfaces: 1, volumes: 1 });
  const AutoScalingGroupName = await createScalingGroup(lab, world, options);
  const input = { AutoScalingGroupName, InstanceIds: [world.instanceId] };
  return {
    world,
    name: AutoScalingGroupName,
    enter: (ShouldDecrementDesiredCapacity: boolean) =>
      lab.autoScaling.send(new EnterStandbyCommand({ ...input, ShouldDecrementDesiredCapacity })),
    exit: () => lab.autoScaling.send(new ExitStandbyCommand(input)),
    detach: (ShouldDecrementDesiredCapacity: boolean) =>
      lab.autoScaling.send(new DetachInstancesCommand({ ...input, ShouldDecrementDesiredCapacity })),
  };
}

async function withTargetGroup(lab: Lab, ports: number[] = [80]): Promise<{ world: World; arn: string }> {
  const world = await lab.world({ interfaces: 1, volumes: 1 });
  const targets = ports.map((Port) => ({ Id: world.instanceId, Port }));
  return { world, arn: await createTargetGroup(lab, { name: 'web', vpcId: world.vpcId, targets }) };
}

export const probes: Probe[] = [
  {
    mend: 'autoscaling.only_from_the_right_state',
    holds: 'an instance goes to standby from service only, back from standby only, and is detached once',
    async run(lab) {
      const { enter, exit, detach } = await member(lab);
      const answers = [await failure(exit()), await failure(enter(false)), await failure(enter(false))];
      return [...answers, await failure(exit()), await failure(detach(false)), await failure(detach(false))];
    },
    answer: ['ValidationError', 'no error', 'ValidationError', 'no error', 'no error', 'ValidationError'],
  },
  {
    mend: 'autoscaling.within_limits',
    holds: 'no instance leaves without a replacement below the minimum, and none comes back above the maximum',
    async run(lab) {
      const { enter, exit, detach } = await member(lab, { min: 2, max: 2 });
      const answers = [await failure(enter(true)), await failure(detach(true)), await failure(enter(false))];
      return [...answers, await failure(exit())];
    },
    answer: ['ValidationError', 'ValidationError', 'no error', 'ValidationError'],
  },
  {
    mend: 'autoscaling.leave_target_groups',
    holds: 'an instance in standby, or detached, is in none of the target groups of its group',
    async run(lab) {
      const { vpcId } = await lab.world({ interfaces: 1, volumes: 1 });
      const arn = await createTargetGroup(lab, { name: 'web', vpcId });
      const { world, enter, exit, detach } = await member(lab, { targetGroupArns: [arn] });
      const isServed = async () =>
        (await targetStates(lab, arn)).some((line) => line.startsWith(world.instanceId) && line.endsWith('healthy'));
      const answers = [await isServed()];
      for (const step of [() => enter(false), exit, () => detach(false)]) {
        await step();
        answers.push(await isServed());
      }
      return answers;
    },
    answer: [true, false, true, false],
  },
  {
    mend: 'autoscaling.suspended_launch',
    holds: 'no replacement is launched while Launch is suspended',
    async run(lab) {
      const { name, enter } = await member(lab, { suspended: ['Launch'] });
      await enter(false);
      const group = await scalingGroup(lab, name);
      return [group?.desired, Object.values(group?.members ?? {}).toSorted()];
    },
    answer: [2, ['InService', 'Standby']],
  },
  {
    mend: 'autoscaling.detached_for_good',
    holds: 'a detached instance can join another group',
    async run(lab) {
      const { world, detach } = await member(lab);
      await detach(false);
      await lab.autoScaling.send(
        new CreateAutoScalingGroupCommand({
          AutoScalingGroupName: 'other',
          LaunchTemplate: { LaunchTemplateName: 'shop-web' },
          VPCZoneIdentifier: world.subnetId,
          MinSize: 0,
          MaxSize: 2,
        }),
      );
      const InstanceIds = [world.instanceId];
      await lab.autoScaling.send(new AttachInstancesCommand({ AutoScalingGroupName: 'other', InstanceIds }));
      const found = await lab.autoScaling.send(new DescribeAutoScalingInstancesCommand({ InstanceIds }));
      return found.AutoScalingInstances?.map(({ AutoScalingGroupName }) => AutoScalingGroupName);
    },
    answer: ['other'],
  },
  {
    mend: 'autoscaling.played_lifecycle',
    holds: 'a tag gives an instance another lifecycle state',
    async run(lab) {
      const { world } = await member(lab);
      const InstanceIds = [world.instanceId];
      await lab.ec2.send(
        new CreateTagsCommand({ Resources: InstanceIds, Tags: [{ Key: 'lab:lifecycle', Value: 'Warmed:Stopped' }] }),
      );
      const found = await lab.autoScaling.send(new DescribeAutoScalingInstancesCommand({ InstanceIds }));
      return found.AutoScalingInstances?.[0]?.LifecycleState;
    },
    answer: 'Warmed:Stopped',
  },
  {
    mend: 'elb.targets_by_port',
    holds: 'a target is known by its port, and may be deregistered twice; an address has its zone',
    async run(lab) {
      const { world, arn } = await withTargetGroup(lab, [80, 8080]);
      const input = { TargetGroupArn: arn, Targets: [{ Id: world.instanceId, Port: 80 }] };
      await lab.elb.send(new DeregisterTargetsCommand(input));
      const again = await failure(lab.elb.send(new DeregisterTargetsCommand(input)));
      const served = (await targetStates(lab, arn)).filter((line) => line.endsWith('healthy'));
      const targets = [{ Id: '10.20.1.9' }];
      const api = await createTargetGroup(lab, { name: 'api', vpcId: world.vpcId, type: 'ip', port: 443, targets });
      const { TargetHealthDescriptions } = await lab.elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: api }));
      const zone = TargetHealthDescriptions?.[0]?.Target?.AvailabilityZone ?? '';
      return [again, served.map((line) => line.split(':')[1]), /^us-east-1[a-z]$/.test(zone)];
    },
    answer: ['no error', ['8080 healthy'], true],
  },
  {
    mend: 'elb.draining',
    holds: 'a target that was deregistered drains for a while',
    async run(lab) {
      const { world, arn } = await withTargetGroup(lab);
      const Targets = [{ Id: world.instanceId, Port: 80 }];
      await lab.elb.send(new DeregisterTargetsCommand({ TargetGroupArn: arn, Targets }));
      return (await targetStates(lab, arn)).map((line) => line.split(' ')[1]);
    },
    answer: ['draining'],
  },
  {
    mend: 'elb.pages_of_target_groups',
    holds: 'target groups come in pages',
    async run(lab) {
      const { vpcId } = await lab.world({ interfaces: 1, volumes: 1 });
      for (const name of ['a', 'b', 'c']) await createTargetGroup(lab, { name, vpcId });
      const first = await lab.elb.send(new DescribeTargetGroupsCommand({ PageSize: 2 }));
      const second = await lab.elb.send(new DescribeTargetGroupsCommand({ PageSize: 2, Marker: first.NextMarker }));
      const names = [first, second].map(({ TargetGroups }) =>
        TargetGroups?.map(({ TargetGroupName }) => TargetGroupName),
      );
      return [...names, second.NextMarker];
    },
    answer: [['a', 'b'], ['c'], undefined],
  },
  {
    mend: 'elb.instances_of_classic',
    holds: 'an instance is in a classic load balancer once, and leaves it though its group has brought it there',
    async run(lab) {
      const name = await createClassic(lab, 'shop');
      const { world } = await member(lab, { classic: [name] });
      const input = { LoadBalancerName: name, Instances: [{ InstanceId: world.instanceId }] };
      await lab.elbClassic.send(new RegisterInstancesWithLoadBalancerCommand(input));
      const count = async () => (await classicInstances(lab, name)).filter((id) => id === world.instanceId).length;
      const before = await count();
      await lab.elbClassic.send(new DeregisterInstancesFromLoadBalancerCommand(input));
      return [before, await count()];
    },
    answer: [1, 0],
  },
];
