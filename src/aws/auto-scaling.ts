/** EC2 Auto Scaling, as far as a response needs it. Every method is one AWS call. */
import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  DetachInstancesCommand,
  EnterStandbyCommand,
  ExitStandbyCommand,
} from '@aws-sdk/client-auto-scaling';
import { clientConfig, underDeadline, type ClientSettings } from './client.ts';

export interface MemberReading {
  /** Name of its group. */
  group: string;
  /** InService, Standby, Pending:Wait, Warmed:Stopped, … as AWS says it. */
  lifecycle: string;
  protectedFromScaleIn: boolean;
}

export interface ScalingGroupReading {
  min: number;
  max: number;
  desired: number;
  /** Launch, Terminate, ReplaceUnhealthy, …; sorted. */
  suspended: string[];
}

export type AutoScaling = ReturnType<typeof autoScalingGateway>;

export function autoScalingGateway(settings: ClientSettings) {
  const client = new AutoScalingClient(clientConfig(settings));

  return {
    /** Null where the instance is in no group. */
    async member(instanceId: string): Promise<MemberReading | null> {
      const answer = await client.send(
        new DescribeAutoScalingInstancesCommand({ InstanceIds: [instanceId] }),
        underDeadline(),
      );
      const found = (answer.AutoScalingInstances ?? []).find(({ InstanceId }) => InstanceId === instanceId);
      if (!found?.AutoScalingGroupName) return null;
      return {
        group: found.AutoScalingGroupName,
        lifecycle: found.LifecycleState ?? 'unknown',
        protectedFromScaleIn: found.ProtectedFromScaleIn ?? false,
      };
    },

    /** Null where there is no such group. */
    async group(name: string): Promise<ScalingGroupReading | null> {
      const answer = await client.send(
        new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
        underDeadline(),
      );
      const found = answer.AutoScalingGroups?.[0];
      if (!found) return null;
      return {
        min: found.MinSize ?? 0,
        max: found.MaxSize ?? 0,
        desired: found.DesiredCapacity ?? 0,
        suspended: (found.SuspendedProcesses ?? []).flatMap(({ ProcessName }) => ProcessName ?? []).sort(),
      };
    },

    /**
     * How many instances the group has in service or on their way there, or should have: the larger. Members that stand by are
     * not counted: who was contained has been replaced, and the group is no larger for it.
     */
    async size(name: string): Promise<number> {
      const answer = await client.send(
        new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
        underDeadline(),
      );
      const found = answer.AutoScalingGroups?.[0];
      if (!found) throw new Error(`there is no Auto Scaling group ${name}`);
      const members = (found.Instances ?? []).filter(
        ({ LifecycleState = '' }) => !/^(EnteringStandby|Standby|Detach|Terminat)/.test(LifecycleState),
      );
      return Math.max(found.DesiredCapacity ?? 0, members.length);
    },

    /** For an instance in service. `replace`: the group launches another one, else it gets smaller. */
    async enterStandby(group: string, instanceId: string, replace: boolean): Promise<void> {
      await client.send(
        new EnterStandbyCommand({
          AutoScalingGroupName: group,
          InstanceIds: [instanceId],
          ShouldDecrementDesiredCapacity: !replace,
        }),
        underDeadline(),
      );
    },

    /** Back into service; AWS raises the group's desired capacity by one. */
    async exitStandby(group: string, instanceId: string): Promise<void> {
      await client.send(
        new ExitStandbyCommand({ AutoScalingGroupName: group, InstanceIds: [instanceId] }),
        underDeadline(),
      );
    },

    /** Out of the group for good. `replace` as above. */
    async detach(group: string, instanceId: string, replace: boolean): Promise<void> {
      await client.send(
        new DetachInstancesCommand({
          AutoScalingGroupName: group,
          InstanceIds: [instanceId],
          ShouldDecrementDesiredCapacity: !replace,
        }),
        underDeadline(),
      );
    },
  };
}
