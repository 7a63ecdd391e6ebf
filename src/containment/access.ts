/** Where interfaces end: in a group without rules, or in one that lets analysts do their work, if the policy says so. */
import { createHash } from 'node:crypto';
import type { Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { Policy } from '../policy/policy.ts';
import type { ActionContext } from './action.ts';
import { groupWith, type GroupKind } from './groups.ts';
import { readInterfaces } from './interfaces.ts';
import { lifelineOf, readVpcFacts } from './lifeline.ts';
import { rule } from './rules.ts';

export interface FinalGroup {
  vpc: string;
  groupId: string;
  kind: GroupKind;
  rules: string[];
  /** What could not be had as the policy wants it. */
  note?: string;
}

type Access = Policy['containment']['access'];

/** @throws where not even a group without rules can be had */
export async function finalGroup(aws: Aws, context: ActionContext, vpc: string): Promise<FinalGroup> {
  const { access } = context.containment;
  const { incidentId } = context;
  const closed = async (note?: string): Promise<FinalGroup> => ({
    vpc,
    groupId: await groupWith(aws, { vpc, kind: 'quarantine', rules: [], incidentId }),
    kind: 'quarantine',
    rules: [],
    ...(note === undefined ? {} : { note }),
  });
  if (access === 'none') return closed();
  // Access is a convenience: what keeps it from being given must not keep the host from being isolated.
  const wanted = await attempt(context.readMs, 'the group for analysts', () => accessGroup(aws, context, vpc, access));
  return wanted.ok
    ? wanted.value
    : closed(`access (${accessName(access)}) could not be given in ${vpc}: ${wanted.error}`);
}

async function accessGroup(aws: Aws, context: ActionContext, vpc: string, access: Access): Promise<FinalGroup> {
  const { incidentId } = context;
  const { kind, rules, suffix } = await accessRules(aws, context, vpc, access);
  const named = suffix === undefined ? {} : { suffix };
  return { vpc, groupId: await groupWith(aws, { vpc, kind, rules, incidentId, ...named }), kind, rules };
}

/** The rules that the group for analysts has to have. Changes nothing. @throws where it cannot be had */
export async function accessRules(
  aws: Aws,
  context: ActionContext,
  vpc: string,
  access: Access,
): Promise<{ kind: GroupKind; rules: string[]; suffix?: string }> {
  const { readMs } = context;
  if (access === 'lifeline') {
    const interfaces = await readInterfaces(aws, context);
    const addresses = interfaces.filter(({ vpcId }) => vpcId === vpc).flatMap((one) => one.privateAddresses);
    const lifeline = await lifelineOf(aws, vpc, addresses, await readVpcFacts(aws, readMs), readMs);
    if (!lifeline.possible) throw new Error(lifeline.why);
    return { kind: 'lifeline', rules: lifeline.rules };
  }
  const peer = accessName(access);
  const suffix = createHash('sha256').update(peer).digest('hex').slice(0, 8);
  return { kind: 'access', rules: [rule('ingress', '-1', 'all', peer)], suffix };
}

/** What access leaves open, for people. Pure. */
export function accessNote(access: Access): string[] {
  if (access === 'none') return [];
  if (access === 'lifeline')
    return ['The policy leaves the host its way to Systems Manager (access: lifeline), where its VPC has one.'];
  return [`The policy lets ${accessName(access)} in (access): what runs there can reach the host.`];
}

/** Groups in which an interface may end under this policy. Pure. */
export function finalKinds(access: Access): GroupKind[] {
  if (access === 'none') return ['quarantine'];
  return ['quarantine', access === 'lifeline' ? 'lifeline' : 'access'];
}

function accessName(access: Access): string {
  if (typeof access === 'string') return access;
  return 'group' in access ? access.group : access.cidr;
}
