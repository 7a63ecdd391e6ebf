import {
  AssociateIamInstanceProfileCommand,
  CreateSnapshotsCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  GetConsoleOutputCommand,
  GetConsoleScreenshotCommand,
  ReplaceIamInstanceProfileAssociationCommand,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  type CreateSnapshotsCommandInput,
  type Filter,
  type Instance,
} from '@aws-sdk/client-ec2';
import { CreateInstanceProfileCommand, GetInstanceProfileCommand } from '@aws-sdk/client-iam';
import { failure, type Lab, type Probe } from './probe.ts';

async function describe(lab: Lab, instanceId: string, Filters: Filter[] = []): Promise<Instance | undefined> {
  const { Reservations } = await lab.ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId], Filters }));
  return Reservations?.[0]?.Instances?.[0];
}

async function association(lab: Lab, instanceId: string) {
  const { IamInstanceProfileAssociations } = await lab.ec2.send(
    new DescribeIamInstanceProfileAssociationsCommand({ Filters: [{ Name: 'instance-id', Values: [instanceId] }] }),
  );
  return IamInstanceProfileAssociations?.[0];
}

const snapshots = (lab: Lab, input: CreateSnapshotsCommandInput) => lab.ec2.send(new CreateSnapshotsCommand(input));

export const probes: Probe[] = [
  {
    mend: 'ec2_describe.malformed_id',
    holds: 'a malformed instance id is told from one that does not exist',
    run: async (lab) => [
      await failure(describe(lab, 'i-nonsense')),
      await failure(describe(lab, 'i-0123456789abcdef0')),
    ],
    answer: ['InvalidInstanceID.Malformed', 'InvalidInstanceID.NotFound'],
  },
  {
    mend: 'ec2_describe.more_filters',
    holds: 'instances are found by profile, volume and interface',
    async run(lab) {
      const world = await lab.world();
      const found = await describe(lab, world.instanceId, [
        { Name: 'iam-instance-profile.arn', Values: [world.instanceProfileArn ?? ''] },
        { Name: 'block-device-mapping.volume-id', Values: world.volumeIds },
        { Name: 'network-interface.network-interface-id', Values: world.interfaceIds },
        { Name: 'instance-state-name', Values: ['run*'] },
        { Name: 'instance-state-code', Values: ['16'] },
      ]);
      return found?.InstanceId === world.instanceId;
    },
    answer: true,
  },
  {
    mend: 'ec2_instances.termination_protection_at_launch',
    holds: 'an instance that is launched protected cannot be terminated',
    async run(lab) {
      const { subnetId: SubnetId } = await lab.world();
      const image = { ImageId: 'ami-0abcdef1234567890', MinCount: 1, MaxCount: 1 };
      const { Instances } = await lab.ec2.send(
        new RunInstancesCommand({ ...image, SubnetId, DisableApiTermination: true }),
      );
      const InstanceIds = [Instances?.[0]?.InstanceId ?? ''];
      return failure(lab.ec2.send(new TerminateInstancesCommand({ InstanceIds })));
    },
    answer: 'OperationNotPermitted',
  },
  {
    mend: 'ec2_instances.client_token',
    holds: 'a launch is not repeated, and its token not taken for another launch',
    async run(lab) {
      const { subnetId: SubnetId } = await lab.world();
      const launch = (InstanceType: 't3.small' | 't3.large') =>
        lab.ec2.send(
          new RunInstancesCommand({
            ClientToken: 'once',
            ImageId: 'ami-0abcdef1234567890',
            InstanceType,
            MinCount: 1,
            MaxCount: 1,
            SubnetId,
          }),
        );
      const [first, second] = [await launch('t3.small'), await launch('t3.small')];
      const same = first.Instances?.[0]?.InstanceId === second.Instances?.[0]?.InstanceId;
      return [same, await failure(launch('t3.large'))];
    },
    answer: [true, 'IdempotentParameterMismatch'],
  },
  {
    mend: 'ec2_instances.let_go_when_terminated',
    holds: 'a terminated instance has no interface, no volume and no network',
    async run(lab) {
      const { instanceId } = await lab.world();
      await lab.ec2.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
      const found = await describe(lab, instanceId);
      const { State, NetworkInterfaces = [], BlockDeviceMappings = [], VpcId, PrivateIpAddress } = found ?? {};
      return [State?.Name, NetworkInterfaces, BlockDeviceMappings, VpcId, PrivateIpAddress];
    },
    answer: ['terminated', [], [], undefined, undefined],
  },
  {
    mend: 'ec2_instances.refuse_state_change_of_terminated',
    holds: 'a terminated instance is neither started nor stopped',
    async run(lab) {
      const { instanceId } = await lab.world();
      const InstanceIds = [instanceId];
      await lab.ec2.send(new TerminateInstancesCommand({ InstanceIds }));
      return [
        await failure(lab.ec2.send(new StartInstancesCommand({ InstanceIds }))),
        await failure(lab.ec2.send(new StopInstancesCommand({ InstanceIds }))),
      ];
    },
    answer: ['IncorrectInstanceState', 'IncorrectInstanceState'],
  },
  {
    mend: 'ec2_console.recent_console_output',
    holds: 'the console output names the host, and a dry run is one',
    async run(lab) {
      const { instanceId: InstanceId } = await lab.world();
      const { Output = '' } = await lab.ec2.send(new GetConsoleOutputCommand({ InstanceId }));
      const text = Buffer.from(Output, 'base64').toString();
      const dry = await failure(lab.ec2.send(new GetConsoleOutputCommand({ InstanceId, DryRun: true })));
      return [/ip-10-20-1-\d+ login:/.test(text), dry];
    },
    answer: [true, 'DryRunOperation'],
  },
  {
    mend: 'ec2_console.console_screenshot',
    holds: 'the console screenshot is a JPEG, of a running instance only',
    async run(lab) {
      const { instanceId: InstanceId } = await lab.world();
      const take = () => lab.ec2.send(new GetConsoleScreenshotCommand({ InstanceId }));
      const { ImageData = '', InstanceId: of } = await take();
      const picture = Buffer.from(ImageData, 'base64');
      await lab.ec2.send(new StopInstancesCommand({ InstanceIds: [InstanceId] }));
      return {
        start: picture.subarray(0, 4).toString('hex'),
        end: picture.subarray(-2).toString('hex'),
        small: picture.length < 100_000,
        same: of === InstanceId,
        stopped: await failure(take()),
      };
    },
    answer: { start: 'ffd8ffe0', end: 'ffd9', small: true, same: true, stopped: 'IncorrectInstanceState' },
  },
  {
    mend: 'ec2_profiles.profile_id',
    holds: 'an instance shows the id of its profile',
    async run(lab) {
      const { instanceId, roleName } = await lab.world();
      const { InstanceProfile } = await lab.iam.send(
        new GetInstanceProfileCommand({ InstanceProfileName: roleName ?? '' }),
      );
      return (await describe(lab, instanceId))?.IamInstanceProfile?.Id === InstanceProfile?.InstanceProfileId;
    },
    answer: true,
  },
  {
    mend: 'ec2_profiles.associate_living_instances',
    holds: 'a terminated instance gets no profile',
    async run(lab) {
      const { instanceId: InstanceId, roleName } = await lab.world();
      await lab.ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }));
      const IamInstanceProfile = { Name: roleName ?? '' };
      return failure(lab.ec2.send(new AssociateIamInstanceProfileCommand({ InstanceId, IamInstanceProfile })));
    },
    answer: 'IncorrectInstanceState',
  },
  {
    mend: 'ec2_profiles.unknown_profile',
    holds: 'an unknown profile is refused by EC2, not by IAM',
    async run(lab) {
      const { instanceId: InstanceId } = await lab.world({ profile: false });
      const IamInstanceProfile = { Name: 'nobody' };
      return failure(lab.ec2.send(new AssociateIamInstanceProfileCommand({ InstanceId, IamInstanceProfile })));
    },
    answer: 'InvalidParameterValue',
  },
  {
    mend: 'ec2_profiles.replace_on_running_instance',
    holds: 'replacing a profile makes a new association, on a running instance only',
    async run(lab) {
      const { instanceId } = await lab.world();
      await lab.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: 'other' }));
      const replace = (AssociationId: string | undefined) =>
        lab.ec2.send(
          new ReplaceIamInstanceProfileAssociationCommand({ AssociationId, IamInstanceProfile: { Name: 'other' } }),
        );
      const old = (await association(lab, instanceId))?.AssociationId;
      await replace(old);
      const now = await association(lab, instanceId);
      const shown = (await describe(lab, instanceId))?.IamInstanceProfile?.Arn;
      await lab.ec2.send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
      return [now?.AssociationId !== old, shown?.endsWith('/other'), await failure(replace(now?.AssociationId))];
    },
    answer: [true, true, 'IncorrectInstanceState'],
  },
  {
    mend: 'ec2_snapshots.pending_at_first',
    holds: 'a snapshot is pending first and completes by itself',
    async run(lab) {
      const { instanceId } = await lab.world();
      const { Snapshots = [] } = await snapshots(lab, { InstanceSpecification: { InstanceId: instanceId } });
      const SnapshotIds = Snapshots.map(({ SnapshotId }) => SnapshotId ?? '');
      const states = async () => {
        const found = await lab.ec2.send(new DescribeSnapshotsCommand({ SnapshotIds }));
        return found.Snapshots?.map(({ State, Progress }) => `${State} ${Progress}`);
      };
      const early = await states();
      if (early?.includes('completed 100%')) return early;
      await new Promise((resolve) => setTimeout(resolve, 2_100));
      return [Snapshots.map(({ State }) => State), early, await states()];
    },
    answer: [
      ['pending', 'pending'],
      ['pending 0%', 'pending 0%'],
      ['completed 100%', 'completed 100%'],
    ],
  },
  {
    mend: 'ec2_snapshots.sets_of_volumes',
    holds: 'a snapshot set leaves out what it is told to, and takes over the tags of volumes',
    async run(lab) {
      const { instanceId: InstanceId, volumeIds } = await lab.world({ volumes: 3 });
      const taken = async (input: object, more: object = {}) => {
        const { Snapshots = [] } = await snapshots(lab, { InstanceSpecification: { InstanceId, ...input }, ...more });
        return Snapshots;
      };
      const all = await taken(
        {},
        {
          CopyTagsFromSource: 'volume',
          TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'Incident', Value: '1' }] }],
        },
      );
      const volumeNumbers = (found: { VolumeId?: string | undefined }[]) =>
        found.map(({ VolumeId = '' }) => volumeIds.indexOf(VolumeId));
      return {
        all: volumeNumbers(all),
        tags: all[0]?.Tags?.map(({ Key, Value }) => `${Key}=${Value}`).toSorted(),
        withoutBoot: volumeNumbers(await taken({ ExcludeBootVolume: true })),
        withoutData: volumeNumbers(await taken({ ExcludeDataVolumeIds: [volumeIds[2]] })),
        foreign: await failure(taken({ ExcludeDataVolumeIds: ['vol-0123456789abcdef0'] })),
      };
    },
    answer: {
      all: [0, 1, 2],
      tags: ['Incident=1', 'Name=web-7', 'Owner=shop-team@example.com'],
      withoutBoot: [1, 2],
      withoutData: [0, 1],
      foreign: 'InvalidParameterValue',
    },
  },
  {
    mend: 'ec2_snapshots.owners',
    holds: 'snapshots are listed by owner and tag',
    async run(lab) {
      const { instanceId } = await lab.world();
      const Tags = [{ Key: 'Incident', Value: 'owners' }];
      await snapshots(lab, {
        InstanceSpecification: { InstanceId: instanceId },
        TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
      });
      const count = async (input: { OwnerIds: string[]; Filters?: Filter[] }) =>
        (await lab.ec2.send(new DescribeSnapshotsCommand(input))).Snapshots?.length;
      return [
        await count({ OwnerIds: ['self'] }),
        await count({ OwnerIds: ['self'], Filters: [{ Name: 'tag:Incident', Values: ['owners'] }] }),
        await count({ OwnerIds: ['self'], Filters: [{ Name: 'tag:Incident', Values: ['other'] }] }),
        await count({ OwnerIds: ['000000000042'] }),
      ];
    },
    answer: [2, 2, 0, 0],
  },
];
