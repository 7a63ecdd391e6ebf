/**
 * Cutting established connections: a group that lets everything through, a short dwell, and the group without rules. AWS keeps
 * track of connections under rules, and not under rules that let everything through; what is not tracked ends with them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { attempt } from '../aws/deadline.ts';
import { emptyGroups, GROUP_TAG_KEY, groupWith, kindOf } from '../containment/groups.ts';
import { networkState, readInterfaces, type NetworkState } from '../containment/interfaces.ts';
import { inGroups, quarantineNetwork, type Groups } from '../containment/quarantine-network.ts';
import { everything, rulesOf } from '../containment/rules.ts';
import type { InterfaceReading } from '../aws/ec2-readings.ts';
import type { Policy } from '../policy/policy.ts';
import { contextOf } from './context.ts';
import { LOST, stillOurs } from './hold.ts';
import type { Observation } from './observe.ts';
import type { IncidentContext } from './runbook.ts';

export interface Cut {
  attempted: boolean;
  /** What was done, or why nothing was; for people. */
  note: string;
  failures: string[];
  /** Milliseconds since 1970; when everything was asked to leave the open group. Absent: nothing was in one. */
  closedAt?: number;
}

/** Never rejects, and never ends with an interface in the open group that could be moved out of it. */
export async function cutFlows(incident: IncidentContext, groups: Groups | null, observed: Observation): Promise<Cut> {
  const { deps, target } = incident;
  const settings = deps.policy(target.account).containment;
  const not = (note: string, ...failures: string[]): Cut => ({ attempted: false, note, failures });
  if (settings.cutFlows === 'never') return not('the policy does not want them to be cut');
  const state = observed.instance?.state;
  if (state !== undefined && state !== 'running') return not(`the instance is ${state}`);
  if (groups === null) return not('there is no group to end in');
  if (!(await stillOurs(incident))) return not(LOST);
  const [seen, found] = await Promise.all([
    attempt(deps.budgets.readMs, 'reading the interfaces', () => readInterfaces(incident.aws, contextOf(incident))),
    attempt(
      deps.budgets.readMs,
      'looking up the groups',
      async () => (await quarantineNetwork.find?.(incident.aws, contextOf(incident))) as Groups | undefined,
    ),
  ]);
  if (!seen.ok)
    return not(
      `the interfaces could not be read: ${seen.error}`,
      `established connections were not cut: ${seen.error}`,
    );
  const now = networkState(seen.value);
  // A try of this step that died may have left the host there, in a group that was made since the preparation.
  const all = { ...groups, ours: { ...groups.ours, ...(found.ok ? found.value?.ours : {}) } };
  if (openIds(now, all).length > 0) return closing(incident, all, now, not('a try of this was interrupted'));
  const against = settings.cutFlows === 'auto' ? reachable(seen.value) : null;
  if (against !== null) return not(`${against}: strangers could come in while everything is let through`);
  return cut(incident, all, now, settings);
}

async function cut(
  incident: IncidentContext,
  groups: Groups,
  now: NetworkState,
  { dwellSeconds }: Policy['containment'],
): Promise<Cut> {
  const { aws, deps, incidentId } = incident;
  const { budgets } = deps;
  const vpcs = [...new Set(Object.values(now).map(({ vpc }) => vpc))].filter((vpc) => groups.final[vpc] !== undefined);
  if (vpcs.length === 0) return { attempted: false, note: 'there is no group to end in', failures: [] };
  const made = await attempt(budgets.writeMs / 3, 'making the open group', () =>
    Promise.all(
      vpcs.map(async (vpc) => [vpc, await groupWith(aws, { vpc, kind: 'open', rules: OPEN, incidentId })] as const),
    ),
  );
  if (!made.ok) {
    const reason = `the open group could not be made: ${made.error}`;
    const failures = [`established connections were not cut: ${reason}`, ...(await emptiedHalfMade(incident, vpcs))];
    return { attempted: false, note: reason, failures };
  }
  const open = Object.fromEntries(made.value);
  const opened = inGroups(now, open);
  const moved = await attempt(budgets.writeMs / 3, 'letting everything through', () =>
    quarantineNetwork.write(aws, contextOf(incident), now, opened),
  );
  if (moved.ok) await sleep(dwellSeconds * 1000);
  const attempted: Cut = moved.ok
    ? {
        attempted: true,
        note: `everything was let through for ${dwellSeconds} s, so that they are no longer tracked, and then nothing`,
        failures: [],
      }
    : {
        attempted: false,
        note: `letting everything through failed: ${moved.error}`,
        failures: [`established connections were not cut: ${moved.error}`],
      };
  return closing(incident, { ...groups, open }, opened, attempted);
}

