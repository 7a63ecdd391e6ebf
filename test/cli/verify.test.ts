/** `verify` as a person runs it: what it finds of what somebody has changed since, and that it changes nothing itself. */
import { expect, test } from '@jest/globals';
import {
  AuthorizeSecurityGroupEgressCommand,
  EC2Client,
  ModifyInstanceAttributeCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { run } from '../../src/cli/main.ts';
import { labConfig } from '../../src/lab/client.ts';
import type { Verification } from '../../src/runbook/verify.ts';
import { budgetsFor } from '../support/budgets.ts';
import { holdIncident } from '../support/held.ts';
import { incidentRoom, isWrite, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { giveProfile, release, setGroups } from '../support/releaser.ts';
import { scratchFolder } from '../support/scratch.ts';

const local = useLocalAws();

interface Answer {
  code: number;
  out: string;
  err: string;
}

async function verify(room: IncidentRoom, args = ['--instance', room.world.instanceId]): Promise<Answer> {
  const env = { ...room.env, SECRESPONSE_BUDGETS: JSON.stringify(budgetsFor(room.account)) };
  Object.assign(process.env, env);
  const answer: Answer = { code: -1, out: '', err: '' };
  answer.code = await run(['verify', ...args], {
    out: (text) => void (answer.out += text),
    err: (text) => void (answer.err += text),
    env,
    cwd: scratchFolder(),
  });
  return answer;
}

async function verified(room: IncidentRoom): Promise<Verification & { code: number }> {
  const { code, out } = await verify(room, ['--instance', room.world.instanceId, '--json']);
  return { ...(JSON.parse(out) as { verify: Verification }).verify, code };
}

function ec2({ account, world }: IncidentRoom): EC2Client {
  return new EC2Client(labConfig({ endpoint: account.endpoint, region: world.region }));
}

async function contained(): Promise<IncidentRoom> {
  const room = await incidentRoom(await local.newAccount(), { otherVpc: true });
  expect((await room.respond(room.event())).status).toBe('quarantined');
  return room;
}

test('contained: exit code 0 by instance and by incident, and nothing is written', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  const start = room.account.proxy.calls.length;
  expect(await verified(room)).toMatchObject({ code: 0, incidentId, contained: true, drift: [], unread: [] });
  const { code, out } = await verify(room, ['--incident', incidentId]);
  expect(code).toBe(0);
  expect(out).toContain(`CONTAINED  ${room.world.instanceId}`);
  expect(room.calls(start).filter(isWrite)).toEqual([]);
});

type Change = (room: IncidentRoom) => Promise<unknown>;

test.each<[string, string, RegExp, Change]>([
  [
    'an interface was moved back',
    'quarantine-network',
    /^network interface eni-\w+ is in sg-.*, not in sg-/,
    (room) =>
      setGroups(room, room.world.interfaceIds[1] ?? '', room.world.groupIds[room.world.interfaceIds[1] ?? ''] ?? []),
  ],
  [
    'the quarantine group got a rule',
    'quarantine-network',
    /^security group sg-\w+ \(secresponse-quarantine\) has rules: egress tcp 443 10\.9\.9\.9\/32/,
    async (room) => {
      const [group = ''] = Object.values((await room.reading()).interfaces)[0] ?? [];
      const range = { IpProtocol: 'tcp', FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: '10.9.9.9/32' }] };
      await ec2(room).send(new AuthorizeSecurityGroupEgressCommand({ GroupId: group, IpPermissions: [range] }));
    },
  ],
  [
    'the profile was given back',
    'instance-profile',
    /^instance profile: none → /,
    (room) => giveProfile(room, room.world.instanceProfileArn ?? ''),
  ],
  [
    'termination protection was switched off',
    'termination-protection',
    /^termination protection: on → off/,
    (room) =>
      ec2(room).send(
        new ModifyInstanceAttributeCommand({
          InstanceId: room.world.instanceId,
          DisableApiTermination: { Value: false },
        }),
      ),
  ],
])('%s: drift, exit code 1', async (_name, action, line, change) => {
  const room = await contained();
  await change(room);
  const result = await verified(room);
  expect(result).toMatchObject({ code: 1, contained: false, unread: [] });
  expect(result.drift).toEqual([{ action, description: expect.stringMatching(line) }]);
  const { code, out } = await verify(room);
  expect([code, out]).toEqual([1, expect.stringContaining(`DRIFT  ${room.world.instanceId}`)]);
});

test('what could not be read is told as that, not as drift: exit code 1', async () => {
  const room = await contained();
  room.account.proxy.fault({ operation: 'DescribeIamInstanceProfileAssociations', kind: 'denied' });
  const result = await verified(room);
  expect(result).toMatchObject({ code: 1, contained: false, drift: [] });
  expect(result.unread).toContainEqual({
    action: 'instance-profile',
    error: expect.stringContaining('UnauthorizedOperation'),
  });
});

test('an interface that stays in a lifeline group without a run is half contained; with one, a run works on it', async () => {
  const room = await contained();
  await holdIncident.halfContained(room, 'lifeline');
  const result = await verified(room);
  expect(result).toMatchObject({ code: 1, halfContained: true });
  expect(result.drift.map(({ description }) => description).join()).toContain('cut off in part only');
  await holdIncident.until(room, Date.now() + 60_000);
  expect(await verified(room)).toMatchObject({ code: 1, working: true, drift: [] });
  await holdIncident.until(room, Date.now() - 1);
  expect(await verified(room)).toMatchObject({ code: 1, halfContained: true });
});

test('an instance that is terminated: gone, exit code 1', async () => {
  const room = await contained();
  const InstanceId = room.world.instanceId;
  await ec2(room).send(new ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }));
  await ec2(room).send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }));
  expect(await verified(room)).toMatchObject({
    code: 1,
    contained: false,
    gone: 'the instance is terminated',
    drift: [],
  });
});

test('released, unknown, never to be contained, or not named: one line, exit code 2', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  await release(room, { incident_id: incidentId, reason: 'false alarm' });
  const refused = async (args?: string[]) => {
    const { code, out, err } = await verify(room, args);
    expect([code, out, err.split('\n').length]).toEqual([2, '', 2]);
    return err;
  };
  expect(await refused()).toContain('no incident is open on');
  expect(await refused(['--incident', incidentId])).toContain('was released already');
  expect(await refused(['--incident', 'inc-unknown'])).toContain('there is no incident inc-unknown');
  expect(await refused([])).toContain('give one of --instance');
  expect(await refused(['--instance', 'server1'])).toContain('instance_id');
  await room.respond(
    room.event(
      ({ detail }) => void Object.assign(detail, { id: 'other', severity: 5, updatedAt: '2099-01-01T00:00:00Z' }),
    ),
  );
  expect(await refused()).toContain('asked for collect: nothing was to be contained');
});
