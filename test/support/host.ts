/** What a suspect host and the stack have that the collection from the host needs. */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  IAMClient,
} from '@aws-sdk/client-iam';
import { CreateDocumentCommand, SSMClient } from '@aws-sdk/client-ssm';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectionDocument } from '../../src/evidence/os/document.ts';
import { labConfig } from '../../src/lab/client.ts';
import type { WorldOptions } from '../../src/lab/world.ts';
import type { EvidenceResult, IncidentResult } from '../../src/runbook/incident.ts';
import { incidentRoom, type IncidentRoom, type RespondOptions } from './incident-room.ts';
import type { TestAccount } from './local-aws.ts';

export const PROFILE = 'secresponse-collection';
export const DOCUMENT = 'secresponse-collection';

export async function createCollectionProfile(endpoint: string): Promise<void> {
  const iam = new IAMClient(labConfig({ endpoint }));
  await iam.send(new CreateRoleCommand({ RoleName: PROFILE, AssumeRolePolicyDocument: '{}' }));
  await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: PROFILE }));
  await iam.send(new AddRoleToInstanceProfileCommand({ RoleName: PROFILE, InstanceProfileName: PROFILE }));
}

export async function createDocument(endpoint: string, content: object = collectionDocument()): Promise<void> {
  const ssm = new SSMClient(labConfig({ endpoint }));
  await ssm.send(
    new CreateDocumentCommand({ Name: DOCUMENT, Content: JSON.stringify(content), DocumentType: 'Command' }),
  );
}

/** @returns its name: all accounts share the names of buckets. */
export async function createDropBox(endpoint: string): Promise<string> {
  const s3 = new S3Client({ ...labConfig({ endpoint }), forcePathStyle: true });
  const Bucket = `drop-box-${randomBytes(4).toString('hex')}`;
  await s3.send(new CreateBucketCommand({ Bucket }));
  return Bucket;
}

export interface Host {
  /** For the tag ssm:tmp: where the host may write. */
  folder: string;
  /** Files that are left in it. */
  left(): Promise<string[]>;
  /** A folder for the tag ssm:path, with the named programs and scripts in it. */
  path(programs: string[], scripts?: Record<string, string>): Promise<string>;
  remove(): Promise<void>;
}

export async function createHost(): Promise<Host> {
  const base = await mkdtemp(join(tmpdir(), 'secresponse-test-'));
  const folder = await mkdtemp(join(base, 'tmp-'));
  return {
    folder,
    left: () => readdir(folder),
    async path(programs, scripts = {}) {
      const bin = await mkdtemp(join(base, 'bin-'));
      for (const name of programs.filter((name) => !(name in scripts)))
        await symlink(await found(name), join(bin, name));
      for (const [name, text] of Object.entries(scripts)) await writeFile(join(bin, name), text, { mode: 0o755 });
      return bin;
    },
    remove: () => rm(base, { recursive: true, force: true }),
  };
}

async function found(name: string): Promise<string> {
  for (const at of ['/usr/bin', '/bin', '/usr/sbin', '/sbin'])
    if ((await readdir(at)).includes(name)) return join(at, name);
  throw new Error(`this machine has no ${name}`);
}

/** The little that a very bare system has. No `find`: it would look through the machine that plays the host. */
export const BARE = [
  'sh',
  'cat',
  'cut',
  'date',
  'grep',
  'gzip',
  'head',
  'id',
  'kill',
  'ls',
  'mkdir',
  'ps',
  'readlink',
  'rm',
  'sed',
  'setsid',
  'sha256sum',
  'sleep',
  'sort',
  'tail',
  'tr',
  'uname',
  'wc',
  'base64',
];

/** A process whose executable is deleted, and a listener. */
export async function plant(): Promise<{ executable: string; port: number; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'secresponse-plant-'));
  const executable = join(folder, 'miner');
  await copyFile('/bin/sleep', executable);
  const child = spawn(executable, ['300'], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('spawn', resolve));
  await rm(executable);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    executable,
    port: (server.address() as AddressInfo).port,
    async remove() {
      child.kill();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const PROFILE_ENV = { COLLECTION_INSTANCE_PROFILE: PROFILE };
const QUICK = { collection: { budgetSeconds: 12 }, budgets: { callTimeoutMs: 4_000, collectorMs: 15_000 } };

/** The room of a managed host that is bare and quick unless told otherwise. */
export async function managedRoom(
  account: TestAccount,
  host: Host,
  tags: Record<string, string> = {},
  options: Partial<WorldOptions> = {},
): Promise<IncidentRoom> {
  const room = await incidentRoom(account, {
    interfaces: 1,
    volumes: 1,
    tags: { 'ssm:agent': 'online', 'ssm:tmp': host.folder, 'ssm:path': await host.path([...BARE, 'curl']), ...tags },
    ...options,
  });
  await createCollectionProfile(room.account.endpoint);
  return room;
}

export function triageOf(incident: IncidentResult): EvidenceResult {
  const found = incident.evidence.find(({ collector }) => collector === 'os-triage');
  if (!found) throw new Error('no os-triage in the result');
  return found;
}

export async function triageText(room: IncidentRoom): Promise<string> {
  const objects = await room.objects();
  return Buffer.from(objects.find(({ key }) => key.endsWith('/os-triage.txt'))?.body ?? []).toString();
}

/** To the room's finding, unless another event is given. */
export async function respondQuickly(
  room: IncidentRoom,
  options: RespondOptions = {},
  event: unknown = room.event(),
): Promise<IncidentResult> {
  return room.respond(event, { ...QUICK, env: PROFILE_ENV, ...options });
}
