import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { collectionDocument } from '../../src/evidence/os/document.ts';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import {
  BARE,
  createCollectionProfile,
  createDocument,
  createDropBox,
  createHost,
  DOCUMENT,
  plant,
  PROFILE,
  type Host,
} from '../support/host.ts';
import { incidentRoom, isIsolated, type IncidentRoom, type RespondOptions } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();
let host: Host;
let planted: Awaited<ReturnType<typeof plant>>;

beforeAll(async () => {
  [host, planted] = await Promise.all([createHost(), plant()]);
});
afterAll(async () => {
  await Promise.all([host.remove(), planted.remove()]);
});

const PROFILE_ENV = { COLLECTION_INSTANCE_PROFILE: PROFILE };
const QUICK = { collection: { budgetSeconds: 12 }, budgets: { callTimeoutMs: 4_000, collectorMs: 15_000 } };
const CHANGES = ['ModifyNetworkInterfaceAttribute', 'DisassociateIamInstanceProfile'];

/** A bare, quick host unless told otherwise. */
async function managedRoom(tags: Record<string, string> = {}, options = {}): Promise<IncidentRoom> {
  const room = await incidentRoom(await local.newAccount(), {
    interfaces: 1,
    volumes: 1,
    tags: { 'ssm:agent': 'online', 'ssm:tmp': host.folder, 'ssm:path': await host.path([...BARE, 'curl']), ...tags },
    ...options,
  });
  await createCollectionProfile(room.account.endpoint);
  return room;
}

function triageOf(incident: IncidentResult) {
  const found = incident.evidence.find(({ collector }) => collector === 'os-triage');
  if (!found) throw new Error('no os-triage in the result');
  return found;
}

async function textOf(room: IncidentRoom): Promise<string> {
  const objects = await room.objects();
  return Buffer.from(objects.find(({ key }) => key.endsWith('/os-triage.txt'))?.body ?? []).toString();
}

async function respond(room: IncidentRoom, options: RespondOptions = {}): Promise<IncidentResult> {
  return room.respond(room.event(), { ...QUICK, env: PROFILE_ENV, ...options });
}

