import { protection } from './protection.ts';

/** Nobody shall terminate the evidence by mistake. */
export const terminationProtection = protection({
  name: 'termination-protection',
  title: 'Switch on termination protection',
  what: 'termination protection',
  isOn: (aws, instanceId) => aws.ec2.terminationProtection(instanceId),
  set: (aws, instanceId, on) => aws.ec2.setTerminationProtection(instanceId, on),
  unfit: { spot: 'a Spot instance takes no termination protection' },
  risks: {
    spot: 'The instance is a Spot instance: anybody with the right can terminate it, and AWS can take it back.',
  },
});
