/** EC2: which instance profile an instance has. Every method is one AWS call. */
import {
  AssociateIamInstanceProfileCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DisassociateIamInstanceProfileCommand,
  ReplaceIamInstanceProfileAssociationCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { errorName, underDeadline } from './client.ts';

export function profileCalls(client: EC2Client) {
  return {
    /** Associations that hold or are coming to hold, not those that are gone. `leaving`: also those that are going. */
    async profileAssociations(
      instanceId: string,
      { leaving = false } = {},
    ): Promise<{ associationId: string; profileArn: string }[]> {
      const answer = await client.send(
        new DescribeIamInstanceProfileAssociationsCommand({
          Filters: [{ Name: 'instance-id', Values: [instanceId] }],
        }),
        underDeadline(),
      );
      return (answer.IamInstanceProfileAssociations ?? [])
        .filter(({ State }) => State !== 'disassociated' && (leaving || State !== 'disassociating'))
        .map((found) => ({
          associationId: found.AssociationId ?? '',
          profileArn: found.IamInstanceProfile?.Arn ?? '',
        }));
    },

    /** For an instance that has none; by name or ARN. Needs iam:PassRole for its role. @returns the association's id. */
    async associateProfile(instanceId: string, profile: string): Promise<string> {
      const IamInstanceProfile = profile.startsWith('arn:') ? { Arn: profile } : { Name: profile };
      const answer = await client.send(
        new AssociateIamInstanceProfileCommand({ InstanceId: instanceId, IamInstanceProfile }),
        underDeadline(),
      );
      return answer.IamInstanceProfileAssociation?.AssociationId ?? '';
    },

    /** In one go: there is no moment without a profile. Running instances only. @returns the new association's id. */
    async replaceProfile(associationId: string, name: string): Promise<string> {
      const answer = await client.send(
        new ReplaceIamInstanceProfileAssociationCommand({
          AssociationId: associationId,
          IamInstanceProfile: { Name: name },
        }),
        underDeadline(),
      );
      return answer.IamInstanceProfileAssociation?.AssociationId ?? '';
    },

    /** Takes an association away; one that is gone already is no error. */
    async disassociateProfile(associationId: string): Promise<void> {
      try {
        await client.send(new DisassociateIamInstanceProfileCommand({ AssociationId: associationId }), underDeadline());
      } catch (error) {
        if (!/^(InvalidAssociationID\.NotFound|NoSuchAssociation)$/.test(errorName(error))) throw error;
      }
    },
  };
}
