import { protection } from './protection.ts';

/** Nobody shall stop the instance by mistake: what is in its memory, and on its instance stores, would be gone. */
export const stopProtection = protection({
  name: 'stop-protection',
  title: 'Switch on stop protection',
  what: 'stop protection',
  isOn: (aws, instanceId) => aws.ec2.stopProtection(instanceId),
  set: (aws, instanceId, on) => aws.ec2.setStopProtection(instanceId, on),
  unfit: {
    spot: 'a Spot instance takes no stop protection',
    'instance-store': 'an instance with an instance store for its root cannot be stopped, and takes no stop protection',
  },
  risks: { spot: 'The instance is a Spot instance: a stop by mistake, or by AWS, takes its memory.' },
});
