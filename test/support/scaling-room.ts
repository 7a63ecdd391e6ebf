/** A victim in an Auto Scaling group, and what is seen of it there. */
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CreateTagsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { autoScaling } from '../../src/containment/auto-scaling.ts';
import { labConfig } from '../../src/lab/client.ts';
import { createScalingGroup, scalingGroup, type ScalingGroup, type ScalingGroupOptions } from '../../src/lab/fleet.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { actionRoom, BARE, type ActionRoom } from './action-room.ts';
import type { TestAccount } from './local-aws.ts';

export type Wish = Policy['containment']['autoScaling'];

/** `group`: null for an instance in none. */
export async function scalingRoom(
  account: TestAccount,
  wish: Wish = 'standby',
  group: ScalingGroupOptions | null = {},
): Promise<ActionRoom> {
  const room = await actionRoom(autoScaling, account, BARE, { autoScaling: wish });
  if (group) await createScalingGroup(room.place, room.world, group);
  account.proxy.calls.length = 0;
  return room;
}

export function scalingClient({ place }: ActionRoom): AutoScalingClient {
  return new AutoScalingClient(labConfig(place));
}

export function groupOf({ place }: ActionRoom): Promise<ScalingGroup | null> {
  return scalingGroup(place, 'shop-web');
}

/** The lifecycle of the victim and of the others. */
export async function members(room: ActionRoom): Promise<{ victim: string | undefined; others: string[] }> {
  const { [room.world.instanceId]: victim, ...others } = (await groupOf(room))?.members ?? {};
  return { victim, others: Object.values(others).toSorted() };
}

/** The victim's lifecycle state as of now, whatever is done. */
export async function play(room: ActionRoom, lifecycle: string): Promise<void> {
  const ec2 = new EC2Client(labConfig(room.place));
  const Tags = [{ Key: 'lab:lifecycle', Value: lifecycle }];
  await ec2.send(new CreateTagsCommand({ Resources: [room.world.instanceId], Tags }));
  room.account.proxy.calls.length = 0;
}
