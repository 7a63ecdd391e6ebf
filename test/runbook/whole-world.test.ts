/** Everything that containment touches, at once: all of it holds for the target, nothing changes for its sibling, all comes back. */
import type { Instance } from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import { actions } from '../../src/containment/index.ts';
import { scalingGroup, targetStates } from '../../src/lab/fleet.ts';
import { isIsolated } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { release } from '../support/releaser.ts';
import { denialOf, wholeWorld } from '../support/whole-world.ts';

const local = useLocalAws();

test('all of it holds, the sibling is as before, and after the release a full reading equals the first', async () => {
  const room = await wholeWorld(await local.newAccount());
  const { world, siblingId, targetGroups, group } = room;
  const place = { endpoint: room.account.endpoint, region: world.region };
  const [before, sibling] = [await room.everything(world.instanceId), await room.everything(siblingId)];
  const capacity = (await scalingGroup(place, group))?.desired;

  const incident = await room.respond(room.event());
  expect(incident).toMatchObject({ status: 'quarantined', failures: [] });
  expect(incident.changes.map(({ action, verified }) => [action, verified])).toEqual(
    actions.map(({ name }) => [name, true]),
  );
  expect(isIsolated(await room.reading(), world)).toBe(true);
  const now = (await room.everything(world.instanceId)) as { instance: Instance };
  const during = JSON.stringify(now);
  expect(during).toContain('"DisableApiTermination":{"Value":true}');
  expect(during).toContain('"DisableApiStop":{"Value":true}');
  expect(during).toContain('"InstanceInitiatedShutdownBehavior":{"Value":"stop"}');
  expect(now.instance.BlockDeviceMappings?.map(({ Ebs }) => Ebs?.DeleteOnTermination)).toEqual(Array(4).fill(false));
  expect(during).toContain('"HttpEndpoint":"disabled"');
  expect(during).toContain('"TcpEstablishedTimeout":60');
  expect(during).not.toContain('"associated":true');
  expect((await scalingGroup(place, group))?.members[world.instanceId]).toBe('Standby');
  for (const arn of targetGroups)
    expect((await targetStates(place, arn)).filter((state) => !state.includes('draining'))).toEqual(
      (await targetStates(place, arn)).filter((state) => state.startsWith(siblingId)),
    );
  const denial = (await denialOf(room)) ?? '';
  expect(denial).toContain(world.instanceId);
  expect(denial).not.toContain(siblingId);
  expect(denial).not.toContain('NotAction');
  expect(incident.isolation?.flows).toContain('IPv6');
  const after = await room.everything(siblingId);
  expect({ ...after, rolePolicies: null, addresses: null }).toEqual({
    ...sibling,
    rolePolicies: null,
    addresses: null,
  });

  const released = await release(room, { incident_id: incident.incidentId, reason: 'a rehearsal' });
  expect(released).toMatchObject({ status: 'released', failures: [] });
  expect(await room.everything(world.instanceId)).toEqual(before);
  expect(await room.everything(siblingId)).toEqual(sibling);
  // A replacement was launched: that there is one more now is told, not forced back.
  expect((await scalingGroup(place, group))?.desired).toBeGreaterThan(capacity ?? 0);
  expect(released.changes.find(({ action }) => action === 'auto-scaling')?.reason).toMatch(/one more|capacity/i);
}, 60_000);
