import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EC2Client, ModifyNetworkInterfaceAttributeCommand } from '@aws-sdk/client-ec2';
import { collectionDocument } from '../../src/evidence/os/document.ts';
import { labConfig } from '../../src/lab/client.ts';
import type { WorldOptions } from '../../src/lab/world.ts';
import { memoryStore, type ExecutionState, type ExecutionStore } from '../../src/runbook/engine.ts';
import {
  createDocument,
  createDropBox,
  createHost,
  DOCUMENT,
  managedRoom,
  plant,
  PROFILE,
  PROFILE_ENV,
  respondQuickly,
  triageOf,
  triageText,
  type Host,
} from '../support/host.ts';
import type { IncidentRoom } from '../support/incident-room.ts';
import { holdIncident } from '../support/held.ts';
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

const CHANGES = ['ModifyNetworkInterfaceAttribute', 'DisassociateIamInstanceProfile'];

const managed = async (tags: Record<string, string> = {}, options: Partial<WorldOptions> = {}) =>
  managedRoom(await local.newAccount(), host, tags, options);

describe('a managed host', () => {
  test('a deleted executable and a listener are found; the profile is swapped before, and none is left', async () => {
    const room = await managed({ 'ssm:path': process.env['PATH'] ?? '' });
    const start = room.account.proxy.calls.length;
    const incident = await respondQuickly(room, { collection: { budgetSeconds: 20 } });
    expect(incident.status).toBe('quarantined');
    expect(incident.failures).toEqual([]);
    expect(triageOf(incident)).toMatchObject({ status: 'done' });
    expect(triageOf(incident).artifacts.map(({ key }) => key.split('/').at(-1))).toEqual([
      'os-triage.txt.gz',
      'os-triage.txt',
      'os-triage.json',
    ]);
    const text = await triageText(room);
    expect(text).toContain(`${planted.executable} (deleted)`);
    expect(text).toMatch(new RegExp(`LISTEN.*127\\.0\\.0\\.1:${planted.port}\\b`));

    const calls = room.calls(start);
    const sent = calls.indexOf('SendCommand');
    expect(calls.indexOf('ReplaceIamInstanceProfileAssociation')).toBeLessThan(sent);
    expect(sent).toBeGreaterThan(0);
    // Its interfaces are in the interim group before, its profile goes afterwards.
    expect(calls.indexOf('ModifyNetworkInterfaceAttribute')).toBeLessThan(sent);
    for (const change of CHANGES) expect(calls.lastIndexOf(change)).toBeGreaterThan(calls.lastIndexOf('SendCommand'));
    expect((await room.reading()).profiles).toEqual([]);
    expect(incident.changes.find(({ action }) => action === 'instance-profile')).toMatchObject({
      status: 'done',
      from: { profiles: [room.world.instanceProfileArn] },
      to: { profiles: [] },
    });
    expect(await host.left()).toEqual([]);
  }, 45_000);

  test('without a profile of its own it gets the collection profile for the time, and has none afterwards', async () => {
    const room = await managed({}, { profile: false });
    const start = room.account.proxy.calls.length;
    const incident = await respondQuickly(room);
    expect(triageOf(incident).status).toBe('done');
    expect(room.calls(start)).toContain('AssociateIamInstanceProfile');
    expect((await room.reading()).profiles).toEqual([]);
    expect(incident.changes.find(({ action }) => action === 'instance-profile')?.from).toEqual({ profiles: [] });
  });

  test('without a collection profile its own access is used, and nothing is swapped', async () => {
    const room = await managed();
    const start = room.account.proxy.calls.length;
    const incident = await respondQuickly(room, { env: {} });
    expect(triageOf(incident).status).toBe('done');
    expect(room.calls(start).filter((name) => /^(Replace|Associate)Iam/.test(name))).toEqual([]);
  });

  test("the stack's document is run as it is, with no script in the parameters", async () => {
    const room = await managed();
    await createDocument(room.account.endpoint);
    const start = room.account.proxy.calls.length;
    const incident = await respondQuickly(room, { env: { ...PROFILE_ENV, COLLECTION_DOCUMENT: DOCUMENT } });
    expect(triageOf(incident)).toMatchObject({ status: 'done' });
    const sent = room.account.proxy.calls.slice(start).filter(({ operation }) => operation === 'SendCommand');
    expect(sent.length).toBeGreaterThan(0);
    for (const { request } of sent) {
      expect(request.length).toBeLessThan(1_000);
      expect(JSON.parse(request)).toMatchObject({ DocumentName: DOCUMENT, DocumentVersion: '1' });
    }
  });

  test("a document that is not this version's is not run", async () => {
    const room = await managed();
    await createDocument(room.account.endpoint, { ...collectionDocument(), description: 'altered' });
    const start = room.account.proxy.calls.length;
    const incident = await respondQuickly(room, { env: { ...PROFILE_ENV, COLLECTION_DOCUMENT: DOCUMENT } });
    expect(triageOf(incident)).toMatchObject({ status: 'failed' });
    expect(triageOf(incident).reason).toContain('is not the one of this version');
    expect(room.calls(start)).not.toContain('SendCommand');
    expect((await room.reading()).profiles).toEqual([]);
  });

  test('with a drop box the host uploads once, by a signed link that says so, and it is hashed and moved', async () => {
    const room = await managed();
    const DROP_BOX_BUCKET = await createDropBox(room.account.endpoint);
    const start = room.account.proxy.calls.length;
    const incident = await respondQuickly(room, { env: { ...PROFILE_ENV, DROP_BOX_BUCKET } });
    expect(triageOf(incident)).toMatchObject({ status: 'done' });
    expect(await triageText(room)).toContain('##### end');
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

describe('nothing is run on the host', () => {
  test.each([
    ['where the response is collect', {}, 5, {}, 'not to be quarantined'],
    ['where Systems Manager does not manage it', { 'ssm:agent': 'none' }, 8, {}, 'does not manage'],
    ['where the policy says so', {}, 8, { collection: { os: 'off' as const } }, 'switched off'],
    ['where its platform is another one', { 'ssm:platform': 'MacOS' }, 8, {}, 'MacOS'],
  ])('%s', async (_name, tags: Record<string, string>, severity, options, reason) => {
    const room = await managed(tags);
    const start = room.account.proxy.calls.length;
    const event = room.event(({ detail }) => void (detail.severity = severity));
    const incident = await respondQuickly(room, options, event);
    expect(triageOf(incident)).toMatchObject({ status: 'skipped', artifacts: [] });
    expect(triageOf(incident).reason).toContain(reason);
    const calls = room.calls(start);
    for (const name of ['SendCommand', 'ReplaceIamInstanceProfileAssociation', 'AssociateIamInstanceProfile'])
      expect(calls).not.toContain(name);
  });

  test('where it is stopped', async () => {
    const room = await managed({}, { state: 'stopped' });
    const incident = await respondQuickly(room);
    expect(triageOf(incident)).toMatchObject({ status: 'skipped', reason: 'the instance is stopped' });
  });

  test('where an earlier run of the incident has brought it; a profile of ours never becomes `from`', async () => {
    const room = await managed();
    const heal = room.account.proxy.fault({ operation: 'ModifyNetworkInterfaceAttribute', kind: 'denied' });
    const allow = room.account.proxy.fault({ operation: 'DisassociateIamInstanceProfile', kind: 'denied' });
    const first = await respondQuickly(room);
    expect(first.status).toBe('failed');
    expect((await room.reading()).profiles[0]).toContain(PROFILE);
    heal();
    allow();
    const start = room.account.proxy.calls.length;
    const second = await respondQuickly(room);
    expect(second).toMatchObject({ status: 'quarantined', incidentId: first.incidentId });
    expect(room.calls(start)).not.toContain('SendCommand');
    expect(second.changes.find(({ action }) => action === 'instance-profile')?.from).toEqual({
      profiles: [room.world.instanceProfileArn],
    });
    expect((await room.reading()).profiles).toEqual([]);
  });
});

describe('a run that was killed goes on', () => {
  test.each([
    ['while the host is collected from', 'done', false, (state: ExecutionState) => has(state, 'os-triage', 'STARTED')],
    [
      'after the host was collected from',
      'done',
      true,
      (state: ExecutionState) => has(state, 'os-triage', 'SUCCEEDED'),
    ],
    // What was taken had not been stored when it was killed: nothing is put onto the host again.
    ['after the host was isolated', 'failed', true, (state: ExecutionState) => has(state, 'os-triage', 'STARTED')],
  ])('%s', async (_name, status, isolated, killed) => {
    const room = await managed();
    const states: string[] = [];
    const store = memoryStore();
    const watched: ExecutionStore = {
      load: () => store.load(),
      save: (state) => (states.push(JSON.stringify(state)), store.save(state)),
    };
    const event = room.event();
    const whole = await respondQuickly(room, { store: watched }, event);
    const left = states.map((text) => JSON.parse(text) as ExecutionState).find(killed);
    if (!left) throw new Error('no such state');
    const resumed = memoryStore();
    resumed.save(left);
    // The whole run has given its claim back; who is killed has it still.
    await holdIncident.until(room, Date.now() + 60_000, left.arn);
    if (!isolated) await moveBack(room);
    const start = room.account.proxy.calls.length;
    const incident = await respondQuickly(room, { store: resumed }, event);
    expect(incident).toMatchObject({ status: 'quarantined', incidentId: whole.incidentId });
    expect(triageOf(incident).status).toBe(status);
    expect(room.calls(start).includes('SendCommand')).toBe(!isolated);
    expect(incident.changes.find(({ action }) => action === 'instance-profile')?.from).toEqual({
      profiles: [room.world.instanceProfileArn],
    });
    expect((await room.reading()).profiles).toEqual([]);
  });
});

/** The whole run has isolated the host; one that was killed before has not. */
async function moveBack({ account, world }: IncidentRoom): Promise<void> {
  const ec2 = new EC2Client(labConfig({ endpoint: account.endpoint }));
  for (const [NetworkInterfaceId, Groups] of Object.entries(world.groupIds))
    await ec2.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId, Groups }));
}

function has(state: ExecutionState, name: string, status: string): boolean {
  return state.operations.some((operation) => operation.Name === name && operation.Status === status);
}
