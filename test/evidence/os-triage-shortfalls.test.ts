import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import {
  BARE,
  createDropBox,
  createHost,
  managedRoom,
  plant,
  PROFILE_ENV,
  respondQuickly,
  triageOf,
  triageText,
  type Host,
} from '../support/host.ts';
import { isIsolated, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

/* Collection that falls short: isolated in time, no profile left, the truth in the result and in the manifest. */

const local = useLocalAws();
let host: Host;
let planted: Awaited<ReturnType<typeof plant>>;

beforeAll(async () => {
  [host, planted] = await Promise.all([createHost(), plant()]);
});
afterAll(async () => {
  await Promise.all([host.remove(), planted.remove()]);
});

const managed = async (tags: Record<string, string> = {}) => managedRoom(await local.newAccount(), host, tags);

async function isolated(room: IncidentRoom, incident: IncidentResult): Promise<void> {
  expect(incident.status).toBe('quarantined');
  const reading = await room.reading();
  expect(isIsolated(reading, room.world)).toBe(true);
  expect(reading.profiles).toEqual([]);
  const { gaps } = (await room.object('manifest.json')) as { gaps: { collector: string; reason: string }[] };
  const { status, reason } = triageOf(incident);
  if (status !== 'done') expect(gaps).toContainEqual({ collector: 'os-triage', status, reason });
}

test('the agent is hung', async () => {
  const room = await managed({ 'ssm:agent': 'hung' });
  const start = room.account.proxy.calls.length;
  const incident = await respondQuickly(room);
  expect(triageOf(incident)).toMatchObject({ status: 'failed' });
  expect(triageOf(incident).reason).toContain('the agent did not take the command within 1.5 s');
  expect(room.calls(start)).toContain('CancelCommand');
  expect(incident.isolation?.secondsToIsolation).toBeLessThan(8);
  await isolated(room, incident);
});

test('the agent is offline', async () => {
  const room = await managed({ 'ssm:agent': 'offline' });
  const start = room.account.proxy.calls.length;
  const incident = await respondQuickly(room);
  expect(triageOf(incident)).toMatchObject({ status: 'skipped' });
  expect(triageOf(incident).reason).toContain('offline');
  expect(room.calls(start)).not.toContain('ReplaceIamInstanceProfileAssociation');
  await isolated(room, incident);
});

test.each(['DescribeInstanceInformation', 'SendCommand', 'GetCommandInvocation'])('%s is denied', async (operation) => {
  const room = await managed();
  room.account.proxy.fault({ operation, kind: 'denied' });
  const incident = await respondQuickly(room);
  expect(triageOf(incident)).toMatchObject({ status: 'failed' });
  expect(triageOf(incident).reason).toMatch(/denied/i);
  expect(incident.isolation?.secondsToIsolation).toBeLessThan(8);
  await isolated(room, incident);
});

test.each(['DescribeInstanceInformation', 'SendCommand', 'ReplaceIamInstanceProfileAssociation'])(
  '%s never answers',
  async (operation) => {
    const room = await managed();
    room.account.proxy.fault({ operation, kind: 'hang' });
    const incident = await respondQuickly(room, { collection: { budgetSeconds: 3 }, budgets: { collectorMs: 15_000 } });
    room.account.proxy.clear();
    expect(triageOf(incident)).toMatchObject({ status: 'failed' });
    expect(incident.isolation?.secondsToIsolation).toBeLessThan(12);
    await isolated(room, incident);
  },
  20_000,
);

test.each(['throttle', 'reset', 'lost-response'] as const)(
  'every call is hit by one %s: all is brought',
  async (kind) => {
    // Where a command may run twice, each run needs a place of its own.
    const room = await managed({ 'ssm:tmp': '' });
    for (const operation of [
      'DescribeInstanceInformation',
      'ReplaceIamInstanceProfileAssociation',
      'SendCommand',
      'GetCommandInvocation',
    ])
      room.account.proxy.fault({ operation, kind, times: 1 });
    const incident = await respondQuickly(room);
    expect(triageOf(incident)).toMatchObject({ status: 'done' });
    await isolated(room, incident);
  },
);

test('the collection profile may not be passed: collected by its own access, and the failure is told', async () => {
  const room = await managed();
  room.account.proxy.fault({ operation: 'ReplaceIamInstanceProfileAssociation', kind: 'denied' });
  const incident = await respondQuickly(room);
  expect(triageOf(incident).reason).toContain('the collection profile could not be put in place');
  expect(await triageText(room)).toContain('##### end');
  await isolated(room, incident);
});

test('the script fails: neither base64 nor openssl', async () => {
  const bare = await host.path(BARE.filter((name) => name !== 'base64'));
  const room = await managed({ 'ssm:path': bare });
  const incident = await respondQuickly(room);
  expect(triageOf(incident)).toMatchObject({ status: 'failed' });
  expect(triageOf(incident).reason).toContain('nothing can be brought back');
  await isolated(room, incident);
});

test('the script does not end: cut off at the budget', async () => {
  const room = await managed({ 'ssm:path': await host.path(BARE, { base64: '#!/bin/sh\nexec sleep 60\n' }) });
  const incident = await respondQuickly(room, { collection: { budgetSeconds: 4 } });
  expect(triageOf(incident)).toMatchObject({ status: 'failed' });
  expect(incident.isolation?.secondsToIsolation).toBeLessThan(9);
  await isolated(room, incident);
}, 20_000);

test('a tool on the host answers 200 MB: cut at the limit of its part, the rest is whole', async () => {
  const flood = '#!/bin/sh\nhead -c 200000000 /dev/zero | tr "\\0" x\n';
  const room = await managed({ 'ssm:path': await host.path(BARE, { ps: flood }) });
  const incident = await respondQuickly(room);
  const text = await triageText(room);
  expect(text).toContain('##### cut off after 2000000 bytes');
  expect(text).toContain('##### end');
  expect(text.length).toBeLessThan(40_000_000);
  await isolated(room, incident);
});

test('no curl: the result comes back in pieces though there is a drop box', async () => {
  const room = await managed({ 'ssm:path': await host.path(BARE) });
  const DROP_BOX_BUCKET = await createDropBox(room.account.endpoint);
  const incident = await respondQuickly(room, { env: { ...PROFILE_ENV, DROP_BOX_BUCKET } });
  expect(triageOf(incident)).toMatchObject({ status: 'done' });
  expect(await room.object('os-triage.json')).toMatchObject({ upload: 'no-curl', problems: [] });
  await isolated(room, incident);
});

test('the host uploads something else, of 50 MB: it stays in the drop box', async () => {
  const curl =
    '#!/bin/sh\nfor url; do :; done\nhead -c 50000000 /dev/zero >"$TMPDIR/big"\nexec /usr/bin/curl -sS -T "$TMPDIR/big" -H "If-None-Match: *" "$url"\n';
  const room = await managed({ 'ssm:path': await host.path(BARE, { curl }) });
  const DROP_BOX_BUCKET = await createDropBox(room.account.endpoint);
  const incident = await respondQuickly(room, { env: { ...PROFILE_ENV, DROP_BOX_BUCKET } });
  expect(triageOf(incident)).toMatchObject({ status: 'failed' });
  expect(triageOf(incident).reason).toContain('has 50000000 bytes, more than the 41943040 that are taken over');
  await isolated(room, incident);
});

test('no place for a file: what fits into one answer, and that it was cut', async () => {
  const room = await managed({ 'ssm:tmp': '/proc/none' });
  const incident = await respondQuickly(room);
  expect(triageOf(incident)).toMatchObject({ status: 'failed' });
  expect(triageOf(incident).reason).toContain('no place for a file');
  expect(await triageText(room)).toContain(`${planted.executable} (deleted)`);
  await isolated(room, incident);
});

test('the host answers that all is done, and has nothing: told as that', async () => {
  const room = await managed({ 'ssm:path': await host.path(BARE, { gzip: '#!/bin/sh\nexit 0\n' }) });
  const incident = await respondQuickly(room);
  expect(triageOf(incident)).toMatchObject({ status: 'failed' });
  expect(triageOf(incident).reason).toContain('the host says that it has nothing');
  await isolated(room, incident);
});
