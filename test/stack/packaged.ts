/** What `sls package` makes of serverless.yml, offline and without credentials; and how tests look things up in it. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect } from '@jest/globals';
import { sharedFolder } from '../support/shared-folder.ts';

export interface Resource {
  Type: string;
  Condition?: string;
  DependsOn?: string | string[];
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
  Properties: Record<string, unknown>;
}

export interface Statement {
  Sid: string;
  Effect: 'Allow' | 'Deny';
  Principal?: unknown;
  Action: string | string[];
  Resource: unknown;
  Condition?: unknown;
}

interface Content {
  Resources: Record<string, Resource>;
  Conditions: Record<string, unknown>;
  Outputs: Record<string, { Value: unknown }>;
}

export const ROOT = process.cwd();
const LOCK_MS = 60_000;

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

export type Template = ReturnType<typeof template>;

/** Packages with the given parameters: `mode=enforce`. Once in a run of the tests: it takes seconds, and many files ask for the same. */
export async function packaged(...params: string[]): Promise<Template> {
  const folder = join(
    sharedFolder(),
    `stack-${createHash('sha256').update(params.join('\0')).digest('hex').slice(0, 16)}`,
  );
  const file = join(folder, 'cloudformation-template-update-stack.json');
  await alone(async () => {
    // Its last file: a packaging that failed halfway is made again.
    if (!existsSync(file)) await sls(folder, params);
  });
  return template(folder, JSON.parse(await readFile(file, 'utf8')) as Content);
}

/** What a packaging that must not succeed says. */
export async function refusal(...params: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'secresponse-stack-'));
  folders.push(folder);
  const failure: unknown = await sls(folder, params).catch((error: unknown) => error);
  const { code, stdout, stderr } = failure as { code: number; stdout: string; stderr: string };
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  return stderr;
}

/** serverless-esbuild builds in the project's folder: two at a time would get each other's files. */
async function alone(work: () => Promise<void>): Promise<void> {
  const lock = join(tmpdir(), `secresponse-stack-${createHash('sha256').update(ROOT).digest('hex').slice(0, 16)}`);
  for (;;) {
    try {
      await mkdir(lock);
      break;
    } catch {
      const since = await stat(lock).then(
        ({ mtimeMs }) => mtimeMs,
        () => Date.now(),
      );
      // Somebody was killed.
      if (Date.now() - since > LOCK_MS) await rm(lock, { recursive: true, force: true });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  try {
    await work();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

/** Nothing of the caller's environment gets in: no credentials, no region, no home with profiles. */
async function sls(folder: string, params: string[]): Promise<void> {
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    TMPDIR: folder,
    AWS_EC2_METADATA_DISABLED: 'true',
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
  };
  const bin = join(ROOT, 'node_modules/serverless/bin/serverless.js');
  const args = ['package', '--package', folder, ...params.flatMap((param) => ['--param', param])];
  await promisify(execFile)(process.execPath, [bin, ...args], { cwd: ROOT, env, timeout: 50_000 });
}

function template(folder: string, content: Content) {
  const resource = (name: string): Resource => {
    const found = content.Resources[name];
    if (!found) throw new Error(`the template has no ${name}`);
    return found;
  };
  const properties = (name: string): Record<string, unknown> => resource(name).Properties;
  const ofType = (type: string): [string, Resource][] =>
    Object.entries(content.Resources).filter(([, { Type }]) => Type === type);

  const raw = (name: string): unknown[] => {
    const found = properties(name);
    const policies = found['Policies'] as { PolicyDocument: { Statement: unknown[] } }[] | undefined;
    const document = (found['PolicyDocument'] ?? found['KeyPolicy'] ?? policies?.[0]?.PolicyDocument) as
      { Statement: unknown[] } | undefined;
    return document?.Statement ?? [];
  };
  /** Of a role, a bucket policy, a queue policy, a topic policy or a key. */
  const statements = (name: string): Statement[] => raw(name).map((statement) => withoutIf(statement) as Statement);

  const applies = (statement: unknown): boolean => {
    const [condition] = (statement as { 'Fn::If'?: [string] })['Fn::If'] ?? [];
    return condition === undefined || holds(content.Conditions[condition]);
  };

  return {
    ...content,
    resource,
    properties,
    ofType,
    statements,
    statement(name: string, sid: string): Statement {
      const found = statements(name).find(({ Sid }) => Sid === sid);
      if (!found) throw new Error(`${name} has no statement ${sid}`);
      return found;
    },
    /** Whether a condition of the stack holds under the parameters that were given. */
    holds: (condition: string): boolean => holds(content.Conditions[condition]),
    /** Every action that a role allows under the parameters that were given. */
    grantedNow: (name: string): string[] => actionsOf(raw(name).filter(applies)),
    /** Every action that a role allows, or could. */
    granted: (name: string): string[] => actionsOf(raw(name)),
    environment: (name: string): unknown => (properties(name)['Environment'] as { Variables: unknown }).Variables,
    async fileNames(zip: string): Promise<string[]> {
      return fileNames(await readFile(join(folder, zip)));
    },
  };
}

/** A condition of the two functions that the stack's conditions are made of, on texts. */
function holds(condition: unknown): boolean {
  const { 'Fn::Not': not, 'Fn::Equals': equals } = condition as {
    'Fn::Not'?: [unknown];
    'Fn::Equals'?: [string, string];
  };
  if (not) return !holds(not[0]);
  if (!equals) throw new Error(`a condition that is not understood: ${JSON.stringify(condition)}`);
  return equals[0] === equals[1];
}

function actionsOf(statements: unknown[]): string[] {
  return (statements.map(withoutIf) as Statement[]).flatMap(({ Effect, Action }) =>
    Effect === 'Allow' ? listed(Action) : [],
  );
}

/** A statement that is there under a condition, as it is when it is there. */
function withoutIf(value: unknown): unknown {
  const choice = (value as { 'Fn::If'?: [string, unknown, unknown] })['Fn::If'];
  return choice ? choice[1] : value;
}

export function listed<Item>(value: Item | Item[]): Item[] {
  return Array.isArray(value) ? value : [value];
}

export const arnOf = (name: string) => ({ 'Fn::GetAtt': [name, 'Arn'] });
export const ref = (name: string) => ({ Ref: name });
export const sub = (text: string) => ({ 'Fn::Sub': text });
export const NOTHING = ref('AWS::NoValue');

/** From the central directory of a zip file: signature, 42 bytes with the name's length at 28, the name. */
function fileNames(archive: Buffer): string[] {
  const names: string[] = [];
  const signature = Buffer.from('PK\u0001\u0002', 'latin1');
  for (let at = archive.indexOf(signature); at >= 0; at = archive.indexOf(signature, at + 46)) {
    names.push(archive.toString('utf8', at + 46, at + 46 + archive.readUInt16LE(at + 28)));
  }
  return names;
}
