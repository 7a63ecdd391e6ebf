/** What is left out of the SDK in a bundle: that it is, that nothing misses it, and that a build fails where it is not. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { buildBundle } from '../../src/stack/esbuild.ts';
import { scratchFolder } from '../support/scratch.ts';

const ROOT = process.cwd();
const dir = scratchFolder();

async function bundle(name: string, options: Partial<Parameters<typeof buildBundle>[0]> = {}) {
  const outfile = join(dir, `${name}.mjs`);
  return { outfile, ...(await buildBundle({ outfile, policiesDir: 'policies', ...options })) };
}

async function bundleOf(name: string, source: string, options: Partial<Parameters<typeof buildBundle>[0]> = {}) {
  const entry = join(dir, `${name}.ts`);
  await writeFile(entry, source);
  return bundle(name, { entry, ...options });
}

const sdk = (path: string) => JSON.stringify(join(ROOT, 'node_modules', path));
const STS = sdk('@aws-sdk/client-sts/dist-es/index.js');

async function run(outfile: string, env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [outfile], { env: { TZ: 'UTC', HOME: dir, ...env } });
  return stdout;
}

test('what is left out changes neither a request nor what is made of its answer', async () => {
  const entry = join(ROOT, 'test/stack/requests.ts');
  const [whole, slim] = [await bundle('whole', { entry, slim: false }), await bundle('slim', { entry })];
  expect(slim.bytes / whole.bytes).toBeLessThan(0.8);
  const [expected, actual] = await Promise.all([run(whole.outfile), run(slim.outfile)]);
  expect(actual).toBe(expected);
  // The versions of the clients are among it.
  expect(actual).toMatch(/api\/ec2#\d+\.\d+\.\d+/);
});

test('the responder carries no credentials but those of a Lambda, and no event streams', async () => {
  const { outfile } = await bundle('responder');
  const text = await readFile(outfile, 'utf8');
  const holds = (...words: string[]) => words.filter((word) => text.includes(word));
  const used = ['AWS_SESSION_TOKEN', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'];
  expect(holds(...used)).toEqual(used);
  expect(holds('AssumeRoleWithWebIdentity', 'portal.sso', 'credential_process', 'initial-response')).toEqual([]);
});

const CLIENTS = ['dynamodb', 'elastic-load-balancing-v2', 'iam', 'lambda', 's3', 'ssm'];
const PRINT_ERRORS = `${CLIENTS.map((client, index) => `import * as client${index} from ${sdk(`@aws-sdk/client-${client}/dist-es/models/errors.js`)};`).join('\n')}
const given = { message: 'm', $metadata: { requestId: 'r' }, Message: 'M', Type: 'Sender', Item: { a: 1 } };
const shown = (error) => Object.fromEntries(Object.getOwnPropertyNames(error).filter((key) => key !== 'stack').sort().map((key) => [key, error[key]]));
const all = [${CLIENTS.map((_, index) => `client${index}`).join(', ')}].flatMap((errors) => Object.entries(errors));
process.stdout.write(JSON.stringify(all.map(([name, Made]) => {
  const error = new Made(given);
  return [name, Made.shapeId, String(error), error instanceof Made, error instanceof Error, shown(error)];
})));`;

test('errors that are made by a factory are those that the SDK writes out', async () => {
  const whole = await bundleOf('whole-errors', PRINT_ERRORS, { slim: false });
  const slim = await bundleOf('errors', PRINT_ERRORS);
  expect(slim.bytes / whole.bytes).toBeLessThan(0.6);
  const actual = await run(slim.outfile);
  expect((JSON.parse(actual) as unknown[]).length).toBeGreaterThan(300);
  expect(actual).toContain('"Item":{"a":1}');
  expect(actual).toBe(await run(whole.outfile));
});

const PRINT_CREDENTIALS = `import { STSClient } from ${STS};
const { credentials } = new STSClient({ region: 'eu-central-1' }).config;
process.stdout.write(JSON.stringify(await credentials().catch(({ message }) => ({ message }))));`;

test('credentials come from the environment, as the SDK itself reads them', async () => {
  const env = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'token' };
  const whole = await bundleOf('whole-credentials', PRINT_CREDENTIALS, { slim: false });
  const slim = await bundleOf('credentials', PRINT_CREDENTIALS);
  const actual = await run(slim.outfile, env);
  expect(JSON.parse(actual)).toMatchObject({ accessKeyId: 'AKIA', secretAccessKey: 'secret', sessionToken: 'token' });
  expect(actual).toBe(await run(whole.outfile, env));
});

test('or from the container; where there are none, the error says where they were looked for', async () => {
  const { outfile } = await bundleOf('credentials', PRINT_CREDENTIALS);
  const server = createServer((_, response) =>
    response.end(
      JSON.stringify({ AccessKeyId: 'ASIA', SecretAccessKey: 's', Token: 't', Expiration: '2099-01-01T00:00:00Z' }),
    ),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const container = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/` };
  expect(JSON.parse(await run(outfile, container))).toMatchObject({ accessKeyId: 'ASIA', sessionToken: 't' });
  server.close();

  // A file that the SDK's own chain would read.
  await writeFile(join(dir, 'shared'), '[default]\naws_access_key_id = AKIA\naws_secret_access_key = secret\n');
  const { message } = JSON.parse(await run(outfile, { AWS_SHARED_CREDENTIALS_FILE: join(dir, 'shared') })) as {
    message: string;
  };
  expect(message).toMatch(/^no credentials: .* environment.*AWS_ACCESS_KEY_ID .* nowhere else$/);
});

test.each([
  ['a whole client', `import * as sts from ${STS}; console.log(sts);`],
  ['cannot be shaken', `await import(${sdk('@smithy/core/dist-es/submodules/config/index.js')});`],
  ['credentials that no Lambda uses', `export * from ${sdk('@aws-sdk/credential-provider-ini/dist-es/index.js')};`],
  ['a whole package.json', `import * as text from ${sdk('@smithy/core/package.json')}; console.log(text);`],
  ['event streams', `export * from ${sdk('@smithy/core/dist-es/submodules/event-streams/index.js')};`],
])('a build that holds %s fails and says so', async (what, source) => {
  await expect(bundleOf('refused', source)).rejects.toThrow(what);
  // It is the check that refuses it.
  await expect(bundleOf('let-through', source, { slim: false })).resolves.toMatchObject({ bytes: expect.any(Number) });
});
