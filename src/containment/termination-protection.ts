import { defineAction } from './action.ts';

/** Nobody shall terminate the evidence by mistake. */
export const terminationProtection = defineAction<{ enabled: boolean }>({
  name: 'termination-protection',
  title: 'Switch on termination protection',
  reversible: true,
  when: 'at-once',
  permissions: ['ec2:DescribeInstanceAttribute', 'ec2:ModifyInstanceAttribute'],
  async read(aws, { target }) {
    return { enabled: await aws.ec2.terminationProtection(target.instanceId) };
  },
  desired: () => ({ enabled: true }),
  async write(aws, { target }, _from, to) {
    await aws.ec2.setTerminationProtection(target.instanceId, to.enabled);
  },
  keep: (stored, reading) => stored ?? reading,
  same: (a, b) => a.enabled === b.enabled,
  idle: (reading) => (reading.enabled ? 'termination protection was on already' : null),
  describe: (from, to) => `termination protection: ${from ? word(from.enabled) : 'not known'} → ${word(to.enabled)}`,
});

function word(enabled: boolean): string {
  return enabled ? 'on' : 'off';
}
