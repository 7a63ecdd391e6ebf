/** Out of every target group and classic load balancer. */
import { AssignPrivateIpAddressesCommand, DescribeNetworkInterfacesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import { holds } from '../../src/containment/load-balancers-state.ts';
import { loadBalancers } from '../../src/containment/load-balancers.ts';
import { labConfig } from '../../src/lab/client.ts';
import { classicInstances, createTargetGroup, targetStates } from '../../src/lab/fleet.ts';
import { createWorld, type WorldOptions } from '../../src/lab/world.ts';
import type { ActionRoom } from '../support/action-room.ts';
import { addresses, balancedRoom, register, served, servedRoomIn, type ServedRoom } from '../support/balanced-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

async function room(world?: Partial<WorldOptions>): Promise<ActionRoom> {
  return balancedRoom(await local.newAccount(), world);
}

async function servedRoom(): Promise<ServedRoom> {
  return servedRoomIn(await local.newAccount());
}

test('it leaves all of them, by id and by address, under every port; a release brings it back exactly', async () => {
  const it = await servedRoom();
  const { instanceId } = it.world;
  const before = await it.served();
  const contained = await it.contain();
  expect(contained).toMatchObject({ idle: null, verified: true });
  expect(contained.error).toBeUndefined();
  expect(contained.from).toMatchObject({
    targets: {
      [it.web]: [
        { id: instanceId, port: 80 },
        { id: instanceId, port: 8080 },
      ],
      [it.api]: [{ id: it.address, port: 8443, zone: expect.stringMatching(/^us-east-1[a-z]$/) }],
    },
    classic: ['shop'],
    unread: {},
  });
  expect(contained.description).toBe(
    `load balancers: api (${it.address}:8443), web (${instanceId}:80, ${instanceId}:8080), classic shop → none`,
  );
  expect(contained.risks).toEqual([expect.stringContaining('draining time')]);
  expect(await it.served()).toEqual([[], ['10.20.1.251:443'], []]);
  expect(await targetStates(it.place, it.web)).toContain(`${instanceId}:80 draining`);

  expect(await it.release(contained)).toMatchObject({ verified: true, left: [], lost: [] });
  expect(await it.served()).toEqual(before);
  expect(it.writes().toSorted()).toEqual([
    'DeregisterInstancesFromLoadBalancer',
    'DeregisterTargets',
    'DeregisterTargets',
    'RegisterInstancesWithLoadBalancer',
    'RegisterTargets',
    'RegisterTargets',
  ]);
});

test('in no target group: nothing to do, and nothing asked of groups of other kinds', async () => {
  const it = await room();
  await createTargetGroup(it.place, { name: 'web', vpcId: it.world.vpcId });
  it.account.proxy.calls.length = 0;
  expect(await it.contain()).toMatchObject({
    idle: 'the instance is in no target group and in no classic load balancer',
    verified: true,
    risks: [],
    description: 'load balancers: none (unchanged)',
  });
  expect(it.writes()).toEqual([]);
  expect(
    await it.release({ from: { targets: {}, classic: [], addresses: {}, gone: [], unread: {} }, to: undefined }),
  ).toMatchObject({
    skip: 'it is so already',
  });
});

test('a second run, and a run after one that died half-way, keep the whole record', async () => {
  const it = await servedRoom();
  const before = await it.served();
  const reading = await loadBalancers.read(it.aws, it.context, null);
  await it.aws.loadBalancers.deregister(it.web, [{ id: it.world.instanceId, port: 80 }]);
  const first = await it.contain(reading);
  expect(first.verified).toBe(true);
  const second = await it.contain(first.from);
  expect(second.idle).toMatch(/in no target group/);
  expect(second.from).toMatchObject({ targets: (reading as { targets: object }).targets, classic: ['shop'] });
  await it.release(second);
  expect(await it.served()).toEqual(before);
});

test('what somebody registers after the record is taken out by the next run, and given back, too', async () => {
  const it = await servedRoom();
  const first = await it.contain();
  await register(it, it.other, 9000);
  const second = await it.contain(first.from);
  expect(second.verified).toBe(true);
  await it.release(second);
  expect(await served(it, [it.other])).toEqual([[`${it.world.instanceId}:9000`], [it.world.instanceId]]);
});

describe('which targets are its own', () => {
  test('secondary addresses, but no address of another VPC, though it is the same', async () => {
    const it = await room({ interfaces: 2, otherVpc: true });
    const ec2 = new EC2Client(labConfig(it.place));
    await ec2.send(
      new AssignPrivateIpAddressesCommand({
        NetworkInterfaceId: it.world.interfaceIds[0],
        PrivateIpAddresses: ['10.20.1.77'],
      }),
    );
    const { NetworkInterfaces = [] } = await ec2.send(
      new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: it.world.interfaceIds }),
    );
    const otherVpc = NetworkInterfaces.find(({ VpcId }) => VpcId !== it.world.vpcId)?.VpcId ?? '';
    const stranger = await createWorld(it.place);
    const [first = '', second = ''] = await addresses(it);
    const everything = [first, second, '10.20.1.77'].map((Id) => ({ Id }));
    const group = (name: string, vpcId: string, targets = everything) =>
      createTargetGroup(it.place, { name, vpcId, type: 'ip', targets });
    const here = await group('here', it.world.vpcId);
    const there = await group('there', otherVpc);
    await group('elsewhere', stranger.vpcId);
    const { from } = await it.contain();
    const ids = Object.entries((from as { targets: Record<string, { id: string }[]> }).targets).map(
      ([arn, targets]) => [arn, targets.map(({ id }) => id).toSorted()] as const,
    );
    expect(Object.fromEntries(ids)).toEqual({ [here]: [first, '10.20.1.77'].toSorted(), [there]: [second] });
  });

  test.each([
    [['10.0.1.5'], '10.0.1.5', true],
    [['10.0.1.5'], '10.0.1.50', false],
    [['10.0.1.16/28'], '10.0.1.30', true],
    [['10.0.1.16/28'], '10.0.1.32', false],
    [['2001:db8::1'], '2001:0db8:0:0:0:0:0:1', true],
    [['2001:db8:0:1::/80'], '2001:db8:0:1::7', true],
    [['10.0.1.5'], 'i-0123456789abcdef0', false],
    [[], '10.0.1.5', false],
  ])('%j holds %s: %s', (own, address, answer) => {
    expect(holds(own, address)).toBe(answer);
  });

  test('more target groups than a page holds', async () => {
    const it = await room();
    const targets = [{ Id: it.world.instanceId }];
    const names = Array.from({ length: 52 }, (_, index) => `group-${String(index).padStart(2, '0')}`);
    for (const name of names)
      await createTargetGroup(it.place, { name, vpcId: it.world.vpcId, targets: name === 'group-51' ? targets : [] });
    const { from, verified } = await it.contain();
    expect(Object.keys((from as { targets: object }).targets)).toEqual([expect.stringContaining('group-51')]);
    expect(verified).toBe(true);
    const asked = it.account.proxy.calls.filter(({ operation }) => operation === 'DescribeTargetHealth');
    expect(mostAtOnce(asked)).toBeLessThanOrEqual(8);
  });
});

