/** The minimal instance profile for the time of collection: the agent goes on, the host's own role is out of reach. */
import type { Aws } from '../../aws/connect.ts';

export interface TakenOver {
  /** What was there before; null: none. */
  replaced: string | null;
  /** Association to take away again: there was none before. Absent: the action that removes the profile does it. */
  associated?: string;
}

/** Whether a profile is the stack's own one for collection. */
export function isCollectionProfile(arn: string, name: string | undefined): boolean {
  return name !== undefined && arn.endsWith(`/${name}`);
}

/** @returns null where there is no such profile, or it is in place already. */
export async function takeOver(aws: Aws, instanceId: string): Promise<TakenOver | null> {
  const name = aws.collection.profile;
  if (name === undefined) return null;
  const [there] = await aws.ec2.profileAssociations(instanceId);
  if (there && isCollectionProfile(there.profileArn, name)) return null;
  try {
    if (!there) return { replaced: null, associated: await aws.ec2.associateProfile(instanceId, name) };
    await aws.ec2.replaceProfile(there.associationId, name);
    return { replaced: there.profileArn };
  } catch (error) {
    // The answer may be lost and the change made all the same; a second try then fails.
    const [now] = await aws.ec2.profileAssociations(instanceId);
    if (!now || !isCollectionProfile(now.profileArn, name)) throw error;
    return there ? { replaced: there.profileArn } : { replaced: null, associated: now.associationId };
  }
}

export async function leaveProfile(aws: Aws, associationId: string): Promise<void> {
  await aws.ec2.disassociateProfile(associationId);
}
