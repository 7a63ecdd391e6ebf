import type { Aws } from '../aws/connect.ts';
import type { GroupReading } from '../aws/ec2.ts';
import { attempt } from '../aws/deadline.ts';
import { defineAction, type ActionContext } from './action.ts';

/** Interface id → its VPC and its security groups, sorted. */
interface NetworkState {
  [interfaceId: string]: { vpc: string; groups: string[] };
}

/** VPC id → the quarantine group there, and every group of ours that an interface may already be in. */
interface Groups {
  [key: string]: { [vpc: string]: string } | string[];
  quarantine: { [vpc: string]: string };
  /** Groups that were made by this system: never a state to go back to. */
  ours: string[];
}

const GROUP_NAME = 'secresponse-quarantine';
const GROUP_DESCRIPTION = 'secresponse: no traffic in or out. Keep it without rules.';
export const GROUP_TAG = { key: 'secresponse:group', value: 'quarantine' };
/** In place of a group's id in a dry run, where the group would have to be made first. */
export const GROUP_TO_BE_MADE = '(new group without rules)';

/** Every interface into a group without any rule, one group per VPC. */
export const quarantineNetwork = defineAction<NetworkState, Groups>({
  name: 'quarantine-network',
  title: 'Move every network interface into the quarantine group',
  reversible: true,
  when: 'after-collection',
  permissions: [
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSecurityGroups',
    'ec2:CreateSecurityGroup',
    'ec2:CreateTags',
    'ec2:RevokeSecurityGroupEgress',
    'ec2:RevokeSecurityGroupIngress',
    'ec2:ModifyNetworkInterfaceAttribute',
  ],

  read: (aws, context) => readInterfaces(aws, context),

  async find(aws) {
    const found = await aws.ec2.groupsByTag(GROUP_TAG.key, GROUP_TAG.value);
    return {
      quarantine: Object.fromEntries(found.filter(isEmpty).map(({ vpcId, groupId }) => [vpcId, groupId])),
      ours: found.map(({ groupId }) => groupId).sort(),
    };
  },

  async prepare(aws, { incidentId }, reading, known) {
    const quarantine = { ...known?.quarantine };
    const vpcs = [...new Set(Object.values(reading).map(({ vpc }) => vpc))];
    const missing = vpcs.filter((vpc) => quarantine[vpc] === undefined);
    const made = await Promise.all(missing.map((vpc) => quarantineGroup(aws, vpc, incidentId)));
    for (const [index, vpc] of missing.entries()) quarantine[vpc] = made[index] ?? '';
    return { quarantine, ours: [...new Set([...(known?.ours ?? []), ...Object.values(quarantine)])].sort() };
  },

  desired(reading, prepared) {
    return Object.fromEntries(
      Object.entries(reading).map(([id, { vpc }]) => [
        id,
        { vpc, groups: [prepared?.quarantine[vpc] ?? GROUP_TO_BE_MADE] },
      ]),
    );
  },

  async write(aws, _context, from, to) {
    const moves = Object.entries(to).filter(([id, { groups }]) => from[id]?.groups.join() !== groups.join());
    // All of them are tried: one interface that cannot be moved must not keep the others in their groups.
    const outcomes = await Promise.allSettled(moves.map(([id, { groups }]) => aws.ec2.setInterfaceGroups(id, groups)));
    const failed = outcomes.flatMap((outcome, index) =>
      outcome.status === 'rejected' ? [`${moves[index]?.[0]}: ${String(outcome.reason)}`] : [],
    );
    if (failed.length > 0) throw new Error(failed.join('; '));
  },

  keep(stored, reading, prepared) {
    // An interface that is in a group of ours was moved before: where it came from is what was stored, or is not known.
    const own = new Set(prepared?.ours ?? []);
    const original = Object.entries(reading).filter(([, { groups }]) => !groups.some((group) => own.has(group)));
    return { ...Object.fromEntries(original), ...stored };
  },

  restore(from, reading, { contained, found }) {
    const ours = new Set([...(found?.ours ?? []), ...Object.values(contained ?? {}).flatMap(({ groups }) => groups)]);
    const to: NetworkState = {};
    const left: string[] = [];
    const lost: string[] = [];
    for (const [id, present] of Object.entries(reading)) {
      const before = from?.[id];
      // In a group of ours and in another one: somebody has a reason for that.
      const isOurs = present.groups.length > 0 && present.groups.every((group) => ours.has(group));
      to[id] = isOurs && before ? before : present;
      if (isOurs && !before) lost.push(`${id} stays in ${present.groups.join(', ')}: its groups before are not known`);
      if (!isOurs && before && before.groups.join() !== present.groups.join())
        left.push(`${id} is left in ${present.groups.join(', ')}: somebody has changed its groups since`);
    }
    const gone = Object.keys(from ?? {}).filter((id) => reading[id] === undefined);
    left.push(...gone.map((id) => `${id} is not attached to the instance any more`));
    return { to, left, lost };
  },

  same: (a, b) => canonical(a) === canonical(b),

  idle: (reading) => (Object.keys(reading).length === 0 ? 'the instance has no network interface' : null),

  describe(from, to) {
    const lines = Object.entries(to).map(([id, { groups }]) => {
      const before = from?.[id]?.groups;
      if (before && before.join() === groups.join()) return `${id}: ${groups.join(', ')} (unchanged)`;
      return `${id}: ${before ? before.join(', ') || 'no group' : 'not known'} → ${groups.join(', ')}`;
    });
    return `network interfaces: ${lines.join('; ')}`;
  },

  async inspect(aws, _context, state) {
    const ids = [...new Set(Object.values(state).flatMap(({ groups }) => groups))];
    // Nothing to isolate proves nothing: a running instance has an interface.
    if (ids.length === 0) return ['AWS shows no network interface of the instance'];
    const found = await aws.ec2.groupsById(ids);
    return found
      .filter((group) => !isEmpty(group))
      .map((group) => `security group ${group.groupId} (${group.name}) has rules`);
  },
});

