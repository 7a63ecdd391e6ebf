import { errorLine } from '../aws/deadline.ts';
import { jsonObject, type Collector } from './collector.ts';

/** What AWS knows of the instance, its interfaces, their groups with rules, its volumes, its profile and its user data. */
export const instanceMetadata: Collector = {
  name: 'instance-metadata',
  title: 'Instance metadata',
  permissions: [
    'ec2:DescribeInstances',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSecurityGroups',
    'ec2:DescribeVolumes',
    'ec2:DescribeIamInstanceProfileAssociations',
    'ec2:DescribeInstanceAttribute',
  ],
  async take(aws, { target: { instanceId } }) {
    const missing: string[] = [];
    // Each part stands alone: one that is refused must not cost the others.
    const part = async <T>(name: string, read: () => Promise<T>): Promise<T | { error: string }> => {
      try {
        return await read();
      } catch (error) {
        missing.push(`${name}: ${errorLine(error)}`);
        return { error: errorLine(error) };
      }
    };
    const interfacesAndGroups = async () => {
      const interfaces = await aws.ec2.interfaces(instanceId);
      const ids = [...new Set(interfaces.readings.flatMap(({ groups }) => groups))];
      const groups = await part('security groups', () =>
        ids.length > 0 ? aws.ec2.groupsById(ids) : Promise.resolve([]),
      );
      return { interfaces: interfaces.raw, securityGroups: groups };
    };
    const [instance, network, volumes, profile, userData] = await Promise.all([
      part('instance', async () => {
        const found = await aws.ec2.instance(instanceId);
        if (!found) throw new Error('AWS knows no such instance');
        return found.raw;
      }),
      part('network interfaces', interfacesAndGroups),
      part('volumes', () => aws.ec2.volumes(instanceId)),
      part('instance profile', () => aws.ec2.profileAssociations(instanceId)),
      part('user data', () => aws.ec2.userData(instanceId)),
    ]);
    const hasUserData = userData instanceof Uint8Array;
    const taken = [
      jsonObject('instance.json', {
        instance,
        ...('interfaces' in network ? network : { interfaces: network }),
        volumes,
        instanceProfileAssociations: profile,
        userData: hasUserData ? { key: 'user-data.bin', bytes: userData.length } : userData,
      }),
    ];
    if (hasUserData) taken.push({ name: 'user-data.bin', body: userData, contentType: 'application/octet-stream' });
    return { taken, missing };
  },
};
