/** What the release function answers, and logs, where nothing is begun. */
import { expect, test } from '@jest/globals';
import { createReleaser } from '../../src/handlers/release.ts';
import { execute, memoryStore, type DurableHandler } from '../../src/runbook/engine.ts';
import type { Telemetry } from '../../src/runbook/outside.ts';
import { incidentRoom, patientBudgets, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

async function inLambda(room: IncidentRoom, payload: object): Promise<{ answer: unknown; lines: unknown[] }> {
  Object.assign(process.env, room.env);
  const lines: unknown[] = [];
  const telemetry: Telemetry = {
    line: (level, message, fields) => void lines.push([level, message, fields]),
    measure: () => {},
  };
  const handler = createReleaser({ budgets: patientBudgets, env: room.env, telemetry }) as unknown as DurableHandler;
  const { account, region } = room.world;
  const arn = `arn:aws:lambda:${region}:${account}:function:secresponse-dev-release:1/durable-execution/a/b`;
  const answer = await execute(handler, payload, { store: memoryStore(), account, region, arn });
  return { answer, lines };
}

test.each<[string, object, string]>([
  ['an incident that there is not', { incident_id: 'inc-mistyped', reason: 'clean' }, 'there is no incident'],
  ['no instance id', { instance_id: 'web-7', reason: 'clean' }, 'instance_id'],
  ['no reason', { incident_id: 'inc-1' }, 'reason'],
])('%s: refused with a line in the log, and no failed execution that alarms', async (_what, payload, why) => {
  const room = await incidentRoom(await local.newAccount());
  const { answer, lines } = await inLambda(room, payload);
  expect(answer).toEqual({ refused: expect.stringContaining(why) });
  expect(lines).toEqual([['warn', 'release refused', { incidentId: 'none', refused: expect.stringContaining(why) }]]);
});

test('a ledger that cannot be asked: the execution fails, since nobody knows what is contained', async () => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ operation: 'GetItem', kind: 'denied' });
  await expect(inLambda(room, { incident_id: 'inc-1', reason: 'clean' })).rejects.toThrow('could not be read');
});