/**
 * By the interfaces themselves and by what the instance says of them: isolation must hang on neither call, and a list that
 * lags behind must not make it look complete.
 * @throws where neither answers, or AWS knows no such instance
 */
async function readInterfaces(aws: Aws, { target, readMs }: ActionContext): Promise<NetworkState> {
  const listing = attempt(readMs * 0.7, 'listing the interfaces', () => aws.ec2.interfaces(target.instanceId));
  const asking = attempt(readMs * 0.7, 'reading the instance', () => aws.ec2.instance(target.instanceId));
  const listed = await listing;
  // The second opinion is worth a moment, not a hanging call's whole time.
  const moment = new Promise<null>((resolve) => setTimeout(resolve, readMs * 0.2, null).unref());
  const said = listed.ok ? await Promise.race([asking, moment]) : await asking;
  if (said?.ok && said.value === null) throw new Error('AWS knows no such instance');
  if (!listed.ok && !said?.ok) throw new Error(listed.error);
  const readings = [...(said?.ok ? (said.value?.interfaces ?? []) : []), ...(listed.ok ? listed.value.readings : [])];
  return Object.fromEntries(
    readings.map(({ interfaceId, vpcId, groups }) => [interfaceId, { vpc: vpcId, groups: groups.toSorted() }]),
  );
}

function canonical(state: NetworkState): string {
  return JSON.stringify(
    Object.entries(state)
      .map(([id, { groups }]) => `${id}=${groups.toSorted().join(',')}`)
      .toSorted(),
  );
}

function isEmpty(group: GroupReading): boolean {
  return group.ingress.length === 0 && group.egress.length === 0;
}

/**
 * A group without rules in the VPC: the one that is there, cleaned if it was altered, or a new one.
 * @throws where none can be had.
 */
async function quarantineGroup(aws: Aws, vpc: string, incidentId: string): Promise<string> {
  const tags = { Name: GROUP_NAME, [GROUP_TAG.key]: GROUP_TAG.value };
  const created = await aws.ec2.createGroup(vpc, GROUP_NAME, GROUP_DESCRIPTION, tags);
  if (created !== null) {
    // AWS gives a new group the rules that let everything out, in IPv6 where the VPC has it. Taking both away unseen
    // saves a call's time; what is left is seen below.
    await Promise.all([
      aws.ec2.revoke(created, 'egress', [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }]),
      aws.ec2.revoke(created, 'egress', [{ IpProtocol: '-1', Ipv6Ranges: [{ CidrIpv6: '::/0' }] }]),
    ]);
    return emptied(aws, created);
  }
  const [there] = await aws.ec2.groupsByName(vpc, GROUP_NAME);
  if (there) {
    try {
      return await emptied(aws, there.groupId);
    } catch {
      // Somebody keeps it from being empty: it is not to be trusted. A group of this incident's own is.
    }
  }
  const name = `${GROUP_NAME}-${incidentId}`.slice(0, 255);
  const own = await aws.ec2.createGroup(vpc, name, GROUP_DESCRIPTION, { ...tags, Name: name });
  const groupId = own ?? (await aws.ec2.groupsByName(vpc, name))[0]?.groupId;
  if (groupId === undefined) throw new Error(`${vpc}: no quarantine group could be made or found`);
  return emptied(aws, groupId);
}

/** Reads the group's rules, takes away what there is, and reads again. @throws where rules stay. */
async function emptied(aws: Aws, groupId: string): Promise<string> {
  for (let round = 0; round < 4; round += 1) {
    const [group] = await aws.ec2.groupsById([groupId]).catch(async (error: unknown) => {
      // A group that was made a moment ago may not be visible everywhere yet.
      if (!/InvalidGroup/.test(error instanceof Error ? error.name : '')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return [];
    });
    if (!group) continue;
    if (isEmpty(group)) return groupId;
    await Promise.all([
      group.egress.length > 0 ? aws.ec2.revoke(groupId, 'egress', group.egress) : undefined,
      group.ingress.length > 0 ? aws.ec2.revoke(groupId, 'ingress', group.ingress) : undefined,
    ]);
  }
  throw new Error(`security group ${groupId} still has rules after they were revoked`);
}
