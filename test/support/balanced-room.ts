/** A victim that gets traffic from load balancers, and who gets it now. */
import { DescribeNetworkInterfacesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client, RegisterTargetsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { loadBalancers } from '../../src/containment/load-balancers.ts';
import { labConfig } from '../../src/lab/client.ts';
import { classicInstances, createClassic, createTargetGroup, targetStates } from '../../src/lab/fleet.ts';
import type { WorldOptions } from '../../src/lab/world.ts';
import { actionRoom, BARE, type ActionRoom } from './action-room.ts';
import type { TestAccount } from './local-aws.ts';

export type ServedRoom = Awaited<ReturnType<typeof servedRoomIn>>;

export async function balancedRoom(account: TestAccount, world: Partial<WorldOptions> = {}): Promise<ActionRoom> {
  return actionRoom(loadBalancers, account, { ...BARE, ...world });
}

/** The instance in `web` under two ports, its address in `api`, and itself in the classic `shop`; each with a stranger. */
export async function servedRoomIn(account: TestAccount) {
  const it = await balancedRoom(account);
  const { vpcId, instanceId } = it.world;
  const [address = ''] = await addresses(it);
  const web = await createTargetGroup(it.place, {
    name: 'web',
    vpcId,
    targets: [{ Id: instanceId }, { Id: instanceId, Port: 8080 }],
  });
  const api = await createTargetGroup(it.place, {
    name: 'api',
    vpcId,
    type: 'ip',
    port: 443,
    targets: [{ Id: address, Port: 8443 }, { Id: '10.20.1.251' }],
  });
  const other = await createTargetGroup(it.place, { name: 'other', vpcId });
  await createClassic(it.place, 'shop', [instanceId]);
  it.account.proxy.calls.length = 0;
  return { ...it, web, api, other, address, served: () => served(it, [web, api]) };
}

/** `id:port` of every target that is not draining, in these groups and in the classic `shop`. */
export async function served({ place }: ActionRoom, arns: string[]): Promise<string[][]> {
  const groups = await Promise.all(arns.map((arn) => targetStates(place, arn)));
  const open = groups.map((lines) => lines.flatMap((line) => (/(.*) healthy$/.exec(line) ?? []).slice(1)));
  return [...open, await classicInstances(place, 'shop')];
}

export async function addresses({ place, world }: ActionRoom): Promise<string[]> {
  const ec2 = new EC2Client(labConfig(place));
  const { NetworkInterfaces = [] } = await ec2.send(
    new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: world.interfaceIds }),
  );
  return world.interfaceIds.map(
    (id) => NetworkInterfaces.find(({ NetworkInterfaceId }) => NetworkInterfaceId === id)?.PrivateIpAddress ?? '',
  );
}

/** The victim, by its id. */
export async function register({ place, world }: ActionRoom, arn: string, port?: number): Promise<void> {
  const elb = new ElasticLoadBalancingV2Client(labConfig(place));
  const target = { Id: world.instanceId, ...(port === undefined ? {} : { Port: port }) };
  await elb.send(new RegisterTargetsCommand({ TargetGroupArn: arn, Targets: [target] }));
}
