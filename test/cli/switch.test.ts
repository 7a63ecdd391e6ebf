/** The kill switch, decisions and closing as a person types them. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { run } from '../../src/cli/main.ts';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import { budgetsFor } from '../support/budgets.ts';
import { incidentRoom, isIsolated, ledgerOf, stolen, type IncidentRoom } from '../support/incident-room.ts';
import { spawned } from '../support/killed.ts';
import { listenToStates } from '../support/listen.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { release } from '../support/releaser.ts';
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
  const env = { ...room.env, SECRESPONSE_BUDGETS: JSON.stringify(budgetsFor(room.account)) };
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

test.each<[string, { env?: Record<string, string>; policy?: string }, RegExp]>([
  ['an environment that only observes', { env: { SECRESPONSE_MODE: 'observe' } }, /deployment observes only/],
  ['policies of another folder', { policy: 'version: 1\nmode: enforce\nrules: []\n' }, /No rule of the policy matches/],
])('approve under %s isolates nothing: it is refused, and the request stays', async (_what, { env, policy }, why) => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(stolen(room));
  const other = scratchFolder();
  writeFileSync(join(other, 'default.yml'), policy ?? readFileSync('policies/default.yml'));
  const kept = { ...room.env };
  Object.assign(room.env, env);
  const refused = await type(room, 'approve', incidentId, '--reason', 'x', '--policies', other);
  expect(refused).toMatchObject({ code: 2, out: '', err: expect.stringMatching(why) });
  expect(refused.err.trimEnd().split('\n')).toHaveLength(1);
  expect(await type(room, 'deny', incidentId, '--reason', 'x', '--policies', other)).toMatchObject({
    code: 2,
    err: expect.stringContaining('of use to approve only'),
  });
  for (const name of Object.keys(env ?? {})) delete room.env[name];
  Object.assign(room.env, kept);
  expect((await type(room, 'approve', incidentId, '--reason', 'looked at it')).code).toBe(0);
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
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

describe('an answer of which nobody knows what came', () => {
  test.each([
    ['UpdateItem', 1, 'here'], // the answer itself
    ['UpdateItem', 2, 'elsewhere'], // the claim
    ['ModifyNetworkInterfaceAttribute', 1, 'here'],
    ['ModifyNetworkInterfaceAttribute', 1, 'elsewhere'],
    ['Publish', 1, 'here'],
  ] as const)(
    'approve, killed at %s (%i) and typed again %s: to its end',
    async (operation, nth, where) => {
      const room = await incidentRoom(await local.newAccount({ latencyMs: 30 }));
      const { incidentId } = await room.respond(stolen(room));
      const cwd = folder();
      const budgets = { leaseMs: 1_500 };
      const args = (reason: string) => ['approve', incidentId, '--reason', reason, '--json'];
      await spawned(room, cwd, args('looked at it'), { killAt: { operation, nth }, budgets });
      const again = await spawned(room, where === 'here' ? cwd : folder(), args('typed again'), { budgets });
      expect(again.code).toBe(0);
      // The answer may have got lost with the process; one that stands is the one that counts.
      const reason = nth === 1 && operation === 'UpdateItem' ? expect.any(String) : 'looked at it';
      const [incident] = (JSON.parse(again.out) as { incidents: IncidentResult[] }).incidents;
      expect(incident).toMatchObject({
        incidentId,
        status: 'quarantined',
        approval: { state: 'approved', reason },
      });
      expect(isIsolated(await room.reading(), room.world)).toBe(true);
      expect(await type(room, 'approve', incidentId, '--reason', 'x')).toMatchObject({
        code: 2,
        err: expect.stringContaining('nothing is asked'),
      });
    },
    60_000,
  );

  test('approve whose run fails: told how to go on, and it goes on', async () => {
    const room = await incidentRoom(await local.newAccount());
    const { incidentId } = await room.respond(stolen(room));
    const cwd = folder();
    // What a run of a command cannot do without.
    writeFileSync(join(cwd, '.secresponse'), 'no folder');
    const args = ['approve', incidentId, '--reason', 'looked at it', '--json'];
    const failed = await spawned(room, cwd, args);
    expect(failed.code).not.toBe(0);
    expect(failed.err).toContain(`npx secresponse approve ${incidentId}`);
    expect(isIsolated(await room.reading(), room.world)).toBe(false);
    const again = await type(room, ...args);
    expect(incidentsOf(again)).toMatchObject([{ status: 'quarantined', approval: { reason: 'looked at it' } }]);
  }, 60_000);

  test('deny: only deny goes on with it, in the words that were given', async () => {
    const room = await incidentRoom(await local.newAccount());
    const { incidentId } = await room.respond(stolen(room));
    const book = ledgerOf(room);
    const { token = '' } = (await book.pending(incidentId)) ?? {};
    const given = {
      id: 'one',
      decision: 'deny',
      by: 'mia',
      reason: 'a drill',
      at: '2026-01-02T03:04:05.000Z',
    } as const;
    await book.decide(incidentId, token, given.id, given);
    const other = await type(room, 'approve', incidentId, '--reason', 'x');
    expect(other).toMatchObject({ code: 2, err: expect.stringContaining(`npx secresponse deny ${incidentId}`) });
    expect(isIsolated(await room.reading(), room.world)).toBe(false);
    const denied = await type(room, 'deny', incidentId, '--reason', 'typed again', '--json');
    const approval = { state: 'denied', by: 'mia', reason: 'a drill', decidedAt: given.at };
    expect(incidentsOf(denied)).toMatchObject([{ status: 'collected', approval }]);
    expect(await type(room, 'deny', incidentId, '--reason', 'x')).toMatchObject({ code: 2 });
  });

  test('that cannot be written down: nothing is done', async () => {
    const room = await incidentRoom(await local.newAccount());
    const { incidentId } = await room.respond(stolen(room));
    room.account.proxy.fault({ operation: 'UpdateItem', kind: 'denied', including: 'given' });
    expect(await type(room, 'approve', incidentId, '--reason', 'x')).toMatchObject({ code: 2 });
    room.account.proxy.clear();
    expect(isIsolated(await room.reading(), room.world)).toBe(false);
    expect((await type(room, 'approve', incidentId, '--reason', 'x')).code).toBe(0);
  });

  test('a release ends it: nothing is asked any more', async () => {
    const room = await incidentRoom(await local.newAccount());
    const { incidentId } = await room.respond(stolen(room));
    const book = ledgerOf(room);
    const { token = '' } = (await book.pending(incidentId)) ?? {};
    const given = { id: 'one', decision: 'approve', by: 'mia', reason: 'x', at: '2026-01-02T03:04:05.000Z' } as const;
    await book.decide(incidentId, token, given.id, given);
    expect(await book.pending(incidentId)).toMatchObject({ given });
    await release(room, { incident_id: incidentId, reason: 'false alarm' });
    expect(await book.pending(incidentId)).toBeNull();
  });
});

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
