import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { explain } from '../../src/cli/explain.ts';
import { policy } from '../../src/cli/policy.ts';
import { ROOT, runCommand } from './run-command.ts';

/** A folder with `policies/` in it. */
function folderWith(files: Record<string, string>): string {
  const cwd = mkdtempSync(join(tmpdir(), 'secresponse-policy-'));
  mkdirSync(join(cwd, 'policies', 'accounts'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, 'policies', name), text);
  return cwd;
}

const SOUND = 'version: 1\nrules: [{ id: all, when: { source: guardduty }, respond: notify }]\n';

test("check passes the project's own policies", async () => {
  const { code, out, err } = await runCommand(policy, ['check']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/^1 policy file valid; (\d+) of \1 tests passed\n$/);
});

test.each(['strict', 'notify-only'])('check passes the example %s', async (name) => {
  const dir = `policies/examples/${name}`;
  const { code, out, err } = await runCommand(policy, ['check', dir]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/^1 policy file valid; (\d+) of \1 tests passed\n$/);
  const text = readFileSync(join(ROOT, dir, 'default.yml'), 'utf8');
  expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.\/\.\.\/policy\.schema\.json\n/);
});

test('what the examples are for', async () => {
  const decisions = async (dir: string) => {
    const args = ['test/events/inspector/package-critical-exploit.json', '--policies', dir];
    return (await runCommand(explain, args)).out;
  };
  expect(await decisions('policies/examples/strict')).toContain('response  quarantine\n');
  expect(await decisions('policies/examples/notify-only')).toContain('response  notify\n');
});

test('check names each problem with file, line and column: exit code 2', async () => {
  const cwd = folderWith({
    'default.yml': 'version: 1\nruels: []\nrules: []\n',
    'accounts/111122223333.yml': 'version: 1\nextends: nothing\n',
    'accounts/production.yml': SOUND,
  });
  const { code, out, err } = await runCommand(policy, ['check'], { cwd });
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err.trimEnd().split('\n')).toEqual([
    'policies/accounts/production.yml:1:1 found this name, expected <12 digits>.yml',
    expect.stringMatching(/^policies\/default\.yml:2:1 found unknown key "ruels", .*did you mean rules\?$/),
    'policies/accounts/111122223333.yml:2:10 extends: found "nothing", expected "default"',
  ]);
});

test('check says where the default is missing', async () => {
  const { code, err } = await runCommand(policy, ['check'], { cwd: folderWith({}) });
  expect({ code, err }).toEqual({
    code: 2,
    err: 'policies/default.yml:1:1 is missing; expected the policy for all accounts\n',
  });
});

test('a failed test in a policy: exit code 1', async () => {
  const cwd = folderWith({ 'default.yml': `${SOUND}tests: [{ finding: { severity: 9 }, expect: quarantine }]\n` });
  const { code, out, err } = await runCommand(policy, ['check', 'policies'], { cwd });
  expect(code).toBe(1);
  expect(out).toBe('1 policy file valid; 0 of 1 test passed\n');
  expect(err).toMatch(/^policies\/default\.yml:3:9 test: expected quarantine, decided notify by rule all\. /);
});

test('rules are the patterns, as text or as JSON', async () => {
  const text = await runCommand(policy, ['rules']);
  expect(text.out).toMatch(/^guardduty\n\{\n/);
  const { code, out } = await runCommand(policy, ['rules', 'policies', '--json']);
  expect(code).toBe(0);
  const compiled = JSON.parse(out) as { name: string; pattern: { source: string[] } }[];
  expect(compiled.map(({ name, pattern }) => [name, ...pattern.source])).toEqual([
    ['guardduty', 'aws.guardduty'],
    ['guardduty-2', 'aws.guardduty'],
    ['guardduty-3', 'aws.guardduty'],
    ['inspector', 'aws.inspector2'],
  ]);
});

test('rules of a broken policy: the first problem, and how many more', async () => {
  const cwd = folderWith({ 'default.yml': 'version: 2\n', 'accounts/x.yml': '' });
  await expect(runCommand(policy, ['rules'], { cwd })).rejects.toThrow(
    /accounts\/x\.yml:1:1 .* \(and \d+ more: secresponse policy check\)$/,
  );
});

test('schema is JSON', async () => {
  const { code, out } = await runCommand(policy, ['schema']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ type: 'object', additionalProperties: false });
});

test.each([
  [[], 'expected check, rules or schema, found nothing'],
  [['chek'], 'found chek'],
  [['check', 'a', 'b'], 'found also b'],
  [['rules', '--jsn'], "Unknown option '--jsn'"],
])('bad input %j', async (args, message) => {
  await expect(runCommand(policy, args)).rejects.toThrow(message);
});
