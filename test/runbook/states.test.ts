/** Every state that an instance can be in: what is done, and what is skipped with which reason. */
import {
  AttachNetworkInterfaceCommand,
  CreateNetworkInterfaceCommand,
  EC2Client,
  ModifyInstanceAttributeCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import { labConfig } from '../../src/lab/client.ts';
import type { WorldOptions } from '../../src/lab/world.ts';
import { incidentRoom, isIsolated, type IncidentRoom } from '../support/incident-room.ts';
import { triageOf } from '../support/host.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

interface Expected {
  /** Action → why it is skipped. */
  skipped?: Record<string, string>;
  /** Collector → why it is skipped. */
  evidence?: Record<string, string>;
  risk?: string;
  flows?: string;
  host: string;
}

const cases: [string, Partial<WorldOptions>, Expected][] = [
  ['stopped', { state: 'stopped' }, { flows: 'the instance is stopped', host: 'the instance is stopped' }],
  [
    'hibernated',
    { state: 'hibernated' },
    {
      flows: 'the instance is stopped',
      host: 'the instance is stopped (hibernated: its memory is on the root volume)',
    },
  ],
  [
    'with instance stores only',
    { instanceStore: true },
    {
      skipped: {
        'keep-volumes': 'no EBS volume: what is on an instance store ends with it',
        'stop-protection': 'an instance store for its root cannot be stopped',
        'shutdown-behavior': 'an instance store for its root can only terminate',
      },
      evidence: { 'ebs-snapshots': 'no EBS volume' },
      risk: 'The instance has no EBS volume: its disks end with it, and no snapshot has them.',
      host: 'does not manage',
    },
  ],
  [
    'a Spot instance',
    { spot: true },
    {
      skipped: { 'termination-protection': 'Spot', 'stop-protection': 'Spot', 'shutdown-behavior': 'Spot' },
      host: 'does not manage',
    },
  ],
  [
    'without a profile',
    { profile: false },
    {
      skipped: { 'instance-profile': 'no instance profile', 'session-denial': 'no instance profile' },
      host: 'does not manage',
    },
  ],
  [
    'in nothing',
    {},
    {
      skipped: {
        'auto-scaling': 'no Auto Scaling group',
        'load-balancers': 'no target group',
        'public-address': 'no Elastic IP',
      },
      host: 'does not manage',
    },
  ],
  ['in two VPCs', { interfaces: 3, otherVpc: true }, { host: 'does not manage' }],
];

test.each(cases)('%s: isolated, and each part that is skipped says why', async (_name, options, expected) => {
  const room = await incidentRoom(await local.newAccount(), options);
  const incident = await room.respond(room.event());
  expect(incident).toMatchObject({ status: 'quarantined', failures: [] });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  for (const [action, reason] of Object.entries(expected.skipped ?? {}))
    expect(incident.changes.find((change) => change.action === action)).toMatchObject({
      status: 'skipped',
      verified: true,
      reason: expect.stringContaining(reason),
    });
  for (const [collector, reason] of Object.entries(expected.evidence ?? {}))
    expect(incident.evidence.find((evidence) => evidence.collector === collector)).toMatchObject({
      status: 'skipped',
      reason: expect.stringContaining(reason),
    });
  if (expected.risk !== undefined) expect(incident.residualRisks).toContain(expected.risk);
  if (expected.flows !== undefined) expect(incident.isolation?.flows).toContain(expected.flows);
  expect(triageOf(incident).reason).toContain(expected.host);
});

test('an interface of an AWS service is left and named, the others are isolated', async () => {
  const room = await incidentRoom(await local.newAccount(), { requesterManaged: true });
  const incident = await room.respond(room.event());
  expect(incident.status).toBe('quarantined');
  expect(incident.residualRisks.join()).toMatch(/Interface eni-\w+ belongs to .* and cannot be moved/);
});

test('terminated before: nothing is changed', async () => {
  const room = await incidentRoom(await local.newAccount());
  await terminate(room);
  await expectNothingChanged(room, 'terminated');
});

test('shutting down: nothing is changed', async () => {
  await expectNothingChanged(await incidentRoom(await local.newAccount(), { state: 'shutting-down' }), 'shutting-down');
});

async function expectNothingChanged(room: IncidentRoom, state: string): Promise<void> {
  const start = room.account.proxy.calls.length;
  const incident = await room.respond(room.event());
  expect(incident).toMatchObject({ status: 'failed', isolation: { verified: false } });
  expect(room.calls(start).filter((name) => /^(Modify|Disassociate)/.test(name))).toEqual([]);
  expect(incident.changes.length).toBeGreaterThan(10);
  for (const { reason } of incident.changes) expect(reason).toContain(state);
  expect(incident.failures.join()).toContain(`the instance is ${state}: there is nothing left to isolate`);
}

test('terminated while the response runs: the texts say that it is gone, and claim no isolation', async () => {
  const room = await incidentRoom(await local.newAccount({ latencyMs: 40 }));
  const start = room.account.proxy.calls.length;
  const gone: Promise<void>[] = [];
  const watch = setInterval(() => {
    if (gone.length === 0 && room.calls(start).includes('CreateSecurityGroup')) gone.push(terminate(room));
  }, 2);
  const incident = await room.respond(room.event());
  clearInterval(watch);
  await Promise.all(gone);
  expect(incident).toMatchObject({ status: 'failed', isolation: { verified: false } });
  expect(incident.failures.join()).toContain('the instance is terminated: there is nothing left to isolate');
  const [message] = await room.messages();
  expect(message?.body).toContain('terminated');
});

test('an interface that is attached while the response runs is isolated too', async () => {
  const room = await incidentRoom(await local.newAccount({ latencyMs: 40 }));
  const { account, world } = room;
  const ec2 = new EC2Client(labConfig({ endpoint: account.endpoint, region: world.region }));
  const { NetworkInterface } = await ec2.send(
    new CreateNetworkInterfaceCommand({
      SubnetId: world.subnetId,
      Groups: world.groupIds[world.interfaceIds[0] ?? ''],
    }),
  );
  const NetworkInterfaceId = NetworkInterface?.NetworkInterfaceId ?? '';
  const start = account.proxy.calls.length;
  const attached: Promise<unknown>[] = [];
  const watch = setInterval(() => {
    const moving = account.proxy.calls.slice(start).some(({ request }) => request.includes('SecurityGroupId.1='));
    if (moving && attached.length === 0)
      attached.push(
        ec2.send(
          new AttachNetworkInterfaceCommand({ InstanceId: world.instanceId, NetworkInterfaceId, DeviceIndex: 2 }),
        ),
      );
  }, 2);
  const incident = await room.respond(room.event(), { containment: { cutFlows: 'never' } });
  clearInterval(watch);
  await Promise.all(attached);
  expect(attached).toHaveLength(1);
  expect(incident.status).toBe('quarantined');
  const { interfaces, rules } = await room.reading();
  expect(Object.keys(interfaces)).toContain(NetworkInterfaceId);
  expect(new Set(Object.values(interfaces).flat()).size).toBe(1);
  expect(rules).toBe(0);
});

async function terminate({ account, world }: IncidentRoom): Promise<void> {
  const ec2 = new EC2Client(labConfig({ endpoint: account.endpoint, region: world.region }));
  const InstanceId = world.instanceId;
  await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }));
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }));
}

test.each([
  ['managed without a profile', { profile: false, tags: { 'ssm:agent': 'online' } }, true],
  ['managed by its profile', { tags: { 'ssm:agent': 'online' } }, false],
  ['not managed, without a profile', { profile: false }, false],
] as const)('%s: whether the agent keeps credentials is told', async (_name, options, told) => {
  const room = await incidentRoom(await local.newAccount(), options);
  const incident = await room.respond(room.event(), { collection: { os: 'off' } });
  expect(incident.status).toBe('quarantined');
  expect(incident.residualRisks.some((risk) => risk.includes('Default Host Management'))).toBe(told);
});
