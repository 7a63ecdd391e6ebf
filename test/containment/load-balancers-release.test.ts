/** What a release registers again, and what it leaves. */
import { DescribeNetworkInterfacesCommand, DetachNetworkInterfaceCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DeleteLoadBalancerCommand, ElasticLoadBalancingClient } from '@aws-sdk/client-elastic-load-balancing';
import { DeleteTargetGroupCommand, ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from '@jest/globals';
import { loadBalancers } from '../../src/containment/load-balancers.ts';
import { labConfig } from '../../src/lab/client.ts';
import { classicInstances, createClassic, createTargetGroup, targetStates } from '../../src/lab/fleet.ts';
import { addresses, balancedRoom, register, served, servedRoomIn, type ServedRoom } from '../support/balanced-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

async function servedRoom(): Promise<ServedRoom> {
  return servedRoomIn(await local.newAccount());
}

describe('a release', () => {
  test('leaves what is registered again, and names what is gone', async () => {
    const it = await servedRoom();
    const { from, to } = await it.contain();
    await register(it, it.web);
    const elb = new ElasticLoadBalancingV2Client(labConfig(it.place));
    await elb.send(new DeleteTargetGroupCommand({ TargetGroupArn: it.api }));
    const classic = new ElasticLoadBalancingClient(labConfig(it.place));
    await classic.send(new DeleteLoadBalancerCommand({ LoadBalancerName: 'shop' }));
    const released = await it.release({ from, to });
    expect(released).toMatchObject({ verified: true, lost: [] });
    expect(released.left.toSorted()).toEqual([
      'the classic load balancer shop is gone',
      'the target group api is gone',
    ]);
    expect(await targetStates(it.place, it.web)).toEqual([
      `${it.world.instanceId}:80 healthy`,
      `${it.world.instanceId}:8080 healthy`,
    ]);
  });

  test('leaves what somebody has registered since, and says so', async () => {
    const it = await servedRoom();
    const { from, to } = await it.contain();
    await register(it, it.other, 9000);
    const released = await it.release({ from, to });
    expect(released.left).toEqual([`other: ${it.world.instanceId}:9000 has been registered since, and is left`]);
    expect(await served(it, [it.other])).toEqual([[`${it.world.instanceId}:9000`], [it.world.instanceId]]);
  });

  test('registers no address that the instance has lost', async () => {
    const it = await balancedRoom(await local.newAccount(), { interfaces: 2 });
    const [, second = ''] = await addresses(it);
    await createClassic(it.place, 'shop');
    const api = await createTargetGroup(it.place, {
      name: 'api',
      vpcId: it.world.vpcId,
      type: 'ip',
      targets: [{ Id: second }],
    });
    const { from, to } = await it.contain();
    const ec2 = new EC2Client(labConfig(it.place));
    const { NetworkInterfaces } = await ec2.send(
      new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: it.world.interfaceIds.slice(1) }),
    );
    const AttachmentId = NetworkInterfaces?.[0]?.Attachment?.AttachmentId;
    await ec2.send(new DetachNetworkInterfaceCommand({ AttachmentId }));
    const released = await it.release({ from, to });
    expect(released.left).toEqual([`api: ${second} is not an address of the instance any more`]);
    expect(await served(it, [api])).toEqual([[], []]);
  });

  test('takes nothing away, even where it cannot read all', async () => {
    const it = await servedRoom();
    const { from, to } = await it.contain();
    await register(it, it.other, 9000);
    it.account.proxy.fault({ operation: 'DescribeTargetHealth', kind: 'denied', times: 3 });
    expect(await it.release({ from, to })).toMatchObject({ verified: false });
    expect((await it.served()).map((targets) => targets.length)).toEqual([2, 2, 1]);
    expect(await served(it, [it.other])).toEqual([[`${it.world.instanceId}:9000`], [it.world.instanceId]]);
  });

  test('is not held up by target groups that it has nothing to do with', async () => {
    const it = await servedRoom();
    const { from, to } = await it.contain();
    const now = (await loadBalancers.read(it.aws, it.context, from)) as object;
    const unread = { ...now, unread: { [it.other]: 'no answer' } };
    const restoration = loadBalancers.restore?.(from, unread, { contained: to, found: null });
    await loadBalancers.write(it.aws, it.context, unread, restoration?.to ?? null);
    const after = await loadBalancers.read(it.aws, it.context, from);
    expect(loadBalancers.same(after, restoration?.to ?? null)).toBe(true);
  });

  test('one target group that refuses keeps none of the others', async () => {
    const it = await servedRoom();
    const { from, to } = await it.contain();
    it.account.proxy.fault({ operation: 'RegisterTargets', kind: 'denied', times: 1 });
    expect((await it.release({ from, to })).error).toMatch(/^(web|api): AccessDenied/);
    expect((await classicInstances(it.place, 'shop')).length).toBe(1);
    expect(await it.release({ from, to })).toMatchObject({ verified: true });
    expect((await it.served()).map((targets) => targets.length)).toEqual([2, 2, 1]);
  });

  test('says so where the record is missing', async () => {
    const it = await servedRoom();
    const { to } = await it.contain();
    expect((await it.release({ from: null, to })).lost).toEqual(['the load balancers before are not known']);
  });
});
