/** What the account has beside the stack: detectors, the collection profile, instances by VPC. Reads only. */
import { EC2Client, paginateDescribeInstances } from '@aws-sdk/client-ec2';
import { GetDetectorCommand, GuardDutyClient, ListDetectorsCommand } from '@aws-sdk/client-guardduty';
import {
  GetInstanceProfileCommand,
  GetRoleCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
} from '@aws-sdk/client-iam';
import { absent, clientConfig, underDeadline, type ClientSettings } from './client.ts';

export interface DetectorReading {
  detectorId: string;
  isEnabled: boolean;
  /** `FIFTEEN_MINUTES`, `ONE_HOUR` or `SIX_HOURS`. */
  frequency: string;
}

export interface ProfileReading {
  /** Null: the profile is empty. */
  role: string | null;
  /** Who may take the role, as JSON. */
  trust: string;
}

export function accountReadings(settings: ClientSettings) {
  const guardDuty = new GuardDutyClient(clientConfig(settings));
  const iam = new IAMClient(clientConfig(settings));
  const ec2 = new EC2Client(clientConfig(settings));
  return {
    async detectors(): Promise<DetectorReading[]> {
      const { DetectorIds = [] } = await guardDuty.send(new ListDetectorsCommand({}), underDeadline());
      return Promise.all(
        DetectorIds.map(async (DetectorId) => {
          const answer = await guardDuty.send(new GetDetectorCommand({ DetectorId }), underDeadline());
          return {
            detectorId: DetectorId,
            isEnabled: answer.Status === 'ENABLED',
            frequency: answer.FindingPublishingFrequency ?? 'SIX_HOURS',
          };
        }),
      );
    },

    /** Null: there is no such profile. */
    async profile(InstanceProfileName: string): Promise<ProfileReading | null> {
      const answer = await absent(/^NoSuchEntity/, () =>
        iam.send(new GetInstanceProfileCommand({ InstanceProfileName }), underDeadline()),
      );
      if (answer === null) return null;
      const role = answer.InstanceProfile?.Roles?.[0];
      return { role: role?.RoleName ?? null, trust: decodeURIComponent(role?.AssumeRolePolicyDocument ?? '') };
    },

    /** Who may take the role, as JSON. */
    async trust(RoleName: string): Promise<string | null> {
      const answer = await absent(/^NoSuchEntity/, () => iam.send(new GetRoleCommand({ RoleName }), underDeadline()));
      return answer && decodeURIComponent(answer.Role?.AssumeRolePolicyDocument ?? '');
    },

    /** ARNs. */
    async attachedPolicies(RoleName: string): Promise<string[]> {
      const answer = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }), underDeadline());
      return (answer.AttachedPolicies ?? []).flatMap(({ PolicyArn }) => PolicyArn ?? []);
    },

    /** How many instances each VPC has; those that are gone are not counted. */
    async instancesByVpc(): Promise<Map<string, number>> {
      const counts = new Map<string, number>();
      const Filters = [{ Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] }];
      for await (const { Reservations = [] } of paginateDescribeInstances({ client: ec2 }, { Filters }))
        for (const { VpcId } of Reservations.flatMap(({ Instances }) => Instances ?? []))
          if (VpcId) counts.set(VpcId, (counts.get(VpcId) ?? 0) + 1);
      return counts;
    },
  };
}
