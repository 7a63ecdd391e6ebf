/** Security groups of our own: one name, one tag and a known set of rules for each kind. They are kept for reuse, never trusted. */
import type { Aws } from '../aws/connect.ts';
import type { GroupReading } from '../aws/ec2.ts';
import { directionOf, everything, permissionOf, rulesOf, type Direction } from './rules.ts';

/** Its value names the kind. */
export const GROUP_TAG_KEY = 'secresponse:group';

export type GroupKind =
  /** No rule at all. */
  | 'quarantine'
  /** To the endpoints of Systems Manager in the VPC and to its resolvers, nothing else. */
  | 'lifeline'
  /** Nothing in, 443 and names out. */
  | 'interim'
  /** Everything, for the moment of cutting established connections; its rules go afterwards. */
  | 'open'
  /** In from where analysts are, nothing out. */
  | 'access';

const DESCRIPTIONS: Record<GroupKind, string> = {
  quarantine: 'secresponse: no traffic in or out. Keep it without rules.',
  lifeline: 'secresponse: to the endpoints of Systems Manager only, while a host is collected from.',
  interim: 'secresponse: 443 and DNS out only, while a host is collected from.',
  open: 'secresponse: cuts established connections. Has no rules while it is not in use.',
  access: 'secresponse: in from the analysts only.',
};

const KINDS = Object.keys(DESCRIPTIONS) as GroupKind[];

export function kindOf({ tags }: GroupReading): GroupKind | null {
  return KINDS.find((kind) => kind === tags[GROUP_TAG_KEY]) ?? null;
}

export interface GroupRequest {
  vpc: string;
  kind: GroupKind;
  /** In the form of rules.ts, sorted. */
  rules: string[];
  incidentId: string;
  /** Tells groups of one kind with other rules apart. */
  suffix?: string;
}

/** `fresh`: made just now, with the rules that AWS gives. */
export interface FoundGroup {
  groupId: string | null;
  fresh: boolean;
}

/** The group of this name, made where there is none. What rules it has is not looked at. */
export async function groupOf(aws: Aws, request: Pick<GroupRequest, 'vpc' | 'kind' | 'suffix'>): Promise<FoundGroup> {
  const { vpc, kind } = request;
  const name = nameOf(request);
  const made = await aws.ec2.createGroup(vpc, name, DESCRIPTIONS[kind], { [GROUP_TAG_KEY]: kind, Name: name });
  if (made !== null) return { groupId: made, fresh: true };
  return { groupId: (await aws.ec2.groupsByName(vpc, name))[0]?.groupId ?? null, fresh: false };
}

function nameOf({ kind, suffix }: Pick<GroupRequest, 'kind' | 'suffix'>): string {
  return `secresponse-${kind}${suffix === undefined ? '' : `-${suffix}`}`;
}

/**
 * A group in the VPC with exactly these rules: the one that is there, put right if it was altered, or a new one.
 * @throws where none can be had.
 */
export async function groupWith(aws: Aws, request: GroupRequest, known?: FoundGroup): Promise<string> {
  const { vpc, kind, rules, incidentId } = request;
  const name = nameOf(request);
  const tags = { [GROUP_TAG_KEY]: kind };
  const { groupId: there, fresh } = known ?? (await groupOf(aws, request));
  if (fresh && there !== null) return filled(aws, there, rules);
  if (there !== null) {
    try {
      return await settled(aws, there, rules);
    } catch {
      // Somebody keeps it from being as it has to be: it is not to be trusted. A group of this incident's own is.
    }
  }
  const own = `${name}-${incidentId}`.slice(0, 255);
  const made = await aws.ec2.createGroup(vpc, own, DESCRIPTIONS[kind], { ...tags, Name: own });
  if (made !== null) return filled(aws, made, rules);
  const groupId = (await aws.ec2.groupsByName(vpc, own))[0]?.groupId;
  if (groupId === undefined) throw new Error(`${vpc}: no ${kind} group could be made or found`);
  return settled(aws, groupId, rules);
}

/**
 * AWS gives a new group the rules that let everything out, in IPv6 where the VPC has it. Taking both away unseen, while the
 * wanted ones go in, saves a call's time; what is left is seen afterwards.
 */
async function filled(aws: Aws, groupId: string, rules: string[]): Promise<string> {
  const unwanted = everything('egress').filter((text) => !rules.includes(text));
  const given = everything('egress')[0] ?? '';
  await Promise.all([
    ...unwanted.map((text) => aws.ec2.revoke(groupId, 'egress', [permissionOf(text)])),
    // The first of the two is in every new group.
    ...add(
      aws,
      groupId,
      rules.filter((text) => text !== given),
    ),
  ]);
  return settled(aws, groupId, rules);
}

/** Reads the group's rules, puts them right, and reads again. @throws where they stay different. */
async function settled(aws: Aws, groupId: string, rules: string[]): Promise<string> {
  for (let round = 0; round < 4; round += 1) {
    const [group] = await aws.ec2.groupsById([groupId]).catch(async (error: unknown) => {
      // A group that was made a moment ago may not be visible everywhere yet.
      if (!/InvalidGroup/.test(error instanceof Error ? error.name : '')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return [];
    });
    if (!group) continue;
    if (rulesOf(group).join('\n') === rules.join('\n')) return groupId;
    const there = rulesOf(group);
    await Promise.all([
      ...emptied(aws, group, rules),
      ...add(
        aws,
        groupId,
        rules.filter((text) => !there.includes(text)),
      ),
    ]);
  }
  throw new Error(`security group ${groupId} does not get the rules that it has to have`);
}

/** By what AWS itself says of them: a rule with a description or a peer of another account goes like any other. */
function emptied(aws: Aws, { groupId, ingress, egress }: GroupReading, but: string[]): Promise<void>[] {
  const unwanted = (direction: Direction, permissions: GroupReading['ingress']) =>
    permissions.filter((permission) => {
      const texts = rulesOf({ ingress: [], egress: [], [direction]: [permission] });
      return !texts.every((text) => but.includes(text));
    });
  return (['ingress', 'egress'] as const).flatMap((direction) => {
    const rules = unwanted(direction, direction === 'ingress' ? ingress : egress);
    return rules.length === 0 ? [] : [aws.ec2.revoke(groupId, direction, rules)];
  });
}

function add(aws: Aws, groupId: string, rules: string[]): Promise<void>[] {
  return (['ingress', 'egress'] as const).flatMap((direction) => {
    const own = rules.filter((text) => directionOf(text) === direction).map(permissionOf);
    return own.length === 0 ? [] : [aws.ec2.authorize(groupId, direction, own)];
  });
}

/** Takes every rule of groups of ours away: whatever is still in one is cut off by that. @throws where rules stay. */
export async function emptyGroups(aws: Aws, groupIds: string[]): Promise<void> {
  await Promise.all(groupIds.map((groupId) => settled(aws, groupId, [])));
}
