/** Roles, their profiles and their policies, by other means than the project's own. */
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { labConfig } from '../../src/lab/client.ts';

const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});
const POLICY = 'secresponse-session-denial';

export interface DenialStatement {
  Effect: string;
  Action?: string;
  NotAction?: string[];
  Condition: Record<string, Record<string, string[]>>;
}

export function rolesAt(endpoint: string) {
  const iam = new IAMClient(labConfig({ endpoint }));

  async function denialText(RoleName: string): Promise<string | null> {
    try {
      const { PolicyDocument = '' } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: POLICY }));
      return decodeURIComponent(PolicyDocument);
    } catch (error) {
      if ((error as Error).name === 'NoSuchEntityException') return null;
      throw error;
    }
  }

  return {
    async role(RoleName: string): Promise<string> {
      await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: TRUST }));
      return RoleName;
    },

    /** @returns its ARN. */
    async profile(InstanceProfileName: string, RoleName: string | null, Path = '/'): Promise<string> {
      const { InstanceProfile } = await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName, Path }));
      if (RoleName !== null) await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName }));
      return InstanceProfile?.Arn ?? '';
    },

    async putPolicy(RoleName: string, document: object, PolicyName = POLICY): Promise<void> {
      const PolicyDocument = JSON.stringify({ Version: '2012-10-17', ...document });
      await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument }));
    },

    denialText,

    /** The statements of the denial; null where there is no such policy. */
    async statements(roleName: string): Promise<DenialStatement[] | null> {
      const text = await denialText(roleName);
      return text === null ? null : (JSON.parse(text) as { Statement: DenialStatement[] }).Statement;
    },

    /** What stands in the lists, sorted, by what is denied. */
    async listed(roleName: string): Promise<{ all: string[]; collecting: string[] }> {
      const found = { all: [] as string[], collecting: [] as string[] };
      const text = await denialText(roleName);
      const { Statement = [] } = JSON.parse(text ?? '{}') as { Statement?: DenialStatement[] };
      for (const { NotAction, Condition } of Statement)
        found[NotAction ? 'collecting' : 'all'].push(
          ...Object.values(Condition).flatMap((test) => Object.values(test).flat()),
        );
      return { all: found.all.toSorted(), collecting: found.collecting.toSorted() };
    },
  };
}