describe('a managed host', () => {
  test('a deleted executable and a listener are found; the profile is swapped before, and none is left', async () => {
    const room = await managedRoom({ 'ssm:path': process.env['PATH'] ?? '' });
    const start = room.account.proxy.calls.length;
    const incident = await respond(room, { collection: { budgetSeconds: 20 } });
    expect(incident.status).toBe('quarantined');
    expect(incident.failures).toEqual([]);
    expect(triageOf(incident)).toMatchObject({ status: 'done' });
    expect(triageOf(incident).artifacts.map(({ key }) => key.split('/').at(-1))).toEqual([
      'os-triage.txt.gz',
      'os-triage.txt',
      'os-triage.json',
    ]);
    const text = await textOf(room);
    expect(text).toContain(`${planted.executable} (deleted)`);
    expect(text).toMatch(new RegExp(`LISTEN.*127\\.0\\.0\\.1:${planted.port}\\b`));

    const calls = room.calls(start);
    const sent = calls.indexOf('SendCommand');
    expect(calls.indexOf('ReplaceIamInstanceProfileAssociation')).toBeLessThan(sent);
    expect(sent).toBeGreaterThan(0);
    for (const change of CHANGES) expect(calls.indexOf(change)).toBeGreaterThan(calls.lastIndexOf('SendCommand'));
    expect((await room.reading()).profiles).toEqual([]);
    expect(incident.changes.find(({ action }) => action === 'instance-profile')).toMatchObject({
      status: 'done',
      from: { profiles: [room.world.instanceProfileArn] },
      to: { profiles: [] },
    });
    expect(await host.left()).toEqual([]);
  }, 45_000);

  test('without a profile of its own it gets the collection profile for the time, and has none afterwards', async () => {
    const room = await managedRoom({}, { profile: false });
    const start = room.account.proxy.calls.length;
    const incident = await respond(room);
    expect(triageOf(incident).status).toBe('done');
    expect(room.calls(start)).toContain('AssociateIamInstanceProfile');
    expect((await room.reading()).profiles).toEqual([]);
    expect(incident.changes.find(({ action }) => action === 'instance-profile')?.from).toEqual({ profiles: [] });
  });

  test('without a collection profile its own access is used, and nothing is swapped', async () => {
    const room = await managedRoom();
    const start = room.account.proxy.calls.length;
    const incident = await respond(room, { env: {} });
    expect(triageOf(incident).status).toBe('done');
    expect(room.calls(start).filter((name) => /^(Replace|Associate)Iam/.test(name))).toEqual([]);
  });

  test("the stack's document is run as it is, with no script in the parameters", async () => {
    const room = await managedRoom();
    await createDocument(room.account.endpoint);
    const start = room.account.proxy.calls.length;
    const incident = await respond(room, { env: { ...PROFILE_ENV, COLLECTION_DOCUMENT: DOCUMENT } });
    expect(triageOf(incident)).toMatchObject({ status: 'done' });
    const sent = room.account.proxy.calls.slice(start).filter(({ operation }) => operation === 'SendCommand');
    expect(sent.length).toBeGreaterThan(0);
    for (const { request } of sent) {
      expect(request.length).toBeLessThan(1_000);
      expect(JSON.parse(request)).toMatchObject({ DocumentName: DOCUMENT, DocumentVersion: '1' });
    }
  });

  test("a document that is not this version's is not run", async () => {
    const room = await managedRoom();
    await createDocument(room.account.endpoint, { ...collectionDocument(), description: 'altered' });
    const start = room.account.proxy.calls.length;
    const incident = await respond(room, { env: { ...PROFILE_ENV, COLLECTION_DOCUMENT: DOCUMENT } });
    expect(triageOf(incident)).toMatchObject({ status: 'failed' });
    expect(triageOf(incident).reason).toContain('is not the one of this version');
    expect(room.calls(start)).not.toContain('SendCommand');
    expect((await room.reading()).profiles).toEqual([]);
  });

  test('with a drop box the host uploads once, by a signed link that says so, and it is hashed and moved', async () => {
    const room = await managedRoom();
    const DROP_BOX_BUCKET = await createDropBox(room.account.endpoint);
    const start = room.account.proxy.calls.length;
    const incident = await respond(room, { env: { ...PROFILE_ENV, DROP_BOX_BUCKET } });
    expect(triageOf(incident)).toMatchObject({ status: 'done' });
    expect(await textOf(room)).toContain('##### end');
    const calls = room.account.proxy.calls.slice(start);
    const put = calls.find(({ method, path }) => method === 'PUT' && path.startsWith(`/${DROP_BOX_BUCKET}/`));
    const query = new URL(put?.path ?? '', 'http://x').searchParams;
    expect(query.get('X-Amz-SignedHeaders')).toBe('host;if-none-match');
    expect(Number(query.get('X-Amz-Expires'))).toBeLessThanOrEqual(900);
    expect([...query.keys()].filter((name) => /checksum/i.test(name))).toEqual([]);
    expect(calls.filter(({ operation }) => operation === 'SendCommand')).toHaveLength(1);
    expect(await host.left()).toEqual([]);
  });
});

