/** How hosts can be cut off while they are asked. */
import { defineCheck, ok, warning, type Check } from './check.ts';

const endpoints = defineCheck({
  name: 'endpoints',
  permission: 'ec2:DescribeInstances, ec2:DescribeVpcEndpoints',
  async read({ readings, aws }) {
    const [instances, found] = await Promise.all([readings.account.instancesByVpc(), aws.ec2.agentEndpoints()]);
    return { instances, found };
  },
  judge({ instances, found }) {
    if (instances.size === 0) return ok('there are no instances');
    return [...instances]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([vpc, count]) => {
        const services = new Set(found.flatMap(({ vpcId, service }) => (vpcId === vpc ? [service] : [])));
        const what = `${vpc} (${count} ${count === 1 ? 'instance' : 'instances'})`;
        if (services.has('ssm') && (services.has('ssmmessages') || services.has('ec2messages')))
          return ok(`${what}: hosts are asked through its endpoints, and reach nothing else meanwhile`);
        return warning(
          `${what} has no endpoints for Systems Manager: while a host is asked it can reach anything on 443`,
          'make interface endpoints for ssm and ssmmessages in it, with private DNS, that admit the hosts',
        );
      });
  },
});

const signing: Check = {
  name: 'signing-key',
  permission: '',
  applies: ({ env }) => Boolean(env['SIGNING_KEY_ID']),
  run: async () => [warning('SIGNING_KEY_ID is set, but this version signs no manifest', 'rely on the vault alone')],
};

export const others: Check[] = [endpoints, signing];
