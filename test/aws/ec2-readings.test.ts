/** What the readings of an instance and of its interfaces tell. */
import { expect, test } from '@jest/globals';
import { ec2Gateway } from '../../src/aws/ec2.ts';
import { interfaceReading } from '../../src/aws/ec2-readings.ts';
import { labConfig } from '../../src/lab/client.ts';
import { createWorld, type World, type WorldOptions } from '../../src/lab/world.ts';
import { patientBudgets } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

async function readings(options: Partial<WorldOptions>) {
  const { endpoint } = await local.newAccount();
  const world: World = await createWorld({ endpoint, ...options });
  const gateway = ec2Gateway({ ...labConfig({ endpoint }), budgets: patientBudgets });
  const [instance, listed] = await Promise.all([
    gateway.instance(world.instanceId),
    gateway.interfaces(world.instanceId),
  ]);
  return { world, instance, gateway, interfaces: listed.readings };
}

test('both calls tell the same of an interface, but for who manages it', async () => {
  const { world, instance, gateway, interfaces } = await readings({
    elasticIp: true,
    ipv6: true,
    requesterManaged: true,
  });
  const [first = '', second = '', managed = ''] = world.interfaceIds;
  await gateway.setTracking(second, { tcpEstablished: 60, udpStream: 60, udpTimeout: 30 });
  const of = (id: string) => interfaces.find(({ interfaceId }) => interfaceId === id);
  expect(of(first)).toEqual({
    interfaceId: first,
    vpcId: world.vpcId,
    groups: world.groupIds[first],
    privateAddresses: [instance?.privateIp],
    ipv6Addresses: [expect.stringContaining(':')],
    publicAddress: instance?.publicIp,
    deviceIndex: 0,
  });
  expect(instance?.publicIp).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  expect(of(second)).not.toHaveProperty('publicAddress');
  expect(of(managed)).toMatchObject({ requester: 'amazon-eks', deviceIndex: 2 });
  const listed = (await gateway.interfaces(world.instanceId)).readings;
  const shown = (await gateway.instance(world.instanceId))?.interfaces;
  const tracking = { tcpEstablished: 60, udpStream: 60, udpTimeout: 30 };
  expect(listed.find(({ interfaceId }) => interfaceId === second)).toMatchObject({ tracking });
  const withoutRequester = listed.map((reading) => {
    delete reading.requester;
    return reading;
  });
  expect(shown).toEqual(withoutRequester);
});

test('an instance on demand: its volumes and its metadata service', async () => {
  const { world, instance } = await readings({});
  expect(instance).not.toHaveProperty('lifecycle');
  expect(instance).toMatchObject({
    rootDeviceType: 'ebs',
    metadata: { endpoint: 'enabled', tokens: 'optional', hopLimit: 1, pending: false },
    volumes: [
      { device: '/dev/sda1', volumeId: world.volumeIds[0], deleteOnTermination: true },
      { device: '/dev/sdf', volumeId: world.volumeIds[1], deleteOnTermination: false },
    ],
    volumeIds: world.volumeIds,
  });
});

test('a Spot instance that has not taken its metadata options', async () => {
  const { instance } = await readings({ spot: true, tags: { 'lab:metadata': 'pending' } });
  expect(instance).toMatchObject({ lifecycle: 'spot', metadata: { pending: true } });
});

test('the primary private address comes first, whatever the order in the answer', () => {
  const [reading] = interfaceReading({
    NetworkInterfaceId: 'eni-1',
    PrivateIpAddresses: [
      { PrivateIpAddress: '10.0.0.2', Primary: false },
      { PrivateIpAddress: '10.0.0.1', Primary: true },
    ],
  });
  expect(reading?.privateAddresses).toEqual(['10.0.0.1', '10.0.0.2']);
});
