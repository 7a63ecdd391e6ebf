/** IAM's answer to a request of a role of the stack: its own policy and the resource's, conditions included. */
import { runSimulation, type Simulation } from '@cloud-copilot/iam-simulate';
import type { Authorisation } from './authorisation.ts';
import type { Stack } from './stack.ts';

export interface Verdict {
  result: 'Allowed' | 'ExplicitlyDenied' | 'ImplicitlyDenied';
  /** Statements of the role, by their Sid, that allow it. */
  allowedBy: string[];
  /** Statements of the role or of the resource's policy that forbid it. */
  deniedBy: string[];
  /** Context that AWS does not have for such a request. */
  unheardOf: string[];
}

/** @throws where the simulator knows no such action, or no such resource of it. */
export async function verdictOn(
  stack: Stack,
  role: string,
  { action, resource, context }: Authorisation,
): Promise<Verdict> {
  const { account, region } = stack;
  const roleArn = stack.arnOf(role);
  const name = roleArn.slice(roleArn.lastIndexOf('/') + 1);
  const attached = stack.resourcePolicies.find(({ of }) => resource === of || resource.startsWith(`${of}/`));
  const simulation: Simulation = {
    request: {
      principal: `arn:aws:sts::${account}:assumed-role/${name}/session`,
      action,
      resource: { resource, accountId: account },
      contextVariables: {
        'aws:PrincipalAccount': account,
        'aws:PrincipalArn': roleArn,
        'aws:RequestedRegion': region,
        'aws:SecureTransport': 'true',
        ...context,
      },
    },
    identityPolicies: [{ name: role, policy: stack.rolePolicies.get(role) }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    ...(attached === undefined ? {} : { resourcePolicy: attached.document }),
  };
  const answer = await runSimulation(simulation, {});
  if (answer.resultType !== 'single')
    throw new Error(`${role} ${action} ${resource}: ${JSON.stringify(answer).slice(0, 1_000)}`);
  const { analysis, ignoredContextKeys = [] } = answer.result;
  const sids = (statements: { statement: { sid(): string | undefined } }[] = []) =>
    statements.map(({ statement }) => statement.sid() ?? '');
  return {
    result: answer.overallResult,
    allowedBy: sids(analysis.identityAnalysis?.allowStatements),
    deniedBy: [...sids(analysis.identityAnalysis?.denyStatements), ...sids(analysis.resourceAnalysis?.denyStatements)],
    unheardOf: ignoredContextKeys,
  };
}
