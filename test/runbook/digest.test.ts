/** Findings that are only told: one message for those of an hour. */
import { expect, test } from '@jest/globals';
import { digestsGateway } from '../../src/aws/digests.ts';
import { loadPolicies } from '../../src/cli/policies-dir.ts';
import { createResponder } from '../../src/handlers/responder.ts';
import { digestEntry, digestMessage } from '../../src/notify/digest.ts';
import { execute, memoryStore, type DurableHandler } from '../../src/runbook/engine.ts';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import { incidentRoom, patientBudgets, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();
const { policies } = loadPolicies(process.cwd());
const tell = {
  ...policies,
  default: { ...policies.default, rules: [{ id: 'tell', when: {}, respond: 'notify' as const }] },
};

/** As a Lambda of that name would run it. */
async function told(room: IncidentRoom, id: string, lambda: boolean): Promise<IncidentResult | undefined> {
  Object.assign(process.env, room.env);
  const handler = createResponder({ policies: tell, budgets: patientBudgets, env: room.env });
  const { account, region } = room.world;
  const result = await execute(
    handler as DurableHandler,
    room.event(({ detail }) => void (detail.id = id)),
    {
      store: memoryStore(),
      account,
      region,
      ...(lambda
        ? { arn: `arn:aws:lambda:${region}:${account}:function:responder:1/durable-execution/${id}/${id}` }
        : {}),
    },
  );
  return (result as { incidents: IncidentResult[] }).incidents[0];
}

test('the first one waits and tells them all, the others leave their entry in it', async () => {
  const room = await incidentRoom(await local.newAccount());
  const first = told(room, 'one', true);
  await new Promise((ready) => setTimeout(ready, 500));
  const [second, third] = await Promise.all([told(room, 'two', true), told(room, 'three', true)]);
  for (const guest of [second, third])
    expect(guest).toMatchObject({ status: 'notified', notification: { status: 'skipped' } });
  expect(await first).toMatchObject({
    status: 'notified',
    notification: { status: 'done' },
    changes: [],
    evidence: [],
  });
  const messages = await room.messages();
  expect(messages).toHaveLength(1);
  const { digest } = JSON.parse(messages[0]?.body ?? '{}') as { digest: { findingId: string }[] };
  expect(digest.map(({ findingId }) => findingId).toSorted()).toEqual(['one', 'three', 'two']);
  // The next one opens a digest of its own.
  expect(await told(room, 'four', true)).toMatchObject({ notification: { status: 'done' } });
});

test('a person who runs it is told at once', async () => {
  const room = await incidentRoom(await local.newAccount());
  expect(await told(room, 'one', false)).toMatchObject({ status: 'notified', notification: { status: 'done' } });
});

test('without a ledger each one is told singly: nobody else can be relied on', async () => {
  const room = await incidentRoom(await local.newAccount());
  room.account.proxy.fault({ service: 'dynamodb', operation: '*', kind: 'denied' });
  expect(await told(room, 'one', true)).toMatchObject({ status: 'notified', notification: { status: 'done' } });
});

const entry = digestEntry({
  findingId: 'f',
  type: 'PACKAGE_VULNERABILITY',
  severity: 'CRITICAL',
  title: 'CVE',
  account: '111122223333',
  region: 'eu-west-1',
  instanceId: 'i-0123456789abcdef0',
  at: '2026-01-02T03:04:05.000Z',
});

test('what an opener that died has left is told by the next one', async () => {
  const room = await incidentRoom(await local.newAccount());
  const digests = digestsGateway(room.deployment.table, {
    region: 'us-east-1',
    endpoint: room.account.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    budgets: patientBudgets,
  });
  const request = { account: '111122223333', waitMs: 1_000, graceMs: 500 };
  const at = (holder: string, now: number) =>
    digests.join({ ...request, holder, now, entry: { ...entry, findingId: `of ${holder}` } });
  expect(await at('a', 1_000)).toEqual({ role: 'opener', until: 2_000 });
  expect(await at('a', 1_001)).toEqual({ role: 'opener', until: 2_000 });
  expect(await at('b', 2_400)).toEqual({ role: 'guest', until: 2_000 });
  expect(await at('c', 2_500)).toEqual({ role: 'opener', until: 3_500 });
  expect(await digests.take('111122223333', 'a')).toEqual({ entries: [], omitted: 0 });
  const left = await digests.take('111122223333', 'c');
  expect(left.entries.map(({ findingId }) => findingId)).toEqual(['of a', 'of b', 'of c']);
  // Beyond what an item holds, findings are counted: a flood of them makes no flood of messages.
  expect(await at('opener', 10_000)).toMatchObject({ role: 'opener' });
  for (let index = 1; index < 250; index += 1) await at(`guest-${index}`, 10_001);
  for (let index = 0; index < 3; index += 1)
    expect(await at(`late-${index}`, 10_002)).toEqual({ role: 'guest', until: 11_000 });
  const full = await digests.take('111122223333', 'opener');
  expect([full.entries.length, full.omitted]).toEqual([250, 3]);
  expect(digestMessage(full.entries, 'enforce', full.omitted).text).toContain('253 findings');
});

test('a thousand entries with long texts stay within what SNS takes, and the rest is counted', () => {
  const many = Array.from({ length: 1_000 }, (_, index) =>
    digestEntry({
      ...entry,
      findingId: `${index}`,
      title: '\u202E€'.repeat(5_000),
      consoleUrl: `https://x/${'y'.repeat(380)}`,
    }),
  );
  const { subject, message, text } = digestMessage(many, 'enforce');
  expect(Buffer.byteLength(message)).toBeLessThan(250_000);
  expect(subject).toMatch(/^[\x20-\x7e]{1,99}$/);
  expect(text).toContain('… and 975 more');
});
