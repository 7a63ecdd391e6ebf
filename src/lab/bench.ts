/** `npm run bench`: the figures of the README, each beside what it is compared with, in one run. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildBundle } from '../stack/esbuild.ts';
import { isolationFigures, LATENCY_MS } from './bench-isolation.ts';
import { startLocalAws } from './local-aws.ts';

const RUNS = 9;
const policiesDir = resolve('policies');
const folder = mkdtempSync(join(tmpdir(), 'secresponse-bench-'));
try {
  await bundles();
  await isolation();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function bundles(): Promise<void> {
  const small = join(folder, 'with.mjs');
  const large = join(folder, 'without.mjs');
  const [withPlugin, without] = [
    await buildBundle({ outfile: small, policiesDir }),
    await buildBundle({ outfile: large, policiesDir, literalSchemaKeys: false }),
  ];
  // In turn, so that a machine that slows down does so for both.
  const cpu: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS; run += 1) {
    cpu[0].push(importCpu(small));
    cpu[1].push(importCpu(large));
  }
  const [fast, slow] = cpu.map(median) as [number, number];
  print('Bundle of the responder, with the schema plugin and without');
  print(
    `  size        ${kib(withPlugin.bytes)} against ${kib(without.bytes)}: ${ratio(withPlugin.bytes, without.bytes)}`,
  );
  print(`  import CPU  ${fast.toFixed(0)} ms against ${slow.toFixed(0)} ms, median of ${RUNS}: ${ratio(fast, slow)}`);
}

/** Milliseconds of CPU that a new process spends on importing the bundle. */
function importCpu(file: string): number {
  const script = `const a = process.cpuUsage(); await import(${JSON.stringify(pathToFileURL(file).href)}); const b = process.cpuUsage(a); process.stdout.write(String((b.user + b.system) / 1000)); process.exit(0)`;
  const env = { PATH: process.env['PATH'], AWS_REGION: 'us-east-1' };
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8' }));
}

async function isolation(): Promise<void> {
  const aws = await startLocalAws();
  try {
    print(
      `\nUntil every interface has left its former groups: ${LATENCY_MS} ms for each call, two interfaces, three volumes,`,
    );
    print('connections not cut; then until the last one is in quarantine, and from the start until that is verified');
    print('  way               rounds  seconds  of rounds × latency  to quarantine  verified');
    for (const { name, rounds, seconds, ratio: times, finalSeconds, verifiedSeconds } of await isolationFigures(aws)) {
      const columns = [
        name.padEnd(16),
        String(rounds).padStart(7),
        seconds.toFixed(2).padStart(8),
        `× ${times.toFixed(2)}`.padStart(20),
        (finalSeconds === null ? '–' : `+ ${finalSeconds.toFixed(2)} s`).padStart(14),
        (verifiedSeconds === null ? 'never' : `${verifiedSeconds.toFixed(2)} s`).padStart(9),
      ];
      print(`  ${columns.join(' ')}`);
    }
  } finally {
    await aws.stop();
  }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function ratio(one: number, other: number): string {
  return `× ${(one / other).toFixed(2)}`;
}

function kib(bytes: number): string {
  return `${Math.round(bytes / 1024)} KiB`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
