/** What runs tell the outside beside responses: releases, drift, the canary; and that a person's command tells nothing. */
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { expect, test } from '@jest/globals';
import { loadPolicies } from '../../src/cli/policies-dir.ts';
import { CANARY_TYPE } from '../../src/finding/canary.ts';
import { createReleaser } from '../../src/handlers/release.ts';
import { createResponder } from '../../src/handlers/responder.ts';
import { labConfig } from '../../src/lab/client.ts';
import type { Fields } from '../../src/notify/log-fields.ts';
import { responseFields, shown } from '../../src/notify/log-fields.ts';
import type { Measures } from '../../src/notify/measures.ts';
import { stateEventSchema } from '../../src/notify/state-event-schema.ts';
import { DRIFT_CHECK } from '../../src/runbook/drift-check.ts';
import { execute, memoryStore, type DurableHandler } from '../../src/runbook/engine.ts';
import type { Telemetry } from '../../src/runbook/outside.ts';
import { budgetsFor } from '../support/budgets.ts';
import { holdIncident } from '../support/held.ts';
import { incidentRoom, type Detail, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { setGroups } from '../support/releaser.ts';

const local = useLocalAws();

interface Recorded {
  telemetry: Telemetry;
  lines: { level: string; message: string; fields: Fields }[];
  measures: (Measures & { incidentId: string; status?: string })[];
}

function recorder(): Recorded {
  const [lines, measures]: [Recorded['lines'], Recorded['measures']] = [[], []];
  return {
    lines,
    measures,
    telemetry: {
      line: (level, message, fields) => void lines.push({ level, message, fields }),
      measure: (values, about) => void measures.push({ ...values, ...about }),
    },
  };
}

/** Runs the responder as a Lambda would be seen. */
async function run(room: IncidentRoom, event: unknown, telemetry?: Telemetry): Promise<unknown> {
  Object.assign(process.env, room.env);
  const { policies } = loadPolicies(process.cwd());
  const handler = createResponder({
    policies,
    budgets: budgetsFor(room.account),
    env: room.env,
    ...(telemetry ? { telemetry } : {}),
  }) as unknown as DurableHandler;
  const { account, region } = room.world;
  return execute(handler, event, { store: memoryStore(), account, region });
}

/** Details of the events about incidents, as a rule of somebody else's hears them. */
async function hearing(room: IncidentRoom): Promise<unknown[]> {
  const events = new EventBridgeClient(labConfig({ endpoint: room.account.endpoint, region: room.world.region }));
  await events.send(new PutRuleCommand({ Name: 'states', EventPattern: JSON.stringify({ source: ['secresponse'] }) }));
  const Arn = `arn:aws:lambda:${room.world.region}:${room.world.account}:function:follower`;
  await events.send(new PutTargetsCommand({ Rule: 'states', Targets: [{ Id: 'follower', Arn }] }));
  const details: unknown[] = [];
  room.account.onDelivery(({ event }) => void details.push((event as { detail: unknown }).detail));
  return details;
}

/** The bus delivers in its own time. */
async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds() && tries < 200; tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
}

test('a drift is an event once, a warning at every look, and counted as not isolated while it lasts', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  const details = await hearing(room);
  const [id = ''] = room.world.interfaceIds;
  await setGroups(room, id, room.world.groupIds[id] ?? []);

  const first = recorder();
  await run(room, { ...DRIFT_CHECK }, first.telemetry);
  expect(first.lines).toMatchObject([
    { level: 'warn', fields: { incidentId, contained: false, drift: ['quarantine-network'], notification: 'done' } },
  ]);
  expect(first.measures).toEqual([{ incidentId, UnverifiedIsolation: 1, DriftFound: 1 }]);

  const second = recorder();
  await run(room, { ...DRIFT_CHECK }, second.telemetry);
  expect(second.lines).toMatchObject([{ level: 'warn', fields: { incidentId, contained: false } }]);
  expect(second.measures).toEqual([{ incidentId, UnverifiedIsolation: 1 }]);

  await until(() => details.length > 0);
  expect(details).toMatchObject([{ state: 'drift', incidentId, instanceId: room.world.instanceId }]);
  expect(stateEventSchema.safeParse(details[0]).error).toBeUndefined();
}, 60_000);

test('what is contained and was told leaves nothing at a look by the clock', async () => {
  const room = await incidentRoom(await local.newAccount());
  await room.respond(room.event());
  const seen = recorder();
  await run(room, { ...DRIFT_CHECK }, seen.telemetry);
  expect([seen.lines, seen.measures]).toEqual([[], []]);
}, 60_000);

