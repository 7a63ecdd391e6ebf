/** Every change of an incident's state is an event for other systems, whichever way it comes about, and once. */
import { expect, test } from '@jest/globals';
import { EC2Client, ModifyInstanceAttributeCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { createReleaser } from '../../src/handlers/release.ts';
import { createResponder } from '../../src/handlers/responder.ts';
import { labConfig } from '../../src/lab/client.ts';
import { DRIFT_CHECK } from '../../src/runbook/drift-check.ts';
import { execute, memoryStore, type CallbackAnswer, type DurableHandler } from '../../src/runbook/engine.ts';
import type { Telemetry } from '../../src/runbook/outside.ts';
import { budgetsFor } from '../support/budgets.ts';
import { answerOf, incidentRoom, smallBudgets, stolen, type IncidentRoom } from '../support/incident-room.ts';
import { listenToStates } from '../support/listen.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { quickPolicies } from '../support/quick-policies.ts';
import { aDayLater, ledger } from '../support/releaser.ts';

const local = useLocalAws();

/** Puts events, and keeps what could not be put. */
function outside(): Telemetry & { lost: unknown[] } {
  const lost: unknown[] = [];
  return { lost, line: (_level, _message, { stateEvent }) => void (stateEvent === undefined || lost.push(stateEvent)) };
}

const telemetry = outside();

async function room(): Promise<{ room: IncidentRoom; heard: () => Promise<string[]> }> {
  const made = await incidentRoom(await local.newAccount());
  return { room: made, heard: await listenToStates(made) };
}

const answered = (onCallback: () => Promise<CallbackAnswer>) => ({ telemetry, lambda: true, onCallback });

async function clock({ account, env, world }: IncidentRoom): Promise<void> {
  Object.assign(process.env, env);
  const handler = createResponder({
    policies: quickPolicies(),
    budgets: budgetsFor(account),
    env,
    telemetry,
  }) as unknown as DurableHandler;
  await execute(handler, { ...DRIFT_CHECK }, { store: memoryStore(), account: world.account, region: world.region });
}

const collected = (one: IncidentRoom, id = 'one') =>
  one.event(({ detail }) => Object.assign(detail, { id, severity: 5, updatedAt: new Date().toISOString() }));

test('approved: opened, asked about, approved, quarantined; joined is no change', async () => {
  const { room: one, heard } = await room();
  const { incidentId } = await one.respond(
    stolen(one),
    answered(async () => answerOf('approve')),
  );
  expect(await heard()).toEqual(
    ['opened', 'awaiting-approval', 'approved', 'quarantined'].map((state) => `${state} ${incidentId}`),
  );
  expect(await one.respond(one.event(), { telemetry })).toMatchObject({ status: 'joined' });
  expect(await heard()).toEqual([]);
}, 60_000);

test.each<[string, CallbackAnswer]>([
  ['denied', answerOf('deny')],
  ['expired', { timedOut: true }],
])(
  '%s: opened, asked about, and that',
  async (state, answer) => {
    const { room: one, heard } = await room();
    const { incidentId } = await one.respond(
      stolen(one),
      answered(async () => answer),
    );
    expect(await heard()).toEqual(['opened', 'awaiting-approval', state].map((said) => `${said} ${incidentId}`));
  },
  60_000,
);

test('an answer that comes too late changes nothing', async () => {
  const { room: one, heard } = await room();
  const { incidentId, approval } = await one.respond(
    stolen(one),
    answered(async () => {
      await one.respond(
        one.event(({ detail }) => void (detail.id = 'another')),
        { telemetry, lambda: true },
      );
      return answerOf('deny');
    }),
  );
  expect(approval?.state).toBe('superseded');
  expect(await heard()).toEqual(['opened', 'awaiting-approval', 'quarantined'].map((said) => `${said} ${incidentId}`));
}, 60_000);

test('what took evidence only is closed by the clock', async () => {
  const { room: one, heard } = await room();
  const { incidentId } = await one.respond(collected(one), { telemetry });
  expect(await heard()).toEqual([`opened ${incidentId}`, `collected ${incidentId}`]);
  await aDayLater(one);
  await clock(one);
  await clock(one);
  expect(await heard()).toEqual([`closed ${incidentId}`]);
}, 60_000);

test('or by the next finding, which opens another', async () => {
  const { room: one, heard } = await room();
  const first = await one.respond(collected(one));
  await aDayLater(one);
  const second = await one.respond(collected(one, 'two'), { telemetry });
  expect(second.incidentId).not.toBe(first.incidentId);
  expect((await heard()).toSorted()).toEqual([
    `closed ${first.incidentId}`,
    `collected ${second.incidentId}`,
    `opened ${second.incidentId}`,
  ]);
}, 60_000);

test('an instance that is gone: its drift, and the end of its incident', async () => {
  const { room: one, heard } = await room();
  const { incidentId } = await one.respond(one.event());
  const ec2 = new EC2Client(labConfig({ endpoint: one.account.endpoint, region: one.world.region }));
  const InstanceId = one.world.instanceId;
  await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }));
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [InstanceId] }));
  await clock(one);
  expect((await heard()).at(-1)).toBe(`closed ${incidentId}`);
  await clock(one);
  expect(await heard()).toEqual([]);
}, 60_000);

test.each(['endedHow', ':closed'])(
  'an end that is done in part (%s), and nobody hears of it: one event',
  async (including) => {
    const { room: one, heard } = await room();
    const { incidentId } = await one.respond(collected(one), { telemetry });
    await heard();
    await aDayLater(one);
    // The ledger does what it is asked, and nobody hears of it.
    one.account.proxy.fault({
      operation: 'UpdateItem',
      kind: 'lost-response',
      times: smallBudgets.attempts,
      including,
    });
    await clock(one);
    await clock(one);
    expect(await heard()).toEqual([`closed ${incidentId}`]);
    expect((await ledger(one)).get(`incident#${incidentId}`)).toMatchObject({ status: { S: 'closed' } });
  },
  60_000,
);

test('a release that is not through, and one that is', async () => {
  const { room: one, heard } = await room();
  const { incidentId } = await one.respond(one.event());
  const release = async () => {
    const handler = createReleaser({
      budgets: budgetsFor(one.account),
      env: one.env,
      telemetry,
    }) as unknown as DurableHandler;
    const { account, region } = one.world;
    await execute(handler, { incident_id: incidentId, reason: 'clean' }, { store: memoryStore(), account, region });
  };
  const clear = one.account.proxy.fault({ operation: 'ModifyNetworkInterfaceAttribute', kind: 'denied' });
  await release();
  expect(await heard()).toEqual([`releasing ${incidentId}`]);
  clear();
  await release();
  expect(await heard()).toEqual([`released ${incidentId}`]);
}, 60_000);

test('a bus that takes nothing keeps nothing from being done', async () => {
  const { room: one, heard } = await room();
  one.account.proxy.fault({ operation: 'PutEvents', kind: 'denied' });
  const seen = outside();
  const incident = await one.respond(one.event(), { telemetry: seen });
  expect(incident).toMatchObject({ status: 'quarantined', failures: [] });
  expect(seen.lost).toEqual([expect.stringContaining('AccessDenied'), expect.stringContaining('AccessDenied')]);
  expect(await heard()).toEqual([]);
}, 60_000);
