/** The kill switch, decisions and closing as a person types them. */
import { cpSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { run } from '../../src/cli/main.ts';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import { incidentRoom, isIsolated, smallBudgets, stolen, type IncidentRoom } from '../support/incident-room.ts';
import { listenToStates } from '../support/listen.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { scratchFolder } from '../support/scratch.ts';

const local = useLocalAws();

interface Answer {
  code: number;
  out: string;
  err: string;
}

/** A folder with the default policy, which cuts no connections: that takes time, and is tested elsewhere. */
function folder(): string {
  const cwd = scratchFolder();
  cpSync(resolve('policies'), join(cwd, 'policies'), { recursive: true });
  return cwd;
}

async function type(room: IncidentRoom, ...args: string[]): Promise<Answer> {
  const env = { ...room.env, SECRESPONSE_BUDGETS: JSON.stringify(smallBudgets) };
  Object.assign(process.env, env);
  const answer: Answer = { code: -1, out: '', err: '' };
  answer.code = await run(args, {
    out: (text) => void (answer.out += text),
    err: (text) => void (answer.err += text),
    env,
    cwd: folder(),
  });
  return answer;
}

const incidentsOf = ({ out }: Answer) => (JSON.parse(out) as { incidents: IncidentResult[] }).incidents;

test('stopped: findings are parked and told, a person’s request runs, and replay responds to what was parked', async () => {
  const room = await incidentRoom(await local.newAccount());
  expect(await type(room, 'stop')).toMatchObject({ code: 2 });
  expect(await type(room, 'stop', '--reason', 'false positives')).toMatchObject({ code: 0 });
  const parked = await room.respond(room.event(), { lambda: true });
  expect(parked).toMatchObject({ status: 'notified', changes: [], evidence: [] });
  expect(parked.decision.reasons.join()).toContain('false positives');
  expect(isIsolated(await room.reading(), room.world)).toBe(false);
  expect((await room.messages())[0]?.body).toContain('PARKED');

  expect(await type(room, 'replay')).toMatchObject({ code: 2, err: expect.stringContaining('resume') });
  const resumed = await type(room, 'resume');
  expect(resumed.out).toContain('Parked findings: 1');
  const replayed = await type(room, 'replay', '--json');
  expect(replayed.code).toBe(0);
  expect(incidentsOf(replayed)).toMatchObject([{ status: 'quarantined' }]);
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  expect((await type(room, 'replay')).out).toContain('0 of 0 replayed');
  expect((await type(room, 'resume')).out).toContain('was not stopped');
}, 60_000);

test('stopped: a manual run isolates', async () => {
  const room = await incidentRoom(await local.newAccount());
  await type(room, 'stop', '--reason', 'drill');
  const incident = await room.respond({ instance_id: room.world.instanceId });
  expect(incident.status).toBe('quarantined');
});

test('the stop flag cannot be read: the finding is responded to', async () => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ service: 'dynamodb', operation: 'GetItem', kind: 'denied' });
  const incident = await room.respond(room.event());
  room.account.proxy.clear();
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  expect(incident.status).toBe('quarantined');
});

test('what cannot be parked is told as lost, and the run fails', async () => {
  const room = await incidentRoom(await local.newAccount());
  await type(room, 'stop', '--reason', 'drill');
  room.account.proxy.fault({ operation: 'UpdateItem', kind: 'denied', including: 'parkedAt' });
  const incident = await room.respond(room.event(), { lambda: true });
  expect(incident.status).toBe('failed');
  expect(incident.failures.join()).toContain('could not be parked');
  expect((await room.messages())[0]?.body).toContain('LOST');
});

test('approve: what waits for nobody is carried out from here, once', async () => {
  const room = await incidentRoom(await local.newAccount());
  const heard = await listenToStates(room);
  const { incidentId } = await room.respond(stolen(room));
  expect(await type(room, 'approve', incidentId)).toMatchObject({ code: 2, err: expect.stringContaining('--reason') });
  const answer = await type(room, 'approve', incidentId, '--reason', 'looked at it', '--json');
  expect(answer.code).toBe(0);
  const [incident] = incidentsOf(answer);
  expect(incident).toMatchObject({
    incidentId,
    status: 'quarantined',
    approval: { state: 'approved', reason: 'looked at it', by: expect.stringContaining('arn:aws:') },
  });
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  expect(await heard()).toEqual([`approved ${incidentId}`, `quarantined ${incidentId}`]);
  const again = await type(room, 'approve', incidentId, '--reason', 'twice');
  expect(again).toMatchObject({ code: 2, err: expect.stringContaining('nothing is asked') });
}, 60_000);

test('deny: told, left as it is; then closed, and what was seen before starts nothing', async () => {
  const room = await incidentRoom(await local.newAccount());
  const heard = await listenToStates(room);
  const { incidentId } = await room.respond(stolen(room));
  const denied = await type(room, 'deny', incidentId, '--reason', 'a drill', '--json');
  expect(incidentsOf(denied)).toMatchObject([{ status: 'collected', approval: { state: 'denied' } }]);
  expect(isIsolated(await room.reading(), room.world)).toBe(false);
  expect(await room.respond(room.event())).toMatchObject({ status: 'joined', incidentId });

  expect(await type(room, 'close', incidentId)).toMatchObject({ code: 2 });
  expect(await type(room, 'close', incidentId, '--reason', 'done')).toMatchObject({ code: 0, err: '' });
  expect(await type(room, 'close', incidentId, '--reason', 'done')).toMatchObject({ code: 2 });
  expect(await heard()).toEqual([`denied ${incidentId}`, `closed ${incidentId}`]);
  expect((await room.respond(room.event())).status).toBe('ignored');
  const later = room.event(({ detail }) => void (detail.updatedAt = new Date(Date.now() + 60_000).toISOString()));
  const anew = await room.respond(later);
  expect(anew.status).toBe('quarantined');
  expect(anew.incidentId).not.toBe(incidentId);
}, 60_000);

test('whoever may not put events closes all the same, and is told', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(stolen(room));
  room.account.proxy.fault({ operation: 'PutEvents', kind: 'denied' });
  const closed = await type(room, 'close', incidentId, '--reason', 'done', '--json');
  expect(closed).toMatchObject({ code: 0, out: expect.stringContaining('"status": "closed"') });
  expect(closed.err).toMatch(/^Other systems were not told \(incident closed\): .*AccessDenied.*\n$/);
});

test('an incident that is not known: one line, exit code 2', async () => {
  const room = await incidentRoom(await local.newAccount());
  for (const name of ['approve', 'deny', 'close']) {
    const answer = await type(room, name, 'inc-0000000000000000', '--reason', 'x');
    expect(answer).toMatchObject({ code: 2, out: '' });
    expect(answer.err).toMatch(/^secresponse \w+: .+\n$/);
  }
});