describe('collection that falls short: isolated in time, no profile left, the truth in the result', () => {
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
    const room = await managedRoom({ 'ssm:agent': 'hung' });
    const incident = await respond(room);
    expect(triageOf(incident)).toMatchObject({ status: 'failed' });
    expect(triageOf(incident).reason).toContain('the agent did not take the command within 1.5 s');
    expect(incident.isolation?.secondsToIsolation).toBeLessThan(8);
    await isolated(room, incident);
  });

  test('the agent is offline', async () => {
    const room = await managedRoom({ 'ssm:agent': 'offline' });
    const start = room.account.proxy.calls.length;
    const incident = await respond(room);
    expect(triageOf(incident)).toMatchObject({ status: 'skipped' });
    expect(triageOf(incident).reason).toContain('offline');
    expect(room.calls(start)).not.toContain('ReplaceIamInstanceProfileAssociation');
    await isolated(room, incident);
  });

  test.each(['DescribeInstanceInformation', 'SendCommand', 'GetCommandInvocation'])(
    '%s is denied',
    async (operation) => {
      const room = await managedRoom();
      room.account.proxy.fault({ operation, kind: 'denied' });
      const incident = await respond(room);
      expect(triageOf(incident)).toMatchObject({ status: 'failed' });
      expect(triageOf(incident).reason).toMatch(/denied/i);
      expect(incident.isolation?.secondsToIsolation).toBeLessThan(8);
      await isolated(room, incident);
    },
  );

  test.each(['DescribeInstanceInformation', 'SendCommand', 'ReplaceIamInstanceProfileAssociation'])(
    '%s never answers',
    async (operation) => {
      const room = await managedRoom();
      room.account.proxy.fault({ operation, kind: 'hang' });
      const incident = await respond(room, { collection: { budgetSeconds: 3 }, budgets: { collectorMs: 15_000 } });
      room.account.proxy.clear();
      expect(triageOf(incident)).toMatchObject({ status: 'failed' });
      expect(incident.isolation?.secondsToIsolation).toBeLessThan(12);
      await isolated(room, incident);
    },
    20_000,
  );

  test('the collection profile may not be passed: collected by its own access, and the failure is told', async () => {
    const room = await managedRoom();
    room.account.proxy.fault({ operation: 'ReplaceIamInstanceProfileAssociation', kind: 'denied' });
    const incident = await respond(room);
    expect(triageOf(incident).reason).toContain('the collection profile could not be put in place');
    expect(await textOf(room)).toContain('##### end');
    await isolated(room, incident);
  });

  test('the script fails: neither base64 nor openssl', async () => {
    const bare = await host.path(BARE.filter((name) => name !== 'base64'));
    const room = await managedRoom({ 'ssm:path': bare });
    const incident = await respond(room);
    expect(triageOf(incident)).toMatchObject({ status: 'failed' });
    expect(triageOf(incident).reason).toContain('nothing can be brought back');
    await isolated(room, incident);
  });

  test('the script does not end: cut off at the budget', async () => {
    const room = await managedRoom({ 'ssm:path': await host.path(BARE, { base64: '#!/bin/sh\nexec sleep 60\n' }) });
    const incident = await respond(room, { collection: { budgetSeconds: 4 } });
    expect(triageOf(incident)).toMatchObject({ status: 'failed' });
    expect(incident.isolation?.secondsToIsolation).toBeLessThan(9);
    await isolated(room, incident);
  }, 20_000);

  test('a tool on the host answers 200 MB: cut at the limit of its part, the rest is whole', async () => {
    const flood = '#!/bin/sh\nhead -c 200000000 /dev/zero | tr "\\0" x\n';
    const room = await managedRoom({ 'ssm:path': await host.path(BARE, { ps: flood }) });
    const incident = await respond(room);
    const text = await textOf(room);
    expect(text).toContain('##### cut off after 2000000 bytes');
    expect(text).toContain('##### end');
    expect(text.length).toBeLessThan(40_000_000);
    await isolated(room, incident);
  });

  test('no curl: the result comes back in pieces though there is a drop box', async () => {
    const room = await managedRoom({ 'ssm:path': await host.path(BARE) });
    const DROP_BOX_BUCKET = await createDropBox(room.account.endpoint);
    const incident = await respond(room, { env: { ...PROFILE_ENV, DROP_BOX_BUCKET } });
    expect(triageOf(incident)).toMatchObject({ status: 'done' });
    expect(await room.object('os-triage.json')).toMatchObject({ upload: 'no-curl', problems: [] });
    await isolated(room, incident);
  });

  test('the host uploads something else, of 70 MB: it stays in the drop box', async () => {
    const curl =
      '#!/bin/sh\nfor url; do :; done\nhead -c 70000000 /dev/zero >"$TMPDIR/big"\nexec /usr/bin/curl -sS -T "$TMPDIR/big" -H "If-None-Match: *" "$url"\n';
    const room = await managedRoom({ 'ssm:path': await host.path(BARE, { curl }) });
    const DROP_BOX_BUCKET = await createDropBox(room.account.endpoint);
    const incident = await respond(room, { env: { ...PROFILE_ENV, DROP_BOX_BUCKET } });
    expect(triageOf(incident)).toMatchObject({ status: 'failed' });
    expect(triageOf(incident).reason).toContain('has 70000000 bytes, more than the 67108864 that are taken over');
    await isolated(room, incident);
  });

  test('no place for a file: what fits into one answer, and that it was cut', async () => {
    const room = await managedRoom({ 'ssm:tmp': '/proc/none' });
    const incident = await respond(room);
    expect(triageOf(incident)).toMatchObject({ status: 'failed' });
    expect(triageOf(incident).reason).toContain('no place for a file');
    expect(await textOf(room)).toContain(`${planted.executable} (deleted)`);
    await isolated(room, incident);
  });
});

