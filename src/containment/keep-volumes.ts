import type { Aws } from '../aws/connect.ts';
import { defineAction } from './action.ts';
import { tryAll } from './parts.ts';

/** Device name → the EBS volume there, and whether it is deleted with the instance. */
interface VolumesState {
  [device: string]: { volume: string; deleteOnTermination: boolean };
}

/** The disks outlive the instance, however it comes to its end. */
export const keepVolumes = defineAction<VolumesState>({
  name: 'keep-volumes',
  title: 'Keep the volumes when the instance is terminated',
  reversible: true,
  when: 'at-once',
  permissions: ['ec2:DescribeInstances', 'ec2:ModifyInstanceAttribute'],

  async read(aws, { target }) {
    const instance = await aws.ec2.instance(target.instanceId);
    if (instance === null) throw new Error('AWS knows no such instance');
    return Object.fromEntries(
      instance.volumes.map(({ device, volumeId, deleteOnTermination }) => [
        device,
        { volume: volumeId, deleteOnTermination },
      ]),
    );
  },

  desired: (reading) =>
    Object.fromEntries(
      Object.entries(reading).map(([device, { volume }]) => [device, { volume, deleteOnTermination: false }]),
    ),

  async write(aws, { target }, from, to) {
    const changes = Object.entries(to)
      .filter(([device, { deleteOnTermination }]) => from[device]?.deleteOnTermination !== deleteOnTermination)
      .map(([device, { deleteOnTermination }]) => [device, deleteOnTermination] as const);
    if (changes.length > 0) await setAll(aws, target.instanceId, changes);
  },

  keep(stored, reading) {
    // Another volume at a device that is recorded: the recorded one is gone, and so is what was to be given back to it.
    const still = Object.entries(stored ?? {}).filter(
      ([device, { volume }]) => reading[device] === undefined || reading[device].volume === volume,
    );
    return { ...reading, ...Object.fromEntries(still) };
  },

  restore(from, reading, { contained }) {
    const to: VolumesState = {};
    const left: string[] = [];
    const lost: string[] = [];
    for (const [device, present] of Object.entries(reading)) {
      const before = from?.[device];
      to[device] = before?.volume === present.volume && !present.deleteOnTermination ? before : present;
      if (!before && !present.deleteOnTermination && contained?.[device]?.volume === present.volume)
        lost.push(`${present.volume} stays when the instance is terminated: whether it did before is not known`);
      if (before?.volume === present.volume && present.deleteOnTermination && !before.deleteOnTermination)
        left.push(`${present.volume} is left to be deleted with the instance: somebody has changed that since`);
    }
    for (const [device, { volume, deleteOnTermination }] of Object.entries(from ?? {})) {
      if (reading[device]?.volume === volume || !deleteOnTermination) continue;
      const instead = reading[device] ? `, ${reading[device].volume} is there` : '';
      left.push(`${volume} is not attached as ${device} any more${instead}`);
    }
    return { to, left, lost };
  },

  same: (a, b) => canonical(a) === canonical(b),

  idle(reading) {
    const volumes = Object.values(reading);
    if (volumes.length === 0) return 'the instance has no EBS volume: what is on an instance store ends with it';
    return volumes.some(({ deleteOnTermination }) => deleteOnTermination) ? null : 'every volume was kept already';
  },

  risks: (_from, to) =>
    Object.keys(to).length === 0
      ? ['The instance has no EBS volume: its disks end with it, and no snapshot has them.']
      : [],

  describe(from, to) {
    const lines = Object.entries(to).map(([device, { volume, deleteOnTermination }]) => {
      const earlier = from?.[device]?.volume === volume ? from[device].deleteOnTermination : undefined;
      const before = earlier === undefined ? 'not known' : word(earlier);
      return `${volume} (${device}): ${before} → ${word(deleteOnTermination)}`;
    });
    return `volumes at termination: ${lines.join('; ') || 'none'}`;
  },
});

/** In one call; where that is refused, one by one: a single volume that AWS refuses must not cost the others. */
async function setAll(aws: Aws, instanceId: string, changes: (readonly [string, boolean])[]): Promise<void> {
  try {
    await aws.ec2.setDeleteOnTermination(instanceId, Object.fromEntries(changes));
  } catch (error) {
    if (changes.length === 1) throw error;
    await tryAll(
      changes.map(([device, on]) => ({
        name: device,
        run: () => aws.ec2.setDeleteOnTermination(instanceId, { [device]: on }),
      })),
    );
  }
}

function canonical(state: VolumesState): string {
  return JSON.stringify(
    Object.entries(state)
      .map(([device, { volume, deleteOnTermination }]) => `${device} ${volume} ${deleteOnTermination}`)
      .toSorted(),
  );
}

function word(deleteOnTermination: boolean): string {
  return deleteOnTermination ? 'deleted' : 'kept';
}
