import {
  AssociateIamInstanceProfileCommand,
  DeleteTagsCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DisassociateIamInstanceProfileCommand,
  type Instance,
} from '@aws-sdk/client-ec2';
import { failure, type Lab, type Probe } from './probe.ts';

export const probes: Probe[] = [
  {
    mend: 'ec2_states.between_states',
    holds: 'an instance is starting, stopping or ending for as long as its tag says so',
    async run(lab) {
      const found = [];
      for (const state of ['pending', 'stopping', 'shutting-down'] as const) {
        const { instanceId } = await lab.world({ state });
        found.push((await instance(lab, instanceId)).State);
      }
      const { instanceId } = await lab.world({ state: 'pending' });
      await settle(lab, instanceId, 'lab:state');
      return [...found, (await instance(lab, instanceId)).State];
    },
    answer: [
      { Code: 0, Name: 'pending' },
      { Code: 64, Name: 'stopping' },
      { Code: 32, Name: 'shutting-down' },
      { Code: 16, Name: 'running' },
    ],
  },
  {
    mend: 'ec2_states.hibernation',
    holds: 'an instance that hibernates says so, unlike one that was stopped',
    async run(lab) {
      const answers = [];
      for (const state of ['hibernated', 'stopped'] as const) {
        const { instanceId } = await lab.world({ state });
        const { State, StateReason } = await instance(lab, instanceId);
        answers.push([State?.Name, StateReason?.Code]);
      }
      return answers;
    },
    answer: [
      ['stopped', 'Client.UserInitiatedHibernate'],
      ['stopped', 'Client.UserInitiatedShutdown'],
    ],
  },
  {
    mend: 'ec2_states.instance_store',
    holds: 'an instance may have instance stores only, and then terminates at a shutdown',
    async run(lab) {
      const { instanceId } = await lab.world({ instanceStore: true });
      const { RootDeviceType, BlockDeviceMappings } = await instance(lab, instanceId);
      const attribute = await lab.ec2.send(
        new DescribeInstanceAttributeCommand({
          InstanceId: instanceId,
          Attribute: 'instanceInitiatedShutdownBehavior',
        }),
      );
      return [RootDeviceType, BlockDeviceMappings ?? [], attribute.InstanceInitiatedShutdownBehavior?.Value];
    },
    answer: ['instance-store', [], 'terminate'],
  },
  {
    mend: 'ec2_states.profile_on_its_way',
    holds: 'a profile is on its way for as long as the tag of the instance says so, and is not taken away meanwhile',
    async run(lab) {
      const { instanceId } = await lab.world({ tags: { 'lab:profile': 'associating' } });
      const [before] = await associations(lab, instanceId);
      const refused = await disassociate(lab, before?.AssociationId);
      await settle(lab, instanceId, 'lab:profile');
      const [after] = await associations(lab, instanceId);
      return [before?.State, refused, after?.State, await disassociate(lab, after?.AssociationId)];
    },
    answer: ['associating', 'IncorrectState', 'associated', 'no error'],
  },
  {
    mend: 'ec2_states.profile_of_settled_instance',
    holds: 'the profile of an instance that starts or stops stays as it is',
    async run(lab) {
      const { instanceId, instanceProfileArn } = await lab.world({ state: 'stopping' });
      const [found] = await associations(lab, instanceId);
      const bare = await lab.world({ state: 'pending', profile: false });
      const IamInstanceProfile = { Arn: instanceProfileArn ?? '' };
      const give = new AssociateIamInstanceProfileCommand({ InstanceId: bare.instanceId, IamInstanceProfile });
      return [await disassociate(lab, found?.AssociationId), await failure(lab.ec2.send(give))];
    },
    answer: ['IncorrectInstanceState', 'IncorrectInstanceState'],
  },
];

async function instance(lab: Lab, id: string): Promise<Instance> {
  const { Reservations } = await lab.ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  return Reservations?.[0]?.Instances?.[0] ?? {};
}

async function associations(lab: Lab, id: string) {
  const found = await lab.ec2.send(
    new DescribeIamInstanceProfileAssociationsCommand({ Filters: [{ Name: 'instance-id', Values: [id] }] }),
  );
  return found.IamInstanceProfileAssociations ?? [];
}

function disassociate(lab: Lab, id: string | undefined): Promise<string> {
  return failure(lab.ec2.send(new DisassociateIamInstanceProfileCommand({ AssociationId: id })));
}

async function settle(lab: Lab, id: string, tag: string): Promise<void> {
  await lab.ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: tag }] }));
}
