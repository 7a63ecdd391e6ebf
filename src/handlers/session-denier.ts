/** The Lambda function that denies sessions: the one place with the right to write a role's policy, and it writes nothing but Deny. */
import { withDeadline } from '../aws/deadline.ts';
import { rolePolicies, type RolePolicies } from '../aws/role-policies.ts';
import { INSTANCE_ARN, type Denial } from '../containment/session-policy.ts';
import { visible } from '../finding/names.ts';
import { defaultBudgets, type Budgets } from '../runbook/budgets.ts';

interface DenialRequest {
  roleName: string;
  instanceArn: string;
  deny: Denial;
}

export interface SessionDenierOptions {
  /** Instances of others are nobody's business here. */
  account: string;
  partition: string;
  /** Names of roles that are refused, with `*` and `?`. */
  protectedRoles: string[];
  policies: Pick<RolePolicies, 'setDenial'>;
  budgets?: Pick<Budgets, 'denialMs'>;
}

export type SessionDenier = (event: unknown) => Promise<DenialRequest>;

const ROLE_NAME = /^[\w+=,.@-]{1,64}$/;
const DENIALS: readonly unknown[] = ['none', 'collecting', 'all'] satisfies Denial[];

/** Answers with what was read back. What is refused is an error of one line. */
export function createSessionDenier(options: SessionDenierOptions): SessionDenier {
  const { account, partition, policies, budgets = defaultBudgets } = options;
  const guards = options.protectedRoles.map((glob) => ({ glob, form: globForm(glob) }));
  return async (event) => {
    const { roleName, instanceArn, deny } = parseRequest(event);
    const [, ofPartition, ofAccount] = INSTANCE_ARN.exec(instanceArn) ?? [];
    if (ofPartition !== partition || ofAccount !== account)
      throw refusal(`${instanceArn} is no instance of account ${account} (${partition})`);
    const guard = guards.find(({ form }) => form.test(roleName));
    if (guard) throw refusal(`role ${roleName} is protected (${guard.glob})`);
    const denied = await withDeadline(budgets.denialMs, `the denial in role ${roleName}`, () =>
      policies.setDenial(roleName, instanceArn, deny),
    );
    return { roleName, instanceArn, deny: denied };
  };
}

function parseRequest(event: unknown): DenialRequest {
  const fields = typeof event === 'object' && event !== null && !Array.isArray(event) ? event : {};
  const { roleName, instanceArn, deny, ...others } = fields as Record<string, unknown>;
  if (Object.keys(others).length > 0) throw refusal(`it takes roleName, instanceArn and deny, not ${shown(others)}`);
  if (typeof roleName !== 'string' || !ROLE_NAME.test(roleName))
    throw refusal(`roleName is no name of a role: ${shown(roleName)}`);
  if (typeof instanceArn !== 'string' || !INSTANCE_ARN.test(instanceArn))
    throw refusal(`instanceArn is no ARN of an instance: ${shown(instanceArn)}`);
  if (!DENIALS.includes(deny)) throw refusal(`deny is ${shown(deny)}: it takes none, collecting or all`);
  return { roleName, instanceArn, deny: deny as Denial };
}

function refusal(why: string): Error {
  return new Error(`refused: ${why}`);
}

function shown(value: unknown): string {
  return visible((JSON.stringify(value) ?? 'nothing').slice(0, 200));
}

/** IAM tells role names apart without regard to case, so a guard does too. */
function globForm(glob: string): RegExp {
  const text = glob.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${text.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i');
}

let denier: SessionDenier | undefined;

/** The entry point of the bundle. */
export async function handler(
  event: unknown,
  { invokedFunctionArn }: { invokedFunctionArn: string },
): Promise<DenialRequest> {
  denier ??= fromEnvironment(invokedFunctionArn, process.env);
  return denier(event);
}

function fromEnvironment(functionArn: string, { PROTECTED_ROLES }: NodeJS.ProcessEnv): SessionDenier {
  // Without the list nobody could tell which roles have to be refused.
  if (!PROTECTED_ROLES) throw new Error('PROTECTED_ROLES has to be set');
  const [, partition = '', , region = '', account = ''] = functionArn.split(':');
  return createSessionDenier({
    account,
    partition,
    protectedRoles: PROTECTED_ROLES.split(',').flatMap((name) => name.trim() || []),
    policies: rolePolicies({ region, budgets: defaultBudgets }),
  });
}
