import { errorLine } from '../aws/deadline.ts';
import type { Aws } from '../aws/connect.ts';
import type { SnapshotReading } from '../aws/ec2.ts';
import { jsonObject, type Collector, type CollectorContext } from './collector.ts';

export const INCIDENT_TAG = 'secresponse:incident';

/** One crash-consistent set of snapshots of every EBS volume. Started, never awaited. */
export const ebsSnapshots: Collector = {
  name: 'ebs-snapshots',
  title: 'EBS snapshots',
  permissions: [
    'ec2:DescribeSnapshots',
    'ec2:DescribeInstances',
    'ec2:CreateSnapshots',
    'ec2:CreateSnapshot',
    'ec2:CreateTags',
  ],
  async take(aws, context) {
    const [there, volumes] = await Promise.all([
      aws.ec2.snapshotsByTag(INCIDENT_TAG, context.incidentId),
      // Which volumes there are is only needed to tell what is missing: not knowing it must not cost the snapshots.
      aws.ec2.instance(context.target.instanceId).then(
        (instance) => instance?.volumeIds ?? [],
        () => null,
      ),
    ]);
    if (volumes?.length === 0) return { taken: [], skipped: 'the instance has no EBS volume' };
    const has = (volumeId: string) => there.some((snapshot) => snapshot.volumeId === volumeId);
    // An earlier try, or a run that died, may have started the set: there must be no second one.
    if (there.length > 0 && (volumes ?? []).every(has)) return result(there, []);
    if (there.length === 0) {
      const set = await startSet(aws, context);
      if (set.length > 0) return result(set, []);
    }
    if (volumes === null) throw new Error('the snapshots could not be started, and the volumes could not be listed');
    return single(
      aws,
      context,
      volumes.filter((volumeId) => !has(volumeId)),
      there,
    );
  },
};

/** @returns the set, or nothing where it cannot be had as one: AWS refuses a set for one volume's sake. */
async function startSet(aws: Aws, context: CollectorContext): Promise<SnapshotReading[]> {
  try {
    return await aws.ec2.createSnapshots(context.target.instanceId, description(context), tags(context));
  } catch (first) {
    // The answer may be lost and the set started all the same. Snapshots show up by their tag.
    const started = await aws.ec2.snapshotsByTag(INCIDENT_TAG, context.incidentId);
    if (started.length > 0) return started;
    if (/UnauthorizedOperation|AccessDenied/.test(errorLine(first))) throw first;
    try {
      return await aws.ec2.createSnapshots(context.target.instanceId, description(context), tags(context));
    } catch {
      return aws.ec2.snapshotsByTag(INCIDENT_TAG, context.incidentId);
    }
  }
}

async function single(aws: Aws, context: CollectorContext, volumes: string[], there: SnapshotReading[]) {
  const missing: string[] = [];
  const started = await Promise.all(
    volumes.map(async (volumeId) => {
      try {
        return await aws.ec2.createSnapshot(volumeId, description(context), tags(context));
      } catch (error) {
        const found = await aws.ec2.snapshotsByTag(INCIDENT_TAG, context.incidentId).catch(() => []);
        const own = found.filter((snapshot) => snapshot.volumeId === volumeId);
        if (own.length === 0) missing.push(`${volumeId}: ${errorLine(error)}`);
        return own;
      }
    }),
  );
  return result([...there, ...started.flat()], missing);
}

function result(snapshots: SnapshotReading[], missing: string[]) {
  return { taken: [jsonObject('snapshots.json', snapshots)], snapshots, missing };
}

function description({ incidentId, target }: CollectorContext): string {
  return `secresponse ${incidentId}: evidence of ${target.instanceId}`;
}

function tags({ incidentId, target }: CollectorContext): Record<string, string> {
  return {
    Name: `secresponse ${target.instanceId}`,
    [INCIDENT_TAG]: incidentId,
    'secresponse:instance': target.instanceId,
  };
}
