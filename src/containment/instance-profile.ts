import { isCollectionProfile } from '../evidence/os/profile.ts';
import { defineAction } from './action.ts';

/** ARNs of the associated profiles; AWS allows one, a list shows what is there. */
interface ProfileState {
  [key: string]: string[];
  profiles: string[];
  /** Those of them that are our own, put there for collecting. Absent: none. */
  collection?: never[] | string[];
}

/** The host gets no new credentials of its role. Those that it holds already keep working until they expire. */
export const instanceProfile = defineAction<ProfileState>({
  name: 'instance-profile',
  title: 'Take the instance profile away',
  reversible: true,
  when: 'after-collection',
  permissions: ['ec2:DescribeIamInstanceProfileAssociations', 'ec2:DisassociateIamInstanceProfile'],
  releasePermissions: ['ec2:AssociateIamInstanceProfile', 'iam:PassRole'],
  async read(aws, { target }) {
    const associations = await aws.ec2.profileAssociations(target.instanceId);
    const profiles = associations.map(({ profileArn }) => profileArn).sort();
    const collection = profiles.filter((arn) => isCollectionProfile(arn, aws.collection.profile));
    return collection.length === 0 ? { profiles } : { profiles, collection };
  },
  desired: () => ({ profiles: [] }),
  async write(aws, { target }, _from, to) {
    // Read again: an association's id changes when somebody replaces the profile.
    const associations = await aws.ec2.profileAssociations(target.instanceId);
    const unwanted = associations.filter(({ profileArn }) => !to.profiles.includes(profileArn));
    await Promise.all(unwanted.map(({ associationId }) => aws.ec2.disassociateProfile(associationId)));
    const missing = to.profiles.filter((arn) => !associations.some(({ profileArn }) => profileArn === arn));
    for (const arn of missing) await aws.ec2.associateProfile(target.instanceId, arn);
  },
  // What was there before our own profile is only in an earlier record.
  keep: (stored, reading) => stored ?? (reading.collection ? null : reading),
  isOwn: ({ profiles, collection }) => collection?.length === profiles.length,
  same: (a, b) => a.profiles.join() === b.profiles.join(),
  idle: (reading) => (reading.profiles.length === 0 ? 'the instance has no instance profile' : null),
  describe: (from, to) => `instance profile: ${from ? names(from.profiles) : 'not known'} → ${names(to.profiles)}`,
});

function names(arns: string[]): string {
  return arns.length === 0 ? 'none' : arns.map((arn) => arn.slice(arn.indexOf('/') + 1)).join(', ');
}
