/** The main job as a person starts it: one command, a process of its own, its own local AWS or one that runs already. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { run } from '../../src/cli/main.ts';
import { parseFinding } from '../../src/finding/parse.ts';
import { defaultEvent } from '../../src/lab/rehearsal-event.ts';
import type { World } from '../../src/lab/world.ts';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { quickPoliciesDir } from '../support/quick-policies.ts';
import { scratchFolder } from '../support/scratch.ts';

const local = useLocalAws();
const policies = quickPoliciesDir();

interface Ran {
  code: number;
  out: string;
  err: string;
}

function gameday(args: string[], env: Record<string, string> = {}): Promise<Ran> {
  const given = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_')));
  return new Promise((done) => {
    execFile(
      process.execPath,
      [resolve('src/cli/secresponse.js'), 'gameday', ...args],
      { env: { ...given, ...env }, maxBuffer: 10_000_000 },
      (error, out, err) => done({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

/** In this process: on the local AWS that runs for the tests, in an account of its own, and without the dwell. */
async function rehearse(args: string[]): Promise<Ran> {
  const { endpoint } = await local.newAccount();
  const ran: Ran = { code: -1, out: '', err: '' };
  ran.code = await run(['gameday', ...args, '--policies', policies], {
    out: (text) => void (ran.out += text),
    err: (text) => void (ran.err += text),
    env: { AWS_ENDPOINT_URL: endpoint },
    cwd: process.cwd(),
  });
  return ran;
}

const elsewhere: World = {
  account: '444455556666',
  region: 'eu-central-1',
  vpcId: 'vpc-0123456789abcdef0',
  subnetId: 'subnet-0123456789abcdef0',
  instanceId: 'i-0fedcba9876543210',
  interfaceIds: ['eni-0123456789abcdef0'],
  volumeIds: [],
  groupIds: {},
  instanceProfileArn: null,
  roleName: null,
  name: 'billing',
};
const event = defaultEvent(elsewhere, new Date('2026-02-03T04:05:06Z'));

function file(content: unknown): string {
  const path = join(scratchFolder(), 'event.json');
  writeFileSync(path, JSON.stringify(content));
  return path;
}

test('no arguments: the finding is matched, the victim isolated, and everything is shown and kept', async () => {
  const out = scratchFolder();
  const ran = await gameday(['--out', out]);
  expect(ran.code).toBe(0);
  for (const text of [
    'matched by',
    '✓ claim',
    '✓ quarantine-network',
    '✓ verify',
    'QUARANTINED',
    'Isolation verified by a second reading',
    'Seen from outside',
    'HOW TO RELEASE',
    'report.html',
  ])
    expect(ran.out).toContain(text);
  const { incidents } = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')) as { incidents: IncidentResult[] };
  const [incident] = incidents;
  for (const name of ['finding.json', 'instance.json', 'console-screenshot.jpg', 'manifest.json', 'report.html'])
    expect([name, existsSync(join(out, incident?.evidencePrefix ?? '', name))]).toEqual([name, true]);
  expect(existsSync(join(out, 'notification.json'))).toBe(true);
});

test.each([
  ['a whole event', event],
  ['a bare detail', event.detail],
  ['an API-shaped finding', pascal(event.detail)],
])('--event with %s is mapped onto the local world', async (_name, content) => {
  const { code, out } = await rehearse(['--event', file(content), '--json', '--out', scratchFolder()]);
  const { incidents } = JSON.parse(out) as { incidents: IncidentResult[] };
  expect(incidents).toMatchObject([
    { status: 'quarantined', isolation: { verified: true }, finding: { type: 'Backdoor:EC2/C&CActivity.B!DNS' } },
  ]);
  expect(incidents[0]?.target.instanceId).not.toBe(elsewhere.instanceId);
  expect(code).toBe(0);
});

test.each([
  ['inspector/package-critical-exploit', 'collected', 'collect'],
  ['guardduty/attack-sequence', 'quarantined', 'quarantine'],
  ['guardduty/credential-exfiltration', 'awaiting-approval', 'quarantine-after-approval'],
  ['guardduty/eks-runtime-node', 'collected', 'collect'],
])('--event with %s does what explain says', async (name, status, response) => {
  const fixture = resolve('test/events', `${name}.json`);
  const { code, out } = await rehearse(['--event', fixture, '--json', '--out', scratchFolder()]);
  const { incidents } = JSON.parse(out) as { incidents: IncidentResult[] };
  expect(incidents.length).toBeGreaterThan(0);
  const explained = parseFinding(JSON.parse(readFileSync(fixture, 'utf8')), {});
  expect(incidents).toHaveLength(explained.targets.length);
  for (const incident of incidents) expect(incident).toMatchObject({ status, decision: { response }, failures: [] });
  expect(code).toBe(0);
});

test('a finding that no rule admits: says so and why, exit code 0', async () => {
  const low = structuredClone(event) as { detail: { severity: number } };
  low.detail.severity = 2;
  const { code, out } = await rehearse(['--event', file(low)]);
  expect(out).toContain('No rule on EventBridge matches');
  expect(out).toContain('ignore');
  expect(code).toBe(0);
});

test('an endpoint that is no local AWS of ours is refused in one line', async () => {
  const { code, err } = await gameday([], { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' });
  expect(err.trimEnd().split('\n')).toHaveLength(1);
  expect(err).toContain('http://127.0.0.1:9');
  expect(code).toBe(2);
});

test('--keep leaves the local AWS up, and another rehearsal can use it', async () => {
  const first = await gameday(['--keep', '--policies', policies, '--out', scratchFolder()]);
  const [, endpoint = ''] = /AWS_ENDPOINT_URL=(\S+)/.exec(first.out) ?? [];
  const [, pid = ''] = /kill (\d+)/.exec(first.out) ?? [];
  try {
    const second = await gameday(['--policies', policies, '--out', scratchFolder(), '--json'], {
      AWS_ENDPOINT_URL: endpoint,
    });
    expect(second.code).toBe(0);
    expect(JSON.parse(second.out)).toMatchObject({ incidents: [{ status: 'quarantined' }] });
  } finally {
    process.kill(Number(pid));
  }
});

/** The same tree in the letters of the GuardDuty API. */
function pascal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pascal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key.charAt(0).toUpperCase() + key.slice(1), pascal(part)]),
  );
}
