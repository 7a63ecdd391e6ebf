import {
  CancelCommandCommand,
  CreateDocumentCommand,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  SendCommandCommand,
  type GetCommandInvocationCommandOutput,
} from '@aws-sdk/client-ssm';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, type Lab, type Probe } from './probe.ts';

const managed = (agent: string) => ({ tags: { 'ssm:agent': agent }, interfaces: 1, volumes: 1 });

export const probes: Probe[] = [
  {
    mend: 'ssm.instance_information',
    holds: 'an instance is managed where its tag says so, and online where its agent is',
    async run(lab) {
      await lab.world({ interfaces: 1, volumes: 1 });
      const [online, offline] = [await lab.world(managed('online')), await lab.world(managed('offline'))];
      const ask = async (ids: string[]) => {
        const Filters = [{ Key: 'InstanceIds', Values: ids }];
        const { InstanceInformationList = [] } = await lab.ssm.send(
          new DescribeInstanceInformationCommand({ Filters }),
        );
        return InstanceInformationList.map(({ PingStatus, PlatformType }) => [PingStatus, PlatformType].join(' '));
      };
      const all = await lab.ssm.send(new DescribeInstanceInformationCommand({}));
      return [await ask([online.instanceId]), await ask([offline.instanceId]), all.InstanceInformationList?.length];
    },
    answer: [['Online Linux'], ['ConnectionLost Linux'], 2],
  },
  {
    mend: 'ssm.named_targets',
    holds: 'a command runs on the instances it names and no others',
    async run(lab) {
      const { instanceId } = await lab.world(managed('online'));
      await lab.world(managed('online'));
      const { Command } = await send(lab, instanceId, 'true');
      return [Command?.InstanceIds?.length, Command?.InstanceIds?.[0] === instanceId];
    },
    answer: [1, true],
  },
  {
    mend: 'ssm.commands_that_run',
    holds: 'commands run, end as they end, within their time; only managed instances take any',
    async run(lab) {
      const { instanceId } = await lab.world(managed('online'));
      const hung = await lab.world(managed('hung'));
      const bare = await lab.world({ interfaces: 1, volumes: 1 });
      const Content = JSON.stringify({
        schemaVersion: '2.2',
        description: 'a greeting',
        parameters: { name: { type: 'String', allowedPattern: '^[a-z]+$' } },
        mainSteps: [{ action: 'aws:runShellScript', name: 'greet', inputs: { runCommand: ['echo hello {{ name }}'] } }],
      });
      await lab.ssm.send(new CreateDocumentCommand({ Name: 'greeting', Content, DocumentType: 'Command' }));
      const shown = ({ Status, StandardOutputContent = '' }: GetCommandInvocationCommandOutput) =>
        `${Status} ${StandardOutputContent.length} ${StandardOutputContent.slice(0, 11).trim()}`;
      const run = async (...given: Parameters<typeof send>) => {
        const { Command } = await send(...given);
        return shown(await ended(lab, given[1], Command?.CommandId ?? ''));
      };
      const { Command: waiting } = await send(lab, hung.instanceId, 'true');
      await sleep(200);
      return [
        await run(lab, instanceId, 'echo $((6 * 7)); exit 3'),
        await run(lab, instanceId, 'yes | head -c 1000000'),
        await run(lab, instanceId, 'sleep 30', { executionTimeout: ['1'] }),
        await run(lab, instanceId, '', { name: ['world'] }, 'greeting'),
        await failure(send(lab, instanceId, '', { name: ['$(id)'] }, 'greeting')),
        await failure(send(lab, bare.instanceId, 'true')),
        (await invocation(lab, hung.instanceId, waiting?.CommandId ?? '')).Status,
      ];
    },
    answer: [
      'Failed 3 42',
      'Success 24000 y\ny\ny\ny\ny\ny',
      'TimedOut 0 ',
      'Success 12 hello world',
      'InvalidParameters',
      'InvalidInstanceId',
      'Pending',
    ],
  },
  {
    mend: 'ssm.cancel_command',
    holds: 'a running command can be cancelled',
    async run(lab) {
      const { instanceId } = await lab.world(managed('online'));
      const { Command } = await send(lab, instanceId, 'sleep 30');
      await sleep(200);
      await lab.ssm.send(new CancelCommandCommand({ CommandId: Command?.CommandId, InstanceIds: [instanceId] }));
      return (await ended(lab, instanceId, Command?.CommandId ?? '')).Status;
    },
    answer: 'Cancelled',
  },
];

function send(
  lab: Lab,
  instanceId: string,
  text: string,
  parameters: Record<string, string[]> = {},
  DocumentName = 'AWS-RunShellScript',
) {
  const Parameters = text === '' ? parameters : { commands: [text], ...parameters };
  return lab.ssm.send(new SendCommandCommand({ InstanceIds: [instanceId], DocumentName, Parameters }));
}

function invocation(lab: Lab, InstanceId: string, CommandId: string) {
  return lab.ssm.send(new GetCommandInvocationCommand({ InstanceId, CommandId }));
}

async function ended(lab: Lab, instanceId: string, commandId: string): Promise<GetCommandInvocationCommandOutput> {
  for (;;) {
    const found = await invocation(lab, instanceId, commandId);
    if (!/^(Pending|InProgress)$/.test(found.Status ?? '')) return found;
    await sleep(50);
  }
}
