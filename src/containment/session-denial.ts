import type { Target } from '../finding/finding.ts';
import { defineAction, type Restoration } from './action.ts';
import { instanceProfile } from './instance-profile.ts';
import type { Denial } from './session-policy.ts';

interface SessionState {
  [key: string]: string[] | true | { [roleName: string]: Denial | 'partly' };
  /** Role name → what it denies to the sessions of this instance. */
  roles: { [roleName: string]: Denial | 'partly' };
  /** ARNs of the associated profiles. */
  profiles: string[];
  /** Nothing can be written: denying sessions is switched off. Absent: it is on. */
  off?: true;
  /** The roles were not read when they could be seen: the profiles are all that is known. Absent: they were. */
  unread?: true;
}

const KEEP_WORKING =
  "Credentials that the instance's role has already given out keep working until they expire (up to 6 hours).";
const SLOW = 'That sessions are denied is known everywhere in AWS only after some minutes.';
const CHAINED =
  "Sessions that somebody has started from the instance's role in another role (AssumeRole) are not denied.";

/** What was given out cannot be taken back, only denied: for this instance, not for others that share the role. */
export const sessionDenial = defineAction<SessionState>({
  name: 'session-denial',
  title: 'Deny the credentials that the instance has already got',
  reversible: true,
  // By then the profile is off, and with it the way to the role.
  recall(record) {
    const before = record[instanceProfile.name] as { profiles?: string[] } | null | undefined;
    return before?.profiles?.length ? { roles: {}, profiles: before.profiles, unread: true } : null;
  },
  when: 'after-collection',
  permissions: [
    'ec2:DescribeIamInstanceProfileAssociations',
    'iam:GetInstanceProfile',
    'iam:GetRolePolicy',
    'lambda:InvokeFunction',
  ],

  async read(aws, { target, collects }, known) {
    const off = aws.sessions.mode === 'off';
    // What a profile that is just being taken away has given out keeps working like that of any other.
    const associations = await aws.ec2.profileAssociations(target.instanceId, { leaving: true });
    const unread = known?.unread ? known.profiles : [];
    const profiles = [...new Set([...associations.map(({ profileArn }) => profileArn), ...unread])].sort();
    // Nothing would be done with their roles; a call that may fail is spared.
    // The host has the collection profile for some time, and what it was given then outlasts that.
    const { profile } = aws.collection;
    const had = collects && profile !== undefined ? [...profiles, profile] : profiles;
    const roles = off ? [] : await Promise.all(had.map((arn) => aws.sessions.roleOfProfile(arn)));
    const lost = unread.filter((arn) => !off && roles[had.indexOf(arn)] === null);
    // Nobody knows whether it had one when it was in place.
    if (lost.length > 0)
      throw new Error(`no role is found any more in the instance profile that it had: ${lost.join()}`);
    // Once its profile is taken away, only the record tells which role it was.
    const names = new Set([...Object.keys(known?.roles ?? {}), ...roles.flatMap((role) => role ?? [])]);
    const denials = await Promise.all(
      [...names].toSorted().map(async (role) => [role, await aws.sessions.read(role, instanceArn(target))] as const),
    );
    return { roles: Object.fromEntries(denials), profiles, ...(off ? { off } : {}) };
  },

  desired: (reading) => (reading.off ? reading : denied(reading, 'all')),

  // Without its own calls the agent could not bring what is collected.
  meanwhile: (reading) => (reading.off ? reading : denied(reading, 'collecting')),

  async write(aws, { target }, from, to) {
    const changes = Object.entries(to.roles).filter(([role, deny]) => deny !== from.roles[role]);
    // All of them are tried: a role that is full must not keep another one from denying.
    const outcomes = await Promise.allSettled(
      changes.map(async ([role, deny]) => {
        if (deny !== 'partly') await aws.sessions.write(role, instanceArn(target), deny);
      }),
    );
    const failed = outcomes.flatMap((outcome, index) =>
      outcome.status === 'rejected' ? [`${changes[index]?.[0]}: ${(outcome.reason as Error).message}`] : [],
    );
    if (failed.length > 0) throw new Error(failed.join('; '));
  },

  keep(stored, { roles, profiles }) {
    // Nobody else makes an entry for an instance: what is read without a record is our own, and before it there was none.
    const before = Object.keys(roles).map((role) => [role, stored?.roles[role] ?? 'none'] as const);
    const all = Object.entries<Denial | 'partly'>({ ...stored?.roles, ...Object.fromEntries(before) });
    return { roles: Object.fromEntries(all.toSorted(byName)), profiles: stored?.profiles ?? profiles };
  },

  restore(from, reading): Restoration<SessionState> {
    const roles = { ...reading.roles };
    const lost: string[] = [];
    for (const [role, present] of Object.entries(reading.roles)) {
      if (present === 'none') continue;
      if (reading.off)
        lost.push(`role ${role} still denies the sessions of the instance: session denial is switched off`);
      else roles[role] = from?.roles[role] ?? 'none';
    }
    return { to: { ...reading, roles }, left: [], lost };
  },

  same: (a, b) => canonical(a) === canonical(b),

  idle(reading) {
    if (reading.off) return 'session denial is switched off (parameter sessionDenial)';
    const denials = Object.values(reading.roles);
    if (denials.length > 0)
      return denials.every((denial) => denial === 'all') ? 'its sessions are denied already' : null;
    const [profile] = reading.profiles;
    return profile === undefined
      ? 'the instance has no instance profile'
      : `instance profile ${profile.slice(profile.lastIndexOf('/') + 1)} has no role`;
  },

  describe(from, to) {
    const lines = Object.entries(to.roles).map(([role, denial]) => {
      const before = from?.roles[role];
      return `${role}: ${before === undefined ? 'not known' : WORDS[before]} → ${WORDS[denial]}`;
    });
    return `sessions of this instance: ${lines.join('; ') || 'no role'}`;
  },

  risks(from, to) {
    const states = [...(from ? [from] : []), to];
    if (!states.some(({ roles, profiles }) => profiles.length > 0 || Object.keys(roles).length > 0)) return [];
    return [to.off ? KEEP_WORKING : SLOW, CHAINED];
  },
});

const WORDS: Record<Denial | 'partly', string> = {
  none: 'not denied',
  partly: 'denied in part',
  collecting: "denied but for the agent's calls",
  all: 'denied',
};

function denied(reading: SessionState, denial: Denial): SessionState {
  return { ...reading, roles: Object.fromEntries(Object.keys(reading.roles).map((role) => [role, denial])) };
}

function canonical({ roles }: SessionState): string {
  return JSON.stringify(Object.entries(roles).toSorted(byName));
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}

/** As `ec2:SourceInstanceARN` has it. */
function instanceArn({ account, region, instanceId }: Target): string {
  const [, partition] = /^(cn|us-gov)-/.exec(region) ?? [];
  return `arn:aws${partition ? `-${partition}` : ''}:ec2:${region}:${account}:instance/${instanceId}`;
}
