import { accessNote, finalGroup } from './access.ts';
import { defineAction } from './action.ts';
import { GROUP_TAG_KEY, kindOf, type GroupKind } from './groups.ts';
import { networkState, readInterfaces, type NetworkState } from './interfaces.ts';
import { rulesOf } from './rules.ts';

/** What there is to move interfaces into. */
export type Groups = {
  /** VPC → where interfaces end. */
  final: { [vpc: string]: string };
  /** VPC → where they are while the host is collected from; the others are in their final group then. */
  meanwhile: { [vpc: string]: string };
  /** VPC → the group that cuts established connections. */
  open: { [vpc: string]: string };
  /** Group → the rules that it has to have. */
  rules: { [groupId: string]: string[] };
  /** Every group of ours, also such as are not used now: never a state to go back to. */
  ours: { [groupId: string]: GroupKind };
  /** What could not be had as the policy wants it, a line each. */
  notes: string[];
};

/** In place of a group's id in a dry run, where the group would have to be made first. */
export const GROUP_TO_BE_MADE = '(new group without rules)';

export const NO_GROUPS: Groups = { final: {}, meanwhile: {}, open: {}, rules: {}, ours: {}, notes: [] };

/** Every interface into a group without any rule, one group per VPC. */
export const quarantineNetwork = defineAction<NetworkState, Groups>({
  name: 'quarantine-network',
  title: 'Move every network interface into the quarantine group',
  reversible: true,
  when: 'after-collection',
  permissions: [
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSecurityGroups',
    'ec2:DescribeVpcEndpoints',
    'ec2:DescribeVpcs',
    'ec2:DescribeDhcpOptions',
    'ec2:CreateSecurityGroup',
    'ec2:CreateTags',
    'ec2:AuthorizeSecurityGroupEgress',
    'ec2:AuthorizeSecurityGroupIngress',
    'ec2:RevokeSecurityGroupEgress',
    'ec2:RevokeSecurityGroupIngress',
    'ec2:ModifyNetworkInterfaceAttribute',
  ],

  async read(aws, context) {
    return networkState(await readInterfaces(aws, context));
  },

  async find(aws, { containment }) {
    const found = await aws.ec2.groupsByTagKey(GROUP_TAG_KEY);
    // The one that several of a VPC are settled on is the same for every run.
    const empty = found
      .filter((group) => kindOf(group) === 'quarantine' && rulesOf(group).length === 0)
      .sort((one, other) => other.groupId.localeCompare(one.groupId));
    return {
      ...NO_GROUPS,
      final:
        containment.access === 'none' ? Object.fromEntries(empty.map(({ vpcId, groupId }) => [vpcId, groupId])) : {},
      rules: Object.fromEntries(empty.map(({ groupId }) => [groupId, []])),
      ours: Object.fromEntries(
        found.flatMap((group) => {
          const kind = kindOf(group);
          return kind === null ? [] : [[group.groupId, kind] as const];
        }),
      ),
    };
  },

  async prepare(aws, context, reading, known) {
    const groups: Groups = { ...NO_GROUPS, ...known };
    const vpcs = [...new Set(Object.values(reading).map(({ vpc }) => vpc))];
    const missing = vpcs.filter((vpc) => groups.final[vpc] === undefined);
    const made = await Promise.all(missing.map((vpc) => finalGroup(aws, context, vpc)));
    return made.reduce(
      (all, { vpc, groupId, kind, rules }) => ({
        ...all,
        final: { ...all.final, [vpc]: groupId },
        rules: { ...all.rules, [groupId]: rules },
        ours: { ...all.ours, [groupId]: kind },
        notes: [...new Set([...all.notes, ...made.flatMap(({ note }) => note ?? [])])],
      }),
      groups,
    );
  },

  desired: (reading, prepared) => moved(reading, (vpc) => prepared?.final[vpc] ?? GROUP_TO_BE_MADE),

  meanwhile: (reading, prepared) =>
    moved(reading, (vpc) => prepared?.meanwhile[vpc] ?? prepared?.final[vpc] ?? GROUP_TO_BE_MADE),

  async write(aws, _context, from, to) {
    const moves = Object.entries(to).filter(
      ([id, { groups, requester }]) => requester === undefined && from[id]?.groups.join() !== groups.join(),
    );
    // All of them are tried: one interface that cannot be moved must not keep the others in their groups.
    const outcomes = await Promise.allSettled(moves.map(([id, { groups }]) => aws.ec2.setInterfaceGroups(id, groups)));
    const failed = outcomes.flatMap((outcome, index) =>
      outcome.status === 'rejected' ? [`${moves[index]?.[0]}: ${String(outcome.reason)}`] : [],
    );
    if (failed.length > 0) throw new Error(failed.join('; '));
  },

  keep(stored, reading, prepared) {
    // An interface that is in a group of ours was moved before: where it came from is what was stored, or is not known.
    const own = prepared?.ours ?? {};
    const original = Object.entries(reading).filter(([, { groups }]) => !groups.some((group) => own[group]));
    return { ...Object.fromEntries(original), ...stored };
  },

  restore(from, reading, { contained, found }) {
    const ours = new Set([
      ...Object.keys(found?.ours ?? {}),
      ...Object.values(contained ?? {}).flatMap(({ groups, requester }) => (requester === undefined ? groups : [])),
    ]);
    const to: NetworkState = {};
    const left: string[] = [];
    const lost: string[] = [];
    for (const [id, present] of Object.entries(reading)) {
      const before = from?.[id];
      // In a group of ours and in another one: somebody has a reason for that.
      const isOurs = present.groups.length > 0 && present.groups.every((group) => ours.has(group));
      to[id] = isOurs && before ? { ...present, groups: before.groups } : present;
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
    const lines = Object.entries(to).map(([id, { groups, requester }]) => {
      const before = from?.[id]?.groups;
      if (requester !== undefined) return `${id}: ${groups.join(', ')} (left: an interface of ${requester})`;
      if (before && before.join() === groups.join()) return `${id}: ${groups.join(', ')} (unchanged)`;
      return `${id}: ${before ? before.join(', ') || 'no group' : 'not known'} → ${groups.join(', ')}`;
    });
    return `network interfaces: ${lines.join('; ')}`;
  },

  risks(_from, to, { containment }) {
    const foreign = Object.entries(to).flatMap(([id, { requester }]) =>
      requester === undefined
        ? []
        : [`Interface ${id} belongs to ${requester} and cannot be moved: what goes through it is not cut off.`],
    );
    return [...foreign, ...accessNote(containment.access)];
  },

  async inspect(aws, _context, state, prepared) {
    const ids = [
      ...new Set(Object.values(state).flatMap(({ groups, requester }) => (requester === undefined ? groups : []))),
    ];
    // Nothing to isolate proves nothing: a running instance has an interface.
    if (ids.length === 0) return ['AWS shows no network interface of the instance that could be isolated'];
    const found = await aws.ec2.groupsById(ids);
    const unseen = ids.filter((id) => !found.some(({ groupId }) => groupId === id));
    return [
      ...unseen.map((id) => `security group ${id} could not be read`),
      ...found.flatMap((group) => {
        const rules = rulesOf(group);
        const allowed = prepared?.rules[group.groupId] ?? [];
        if (rules.join('\n') === allowed.join('\n')) return [];
        const has = allowed.length === 0 ? 'has rules' : 'has other rules than it should';
        return [`security group ${group.groupId} (${group.name}) ${has}: ${rules.slice(0, 5).join(', ')}`];
      }),
    ];
  },
});

/** Every interface alone in the group of its VPC; those of a service as they are. */
function moved(reading: NetworkState, group: (vpc: string) => string): NetworkState {
  return Object.fromEntries(
    Object.entries(reading).map(([id, state]) => [
      id,
      state.requester === undefined ? { ...state, groups: [group(state.vpc)] } : state,
    ]),
  );
}

/** All interfaces into one group for each VPC: for the moment of cutting. Pure. */
export function inGroups(reading: NetworkState, groups: { [vpc: string]: string }): NetworkState {
  return Object.fromEntries(
    Object.entries(reading).map(([id, state]) => {
      const group = groups[state.vpc];
      return [id, state.requester === undefined && group !== undefined ? { ...state, groups: [group] } : state];
    }),
  );
}

function canonical(state: NetworkState): string {
  return JSON.stringify(
    Object.entries(state)
      .map(([id, { groups }]) => `${id}=${groups.toSorted().join(',')}`)
      .toSorted(),
  );
}