/** Nothing is in it, but a group that lets something through must not lie about. @returns what went wrong. */
async function emptiedHalfMade({ aws, deps }: IncidentContext, vpcs: string[]): Promise<string[]> {
  const { budgets } = deps;
  let ids: string[] = [];
  const emptied = await attempt(budgets.writeMs / 3, 'taking the rules of the open group away', async () => {
    const found = await aws.ec2.groupsByTagKey(GROUP_TAG_KEY);
    ids = found
      .filter((group) => kindOf(group) === 'open' && vpcs.includes(group.vpcId) && rulesOf(group).length > 0)
      .map(({ groupId }) => groupId);
    await emptyGroups(aws, ids);
  });
  const which = ids.length > 0 ? ids.join(', ') : `of ${vpcs.join(', ')}`;
  return emptied.ok ? [] : [`the rules of the open group ${which} could not be taken away: ${emptied.error}`];
}

const OPEN = [...everything('egress'), ...everything('ingress')].sort();

/** Out of the open group, and the group's rules away: two ways to the same end, in case one is barred. */
async function closing(incident: IncidentContext, groups: Groups, opened: NetworkState, cut: Cut): Promise<Cut> {
  const { aws, deps } = incident;
  const { budgets } = deps;
  const closed = inGroups(opened, groups.final);
  const ids = [...new Set([...Object.values(groups.open), ...openIds(opened, groups)])];
  const [out, wasOpen] = await Promise.all([
    attempt(budgets.writeMs, 'letting nothing through any more', () =>
      quarantineNetwork.write(aws, contextOf(incident), opened, closed),
    ),
    attempt(budgets.readMs, 'reading the open group', () => aws.ec2.groupsById(ids)),
  ]);
  const closedAt = deps.now();
  // Another incident that has ended its own cut takes the rules away from under this one.
  const open = wasOpen.ok && wasOpen.value.every((group) => rulesOf(group).join() === OPEN.join());
  const emptied = await attempt(budgets.writeMs, 'taking the rules of the open group away', () =>
    emptyGroups(aws, ids),
  );
  return {
    ...cut,
    ...(cut.attempted && !open ? { attempted: false, note: 'the open group did not stay open for that time' } : {}),
    closedAt,
    failures: [
      ...cut.failures,
      // The verification tries once more, and says so if that fails, too.
      ...(emptied.ok
        ? []
        : [`the rules of the open group ${ids.join(', ')} could not be taken away: ${emptied.error}`]),
    ],
    ...(out.ok ? {} : { note: `${cut.note}; moving out of the open group failed at first: ${out.error}` }),
  };
}

function openIds(state: NetworkState, { ours }: Groups): string[] {
  return Object.values(state).flatMap(({ groups }) => groups.filter((id) => ours[id] === 'open'));
}

/** What strangers could come in by while everything is let through; null: nothing that a reading shows. */
function reachable(interfaces: readonly InterfaceReading[]): string | null {
  for (const { interfaceId, publicAddress, ipv6Addresses } of interfaces) {
    if (publicAddress !== undefined) return `${interfaceId} has the public address ${publicAddress}`;
    if (ipv6Addresses.length > 0) return `${interfaceId} has an IPv6 address`;
  }
  return null;
}
