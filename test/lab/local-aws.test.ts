import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { labConfig } from '../../src/lab/client.ts';
import { attachLocalAws, startLocalAws } from '../../src/lab/local-aws.ts';
import { makeVenv } from '../../src/lab/python.ts';

const MODULE = fileURLToPath(new URL('../../src/lab/local-aws.ts', import.meta.url));

/** Starts a local AWS in another process, which then waits. */
async function startElsewhere(options: object) {
  const script = `
    const { startLocalAws } = await import(${JSON.stringify(MODULE)});
    const { endpoint, pid } = await startLocalAws(${JSON.stringify(options)});
    console.log(JSON.stringify({ endpoint, pid }));
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  return { parent, ...(JSON.parse(line.toString()) as { endpoint: string; pid: number }) };
}

/** The process alone would not tell: an orphan that has ended may stay in the process table. */
async function answers(endpoint: string): Promise<boolean> {
  return fetch(`${endpoint}/moto-api/secresponse`).then(
    () => true,
    () => false,
  );
}

async function ends(endpoint: string): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (!(await answers(endpoint))) return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return false;
}

test('a local AWS ends with its parent, however that ends', async () => {
  const { parent, endpoint } = await startElsewhere({});
  expect(await answers(endpoint)).toBe(true);
  parent.kill('SIGKILL');
  expect(await ends(endpoint)).toBe(true);
});

test('a kept local AWS outlives its parent, can be attached to, and ends by its pid', async () => {
  const { parent, pid, endpoint } = await startElsewhere({ keep: true });
  try {
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    const attached = await attachLocalAws(endpoint);
    await attached.reset();
    await attached.stop();
    expect(await answers(endpoint)).toBe(true);
  } finally {
    process.kill(pid);
  }
  expect(await ends(endpoint)).toBe(true);
});

test('reset forgets everything', async () => {
  const aws = await startLocalAws();
  try {
    const s3 = new S3Client(labConfig({ endpoint: aws.endpoint }));
    await s3.send(new CreateBucketCommand({ Bucket: 'vault' }));
    await aws.reset();
    expect((await s3.send(new ListBucketsCommand({}))).Buckets ?? []).toEqual([]);
  } finally {
    await aws.stop();
  }
});

test('attaching refuses an endpoint where something else or nothing answers', async () => {
  const other = createServer((_, response) => response.end('hello'));
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const endpoint = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  await expect(attachLocalAws(endpoint)).rejects.toThrow('is not a local AWS of this project');
  other.close();
  await once(other, 'close');
  await expect(attachLocalAws(endpoint)).rejects.toThrow('no local AWS answers');
});

test('without any Python, one line says what to do', async () => {
  await expect(makeVenv(() => {}, { PATH: '/nonexistent' })).rejects.toThrow(/needs Python 3\.10 or newer: install/);
});
