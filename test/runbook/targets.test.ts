/** One event, several instances: each gets its own decision and its own incident. */
import { expect, test } from '@jest/globals';
import type { BusEvent } from '../../src/lab/event-bus.ts';
import { createWorld, type World } from '../../src/lab/world.ts';
import { incidentRoom, isWrite, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { run } from '../support/responder.ts';
import { sequenceOf } from '../support/sequence.ts';

const local = useLocalAws();
const all = (respond: string) => `rules: [{ id: all, when: { source: guardduty }, respond: ${respond} }]`;
const TARGET_WRITES = /^(Modify|Associate|Disassociate|Replace|CreateSnapshot|CreateSecurityGroup)/;

async function twoVictims(tags: Record<string, string> = {}) {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 1, volumes: 1 });
  const second = await createWorld({ endpoint: room.account.endpoint, interfaces: 1, volumes: 1, tags });
  return { room, second, event: sequence(room.world, [room.world, second]) };
}

/** An attack sequence against the worlds' instances. */
function sequence(place: World, worlds: World[], more: object[] = []): BusEvent {
  const instances = worlds.map(({ instanceId }) => instanceId);
  return sequenceOf(place, instances, more);
}

function writesOn(room: IncidentRoom, from: number): string[] {
  return room.calls(from).filter((operation) => TARGET_WRITES.test(operation));
}

test('notify: each instance is told of, nothing is claimed and nothing changed', async () => {
  const { room, second, event } = await twoVictims();
  const start = room.account.proxy.calls.length;
  const incidents = await run(room, event, { policy: all('notify') });
  expect(incidents.map(({ status, target }) => [target.instanceId, status])).toEqual([
    [room.world.instanceId, 'notified'],
    [second.instanceId, 'notified'],
  ]);
  expect(new Set(incidents.map(({ incidentId }) => incidentId)).size).toBe(2);
  expect(room.calls(start).filter((operation) => operation === 'Publish')).toHaveLength(2);
  expect(writesOn(room, start)).toEqual([]);
  expect(await room.messages()).toHaveLength(2);
});

test('ignore: AWS is not asked anything', async () => {
  const { room, event } = await twoVictims();
  const start = room.account.proxy.calls.length;
  const incidents = await run(room, event, { policy: all('ignore') });
  expect(incidents.map(({ status }) => status)).toEqual(['ignored', 'ignored']);
  expect(room.calls(start)).toEqual([]);
});

test('each target has its own decision: one is ignored by its tag, the other quarantined', async () => {
  const { room, second, event } = await twoVictims({ lab: 'yes' });
  const policy =
    'rules: [{ id: lab, when: { tags: lab=yes }, respond: ignore }, { id: all, when: {}, respond: quarantine }]';
  const incidents = await run(room, event, { policy });
  const status = new Map(incidents.map((incident) => [incident.target.instanceId, incident]));
  expect(status.get(room.world.instanceId)).toMatchObject({ status: 'quarantined', isolation: { verified: true } });
  expect(status.get(second.instanceId)).toMatchObject({ decision: { response: 'ignore', rule: 'lab' }, changes: [] });
});

test('a member that cannot be believed is left out, the others are responded to', async () => {
  const { room } = await twoVictims();
  const stranger = { uid: 'i-0fed09876abc54321', resourceType: 'EC2_INSTANCE', accountId: '999988887777' };
  const event = sequence(room.world, [room.world], [stranger]);
  const incidents = await run(room, event, { policy: all('notify') });
  expect(incidents.map(({ target }) => target.instanceId)).toEqual([room.world.instanceId]);
  expect(incidents[0]?.finding.refused).toMatchObject([{ account: '999988887777' }]);
});

test('a dry run that is asked for changes nothing, whatever the mode', async () => {
  const { room, event } = await twoVictims();
  const start = room.account.proxy.calls.length;
  const incidents = await run(room, event, { policy: all('quarantine'), dryRun: true });
  for (const { status, decision } of incidents) {
    expect(status).toBe('notified');
    expect(decision).toMatchObject({ response: 'quarantine', dryRun: true });
    expect(decision.reasons.at(-1)).toBe('Dry run: asked for.');
  }
  expect(new Set(room.calls(start).filter(isWrite))).toEqual(new Set(['PutObject', 'Publish']));
});
