/** What must not be believed: an empty reading, an incomplete one, an incident that no longer holds. */
import { expect, test } from '@jest/globals';
import { EC2Client, ModifyNetworkInterfaceAttributeCommand } from '@aws-sdk/client-ec2';
import { labConfig } from '../../src/lab/client.ts';
import { incidentRoom, isIsolated } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

test('an instance that AWS does not know is never said to be isolated', async () => {
  const room = await incidentRoom(await local.newAccount());
  const incident = await room.respond({ instance_id: 'i-0123456789abcdef0' });
  expect(incident).toMatchObject({ status: 'failed', isolation: { verified: false, secondsToIsolation: null } });
  expect(incident.failures.join()).toContain('AWS knows no such instance');
  const [message] = await room.messages();
  expect(message?.body).not.toMatch(/quarantined/i);
});

test('told to isolate an instance whose isolation somebody has undone by hand, it isolates it again', async () => {
  const room = await incidentRoom(await local.newAccount());
  const first = await room.respond(room.event());
  const ec2 = new EC2Client(labConfig({ endpoint: room.account.endpoint }));
  for (const [NetworkInterfaceId, Groups] of Object.entries(room.world.groupIds))
    await ec2.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId, Groups }));
  const again = await room.respond(room.event(({ detail }) => void (detail.id = 'another')));
  expect(again).toMatchObject({ status: 'quarantined', incidentId: first.incidentId });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  expect((await room.reading()).snapshots).toHaveLength(2);
});

test('a run whose claim failed is in the ledger all the same: the next finding joins it', async () => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ operation: 'UpdateItem', kind: 'denied', times: 1 });
  const first = await room.respond(room.event());
  expect(first.status).toBe('quarantined');
  expect(first.failures.join()).toContain('could not be claimed');
  const second = await room.respond(room.event(({ detail }) => void (detail.id = 'another')));
  expect(second).toMatchObject({ status: 'joined', incidentId: first.incidentId });
});