test('a run that holds its incident long after its lease is told and counted at every look; one at work is not', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  const hour = 3_600_000;
  const counted = async (until: number) => {
    await holdIncident.until(room, until);
    const seen = recorder();
    await run(room, { ...DRIFT_CHECK }, seen.telemetry);
    return seen.measures.filter((measures) => 'RunsOverdue' in measures);
  };
  expect(await counted(Date.now() + hour)).toEqual([]);
  // A host may be collected from for longer than the lease.
  expect(await counted(Date.now() - hour / 2)).toEqual([]);
  expect(await counted(Date.now() - 2 * hour)).toEqual([{ incidentId, RunsOverdue: 1 }]);
  expect(await counted(Date.now() - 48 * hour)).toEqual([{ incidentId, RunsOverdue: 1 }]);
}, 60_000);

test("a release is an event and a line, without the person's words", async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  const details = await hearing(room);
  const seen = recorder();
  const handler = createReleaser({
    budgets: budgetsFor(room.account),
    env: room.env,
    telemetry: seen.telemetry,
  }) as unknown as DurableHandler;
  const { account, region } = room.world;
  const payload = { incident_id: incidentId, reason: 'hush-reason' };
  await execute(handler, payload, { store: memoryStore(), account, region });
  expect(seen.lines).toMatchObject([{ level: 'info', message: 'release released', fields: { incidentId } }]);
  expect(JSON.stringify(seen)).not.toContain('hush-reason');
  await until(() => details.length > 0);
  expect(details).toMatchObject([{ state: 'released', incidentId }]);
  expect(stateEventSchema.safeParse(details[0]).error).toBeUndefined();
  expect(JSON.stringify(details)).not.toContain('hush-reason');
}, 60_000);

function sample(room: IncidentRoom, type: string, sample = true) {
  return room.event(({ detail }: { detail: Detail }) => {
    detail.type = type;
    detail.service.additionalInfo = { value: JSON.stringify({ sample }), type: 'default' };
  });
}

test('the canary is decided, counted, and nobody is told; nothing is read or written for it', async () => {
  const room = await incidentRoom(await local.newAccount());
  const seen = recorder();
  const start = room.account.proxy.calls.length;
  expect(await run(room, sample(room, CANARY_TYPE), seen.telemetry)).toMatchObject({
    canary: { decisions: [{ response: 'quarantine', rule: 'high-severity', dryRun: true }] },
  });
  expect(seen.measures).toEqual([{ CanarySeen: 1, incidentId: 'none' }]);
  expect(seen.lines).toMatchObject([{ level: 'info', message: 'canary seen' }]);
  expect(room.calls(start)).toEqual([]);
  expect(await room.messages()).toEqual([]);
});

test.each<[string, string, boolean, string]>([
  ["a person's sample of another type is told", 'Trojan:EC2/DropPoint', true, 'notified'],
  ['a real finding of its type is answered', CANARY_TYPE, false, 'quarantined'],
])(
  '%s',
  async (_, type, isSample, status) => {
    const room = await incidentRoom(await local.newAccount());
    const seen = recorder();
    expect(await run(room, sample(room, type, isSample), seen.telemetry)).toMatchObject({ incidents: [{ status }] });
    expect(await room.messages()).toHaveLength(1);
    expect(seen.measures).toContainEqual(expect.objectContaining({ Incidents: 1, status }));
    expect(seen.measures).not.toContainEqual(expect.objectContaining({ CanarySeen: 1 }));
  },
  60_000,
);

test("a person's command tells as ever, also of the canary's sample, and puts no event", async () => {
  const room = await incidentRoom(await local.newAccount());
  const start = room.account.proxy.calls.length;
  expect(await run(room, sample(room, CANARY_TYPE))).toMatchObject({ incidents: [{ status: 'notified' }] });
  expect(await room.messages()).toHaveLength(1);
  expect(room.calls(start)).not.toContain('PutEvents');
}, 60_000);

test('what ends in a signature is cut off where it begins', () => {
  expect(shown('PUT https://b.s3.amazonaws.com/k/x?X-Amz-Signature=abc&X-Amz-Credential=d was refused')).toBe(
    'PUT https://b.s3.amazonaws.com/k/x?… was refused',
  );
});

test('no line has more of a result than was picked for it', async () => {
  const room = await incidentRoom(await local.newAccount());
  const result = await room.respond(
    room.event(({ detail }) => Object.assign(detail, { title: 'hush', description: 'hush' })),
  );
  result.residualRisks.push('hush');
  result.evidence[0]!.reason = 'hush';
  result.changes[0]!.reason = 'hush';
  if (result.instance) result.instance.tags['hush'] = 'hush';
  expect(JSON.stringify(responseFields(result))).not.toContain('hush');
}, 60_000);
