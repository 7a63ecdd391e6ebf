/** What has to hold after a run, whatever struck it: what was told against what is there. Each returns what is wrong, a line each. */
import { actions } from '../../containment/index.ts';
import type { IncidentResult } from '../../runbook/incident.ts';
import { fellShort } from '../../runbook/plan.ts';
import { isCalledBy, type After } from './after.ts';
import type { CallKind } from './calls.ts';
import { evidenceFaults } from './demands-evidence.ts';
import { orderFaults } from './demands-order.ts';
import { toldFaults } from './demands-told.ts';
import { holds, isIsolated, stateFaults } from './state.ts';
import type { Scene } from './scene.ts';

export interface Verdict {
  /** One word for the table. */
  outcome: 'whole' | 'part' | 'unverified' | 'not isolated';
  faults: string[];
}

export function judge(after: After): Verdict {
  const { incident, reading, scene } = after;
  const faults = [
    ...isolationFaults(after),
    ...changeFaults(after),
    ...stateFaults(after),
    ...orderFaults(after),
    ...evidenceFaults(after),
    ...toldFaults(after),
  ];
  if (!isIsolated(reading, scene)) return { outcome: 'not isolated', faults };
  if (incident.isolation?.verified !== true) return { outcome: 'unverified', faults };
  return { outcome: fellShort(incident) ? 'part' : 'whole', faults };
}

/**
 * The calls that isolation itself needs: a group without rules, made, emptied and read back, and each interface moved into
 * it. To list the interfaces there are two ways. All other calls may fail for good.
 */
const NEEDED = [
  { service: 'ec2', operation: 'CreateSecurityGroup', about: 'quarantine' },
  { service: 'ec2', operation: 'RevokeSecurityGroupEgress' },
  { service: 'ec2', operation: 'DescribeSecurityGroups', about: 'by id' },
  { service: 'ec2', operation: 'ModifyNetworkInterfaceAttribute', about: 'groups' },
] as const;

export function isNeeded(kind: CallKind): boolean {
  return NEEDED.some(
    (needed) =>
      needed.service === kind.service &&
      (kind.operation === '*' || needed.operation === kind.operation) &&
      (kind.about === undefined || !('about' in needed) || needed.about === kind.about),
  );
}

function isolationFaults({ incident, reading, scene, struck }: After): string[] {
  const isolated = isIsolated(reading, scene);
  const claimed = incident.isolation?.verified === true;
  const faults = [];
  if (claimed && !isolated) faults.push('isolation is claimed, and is not there');
  const excused = struck?.lasting === true && isNeeded(struck.kind);
  if (!isolated && !excused) faults.push('not isolated, though every call that it needs can succeed');
  if (isolated && !claimed && !excused) faults.push('isolated, and told as not verified');
  if ((incident.status === 'quarantined') !== claimed)
    faults.push(`status ${incident.status} does not fit the isolation`);
  return faults;
}

/** Writes that are not among an action's own permissions: somebody else makes them for it. */
const ON_BEHALF: Record<string, RegExp> = { 'session-denial': /^iam:/ };

function changeFaults({ incident, reading, scene, struck }: After): string[] {
  return actions.flatMap(({ name, permissions }) => {
    const changes = incident.changes.filter(({ action }) => action === name);
    const [change] = changes;
    if (changes.length !== 1 || !change) return [`${name}: told ${changes.length} times`];
    const there = holds[name]?.(reading, scene);
    if (there === undefined) return [`${name}: the sweep does not know how to look at it`];
    if (change.verified && !there) return [`${name}: told as verified, and is not there`];
    if (!change.verified && !change.reason) return [`${name}: not verified, without a reason`];
    const own = struck?.lasting === true && isCalledBy(struck.kind, permissions, ON_BEHALF[name]);
    if (!change.verified && !own) return [`${name}: not verified, though its own calls can succeed: ${change.reason}`];
    return fromFaults(change, scene);
  });
}

/** The state to go back to is the one that was there first, or is not known. */
function fromFaults({ action, from }: IncidentResult['changes'][number], { world }: Scene): string[] {
  if (from === null) return [];
  if (action === 'instance-profile') {
    const { profiles } = from as { profiles: string[] };
    const before = world.instanceProfileArn === null ? [] : [world.instanceProfileArn];
    return profiles.join() === before.join() ? [] : [`${action}: goes back to ${profiles.join()}`];
  }
  if (action !== 'quarantine-network') return [];
  return Object.entries(from as Record<string, { groups: string[] }>).flatMap(([id, { groups }]) =>
    groups.toSorted().join() === world.groupIds[id]?.join() ? [] : [`${action}: ${id} goes back to ${groups.join()}`],
  );
}