describe('one that fails keeps none of the others from being done', () => {
  test('a target group that refuses', async () => {
    const it = await servedRoom();
    it.account.proxy.fault({ operation: 'DeregisterTargets', kind: 'denied', times: 1 });
    const contained = await it.contain();
    expect(contained.verified).toBe(false);
    expect(contained.error).toMatch(/^(web|api): AccessDenied: .* elasticloadbalancing:DeregisterTargets$/);
    expect((await it.served()).flat().filter((line) => line !== '10.20.1.251:443').length).toBeLessThanOrEqual(2);
    expect(await classicInstances(it.place, 'shop')).toEqual([]);
    // The next run does the rest.
    expect(await it.contain(contained.from)).toMatchObject({ verified: true });
  });

  test('all of them, and each is named', async () => {
    const it = await servedRoom();
    it.account.proxy.fault({ service: 'elasticloadbalancing', operation: 'Deregister*', kind: 'denied' });
    const { error } = await it.contain();
    for (const name of ['web', 'api', 'classic shop']) expect(error).toContain(`${name}: AccessDenied`);
  });

  test('a target group that cannot be read is named, and is not shown to be left', async () => {
    const it = await servedRoom();
    const remove = it.account.proxy.fault({ operation: 'DescribeTargetHealth', kind: 'denied', times: 1 });
    const contained = await it.contain();
    remove();
    const [unread = ''] = Object.keys((contained.from as { unread: object }).unread);
    expect(contained.error).toMatch(/^(web|api|other) could not be read: AccessDenied/);
    // Nothing that no record holds is taken away.
    expect(await targetStates(it.place, unread)).not.toContainEqual(expect.stringContaining('draining'));
    expect(await classicInstances(it.place, 'shop')).toEqual([]);
    const again = await it.contain(contained.from);
    expect(again).toMatchObject({ verified: true });
    await it.release(again);
    expect((await it.served()).map((targets) => targets.length)).toEqual([2, 2, 1]);
  });

  test.each([
    ['DescribeTargetGroups', 'target groups', [2, 2, 0]],
    ['DescribeLoadBalancers', 'classic load balancers', [0, 1, 1]],
    ['DescribeNetworkInterfaces', 'addresses', [0, 2, 0]],
  ])('%s is denied', async (operation, what, left) => {
    const it = await servedRoom();
    const remove = it.account.proxy.fault({ operation, kind: 'denied' });
    const contained = await it.contain();
    remove();
    expect(contained.error).toMatch(new RegExp(`^${what} could not be read: `));
    expect(contained.verified).toBe(false);
    expect((await it.served()).map((targets) => targets.length)).toEqual(left);
  });

  test('neither can be listed: the reading fails', async () => {
    const it = await servedRoom();
    it.account.proxy.fault({ operation: 'DescribeTargetGroups', kind: 'denied' });
    it.account.proxy.fault({ operation: 'DescribeLoadBalancers', kind: 'denied' });
    await expect(loadBalancers.read(it.aws, it.context, null)).rejects.toThrow(/DescribeTargetGroups.*DescribeLoadBal/);
  });

  test('a call that hangs costs no more than the time for a reading', async () => {
    const it = await servedRoom();
    it.account.proxy.fault({ operation: 'DescribeTargetHealth', kind: 'hang' });
    const started = performance.now();
    const reading = await loadBalancers.read(it.aws, it.context, null);
    expect(performance.now() - started).toBeLessThan(it.context.readMs);
    expect(reading).toMatchObject({ classic: ['shop'], targets: {}, unread: { [it.web]: expect.any(String) } });
  });

  test('the answer to a deregistration is lost', async () => {
    const it = await servedRoom();
    it.account.proxy.fault({ operation: 'Deregister*', kind: 'lost-response', times: 2 });
    const contained = await it.contain();
    expect(contained.error).toBeUndefined();
    expect(contained.verified).toBe(true);
  });
});

function mostAtOnce(calls: { startedAt: number; endedAt: number }[]): number {
  const at = calls.map(({ startedAt }) => calls.filter((one) => one.startedAt <= startedAt && one.endedAt > startedAt));
  return Math.max(...at.map(({ length }) => length));
}