describe('nothing is run on the host', () => {
  test.each([
    ['where the response is collect', {}, 5, {}, 'not to be quarantined'],
    ['where Systems Manager does not manage it', { 'ssm:agent': 'none' }, 8, {}, 'does not manage'],
    ['where the policy says so', {}, 8, { collection: { os: 'off' as const } }, 'switched off'],
    ['where its platform is another one', { 'ssm:platform': 'MacOS' }, 8, {}, 'MacOS'],
  ])('%s', async (_name, tags: Record<string, string>, severity, options, reason) => {
    const room = await managedRoom(tags);
    const start = room.account.proxy.calls.length;
    const event = room.event(({ detail }) => void (detail.severity = severity));
    const incident = await room.respond(event, { ...QUICK, env: PROFILE_ENV, ...options });
    expect(triageOf(incident)).toMatchObject({ status: 'skipped', artifacts: [] });
    expect(triageOf(incident).reason).toContain(reason);
    const calls = room.calls(start);
    for (const name of ['SendCommand', 'ReplaceIamInstanceProfileAssociation', 'AssociateIamInstanceProfile'])
      expect(calls).not.toContain(name);
  });

  test('where it is stopped', async () => {
    const room = await managedRoom({}, { state: 'stopped' });
    const incident = await respond(room);
    expect(triageOf(incident)).toMatchObject({ status: 'skipped', reason: 'the instance is stopped' });
  });

  test('where an earlier run of the incident has brought it; a profile of ours never becomes `from`', async () => {
    const room = await managedRoom();
    const heal = room.account.proxy.fault({ operation: 'ModifyNetworkInterfaceAttribute', kind: 'denied' });
    const allow = room.account.proxy.fault({ operation: 'DisassociateIamInstanceProfile', kind: 'denied' });
    const first = await respond(room);
    expect(first.status).toBe('failed');
    expect((await room.reading()).profiles[0]).toContain(PROFILE);
    heal();
    allow();
    const start = room.account.proxy.calls.length;
    const second = await respond(room);
    expect(second).toMatchObject({ status: 'quarantined', incidentId: first.incidentId });
    expect(room.calls(start)).not.toContain('SendCommand');
    expect(second.changes.find(({ action }) => action === 'instance-profile')?.from).toEqual({
      profiles: [room.world.instanceProfileArn],
    });
    expect((await room.reading()).profiles).toEqual([]);
  });
});
