import { execFile } from 'node:child_process';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { UsageError } from '../../src/cli/command.ts';
import { loadPolicies } from '../../src/cli/policies-dir.ts';
import { buildBundle } from '../../src/stack/esbuild.ts';
import type { Exchange } from './requests.ts';

const KIB = 1024;
const ROOT = process.cwd();
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'secresponse-bundle-'));
});

afterAll(async () => {
  await rm(dir, { recursive: true });
});

async function bundle(name: string, options: Partial<Parameters<typeof buildBundle>[0]> = {}) {
  const outfile = join(dir, `${name}.mjs`);
  return { outfile, ...(await buildBundle({ outfile, policiesDir: 'policies', ...options })) };
}

async function run(outfile: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [outfile], { env: { TZ: 'UTC' } });
  return stdout;
}

test('literal schema keys halve a bundle and change neither a request nor what is made of its answer', async () => {
  const entry = join(ROOT, 'test/stack/requests.ts');
  const plain = await bundle('plain', { entry, literalSchemaKeys: false });
  const literal = await bundle('literal', { entry });
  expect(literal.bytes / plain.bytes).toBeLessThan(0.55);

  const [expected, actual] = await Promise.all([run(plain.outfile), run(literal.outfile)]);
  expect(actual).toBe(expected);

  const exchanges = JSON.parse(actual) as Exchange[];
  expect(exchanges).toHaveLength(10);
  // The comparison is worth something: calls were written out, answers and errors understood.
  expect(exchanges).toContainEqual(
    expect.objectContaining({
      call: 'RevokeSecurityGroupEgress',
      sent: expect.objectContaining({
        body: expect.stringContaining('IpPermissions.1.Ipv6Ranges.1.CidrIpv6=%3A%3A%2F0'),
      }),
      result: expect.objectContaining({ name: 'InvalidPermission.NotFound' }),
    }),
  );
  expect(exchanges).toContainEqual(
    expect.objectContaining({ call: 'CreateSecurityGroup', result: expect.objectContaining({ GroupId: 'sg-2' }) }),
  );
  expect(exchanges).toContainEqual(
    expect.objectContaining({
      call: 'UpdateItem',
      result: expect.objectContaining({
        name: 'ConditionalCheckFailedException',
        Item: { pk: { S: 'target#1' }, run: { N: '2' } },
      }),
    }),
  );
});

test('the responder is one module of at most 1,024 KiB that loads and carries no YAML parser', async () => {
  const { outfile, bytes } = await bundle('responder');
  expect(bytes).toBeLessThanOrEqual(1024 * KIB);
  const text = await readFile(outfile, 'utf8');
  expect(text).not.toContain('tag:yaml.org');
  const probe = join(dir, 'probe.mjs');
  await writeFile(probe, `import { handler } from './responder.mjs'; process.stdout.write(typeof handler);`);
  expect(await run(probe)).toBe('function');
});

test('the policies go in resolved', async () => {
  const entry = join(dir, 'policies.ts');
  const resolved = JSON.stringify(join(ROOT, 'src/policy/resolved.ts'));
  await writeFile(entry, `import { policies } from ${resolved}; process.stdout.write(JSON.stringify(policies));`);
  const { outfile } = await bundle('policies', { entry });
  expect(JSON.parse(await run(outfile))).toEqual(loadPolicies(ROOT, 'policies').policies);
});

test('a broken policy is refused with one line for each problem', async () => {
  const policiesDir = join(dir, 'broken');
  await mkdir(policiesDir);
  await writeFile(join(policiesDir, 'default.yml'), 'version: 1\nmode: obzerve\nrule: []\n');
  const error: unknown = await bundle('broken', { policiesDir }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UsageError);
  const lines = (error as UsageError).message.split('\n');
  expect(lines).toEqual([
    expect.stringMatching(/default\.yml:2:7 mode: found .*obzerve.*observe/),
    expect.stringMatching(/default\.yml:3:1 found unknown key .*rule.*did you mean rules\?/),
  ]);
});
