/** What every action of the registry keeps to: read, plan, write, no-op, verify, drift, release. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type Aws } from '../src/aws/connect.ts';
import type { ActionContext } from '../src/containment/action.ts';
import { actions } from '../src/containment/index.ts';
import { BASE } from '../src/policy/policy.ts';
import type { Json } from '../src/runbook/incident.ts';
import { undoOf } from '../src/runbook/release-plan.ts';
import { isWrite, patientBudgets } from './support/incident-room.ts';
import { useLocalAws } from './support/local-aws.ts';
import { wholeWorld, type WholeWorld } from './support/whole-world.ts';

const local = useLocalAws();
let room: WholeWorld;
let aws: Aws;
let context: ActionContext;

beforeAll(async () => {
  room = await wholeWorld(await local.newAccount());
  const { account, region, instanceId } = room.world;
  const { bucket, topicArn, table } = room.deployment;
  aws = connect(
    { account, region },
    { bucket, topicArn, table, homeRegion: region, sessions: { kind: 'direct' } },
    patientBudgets,
    { endpoint: room.account.endpoint, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } },
  );
  context = {
    target: { account, region, instanceId },
    incidentId: 'inc-contract',
    readMs: patientBudgets.readMs,
    containment: BASE.containment,
  };
});

test('names are unique, and every action says what it needs', () => {
  expect(new Set(actions.map(({ name }) => name)).size).toBe(actions.length);
  for (const { permissions, title } of actions) {
    expect(permissions.length).toBeGreaterThan(0);
    for (const permission of permissions) expect(permission).toMatch(/^[a-z0-9-]+:[A-Za-z]+$/);
    expect(title).not.toBe('');
  }
});

const jsonSafe = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;

// One after the other on one victim: none may lean on another's absence.
describe.each(actions.map((action) => ({ name: action.name, action })))('$name', ({ action }) => {
  let from: Json;
  let to: Json;

  test('reads without changing anything, and plans the same from the same reading', async () => {
    const start = room.account.proxy.calls.length;
    const reading = await action.read(aws, context, null);
    expect(jsonSafe(reading)).toEqual(reading);
    expect(room.calls(start).filter(isWrite)).toEqual([]);
    const again = await action.read(aws, context, null);
    expect(action.same(reading, again)).toBe(true);
    expect(action.desired(reading, null, context)).toEqual(action.desired(jsonSafe(reading), null, context));
    expect(action.same(reading, action.desired(reading, null, context))).toBe(action.name === 'shutdown-behavior');
  });

  test('writes, which a second reading shows; written again it changes nothing; `from` stays the first', async () => {
    const reading = await action.read(aws, context, null);
    const found = (await action.find?.(aws, context)) ?? null;
    from = action.keep(undefined, reading, found);
    const prepared = (await action.prepare?.(aws, context, reading, found)) ?? found;
    to = action.desired(reading, prepared, context);
    await action.write(aws, context, reading, to);
    const after = await action.read(aws, context, from);
    expect(action.same(after, action.desired(after, prepared, context))).toBe(true);
    expect((await action.inspect?.(aws, context, after, prepared)) ?? []).toEqual([]);
    await action.write(aws, context, after, action.desired(after, prepared, context));
    expect(action.same(await action.read(aws, context, from), after)).toBe(true);
    expect(action.keep(from, after, prepared)).toEqual(from);
    expect(action.describe(from, to)).not.toBe('');
  });

  test('sees what somebody puts back as drift, and brings it about again', async () => {
    if (action.name === 'shutdown-behavior') return expect(action.idle(from, context)).not.toBeNull();
    const contained = await action.read(aws, context, from);
    const found = (await action.find?.(aws, context)) ?? null;
    const change = { action: action.name, status: 'done', from, to, verified: true, description: '', at: 'x' } as const;
    const undo = undoOf(action, context, { from, change }, { ok: true, value: { state: contained, found } }, null);
    await action.write(aws, context, contained, undo.to);
    const drifted = await action.read(aws, context, from);
    expect(action.same(drifted, action.desired(drifted, found, context))).toBe(false);
    await action.write(aws, context, drifted, action.desired(drifted, found, context));
    const again = await action.read(aws, context, from);
    expect(action.same(again, action.desired(again, found, context))).toBe(true);
  });

  test('is released to what was read first, and a second release finds nothing to do', async () => {
    const undo = async () => {
      const [state, found] = await Promise.all([action.read(aws, context, from), action.find?.(aws, context) ?? null]);
      const change = {
        action: action.name,
        status: 'done',
        from,
        to,
        verified: true,
        description: '',
        at: 'x',
      } as const;
      return undoOf(action, context, { from, change }, { ok: true, value: { state, found } }, null);
    };
    const { from: now, to: back, lost } = await undo();
    await action.write(aws, context, now, back);
    expect(lost).toEqual([]);
    expect(action.same(await action.read(aws, context, from), from)).toBe(true);
    expect((await undo()).skip).toBe('it is so already');
  });
});
