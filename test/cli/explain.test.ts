import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { UsageError } from '../../src/cli/command.ts';
import { explain } from '../../src/cli/explain.ts';
import { runCommand } from './run-command.ts';

const EVENTS = 'test/events/guardduty';
const TARGET = { account: '111122223333', region: 'eu-west-1', instanceId: 'i-0abc12345def67890' };

function fileWith(text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'secresponse-explain-')), 'event.json');
  writeFileSync(file, text);
  return file;
}

test('the text says what the finding is, the target, the response, the rule and why', async () => {
  const { code, out, err } = await runCommand(explain, [`${EVENTS}/instance.json`]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toBe(
    [
      'finding   Backdoor:EC2/C&CActivity.B!DNS, severity 8 (HIGH)',
      '          EC2 instance i-0abc12345def67890 queries a domain name of a known command and control server.',
      '',
      'target    i-0abc12345def67890 in 111122223333 eu-west-1',
      'response  quarantine',
      'rule      high-severity',
      'because   Rule high-severity matches (source guardduty, severity 8, resource type Instance): GuardDuty is confident that the instance is compromised.',
      '',
    ].join('\n'),
  );
});

test('--json is one document with finding, targets and decisions', async () => {
  const { code, out } = await runCommand(explain, [`${EVENTS}/instance.json`, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    finding: { source: 'guardduty', severity: { score: 8 } },
    targets: [{ target: TARGET, decision: { response: 'quarantine', dryRun: false } }],
    refused: [],
    reasons: [],
  });
});

test('a finding without a target is no error: an empty list and the reasons', async () => {
  const { code, out } = await runCommand(explain, [`${EVENTS}/access-key-caller.json`, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ targets: [], reasons: [expect.stringContaining('AccessKey')] });
  const text = await runCommand(explain, [`${EVENTS}/access-key-caller.json`]);
  expect(text.out).toContain('response  ignore\nbecause   The finding is about a resource of type AccessKey');
});

test('an account that the envelope does not vouch for is refused with exit code 2', async () => {
  const { code, out, err } = await runCommand(explain, [`${EVENTS}/delegated-administrator.json`, '--json']);
  expect(code).toBe(2);
  expect(JSON.parse(out)).toMatchObject({ targets: [], refused: [{ ...TARGET, reason: expect.any(String) }] });
  expect(err).toMatch(/^test\/events\/guardduty\/delegated-administrator\.json: i-0abc12345def67890 is refused: .*\n$/);
});

test('without an envelope --account is believed', async () => {
  const answer = `${EVENTS}/get-findings-answer.json`;
  expect(await runCommand(explain, [answer])).toMatchObject({ code: 0 });
  expect(await runCommand(explain, [answer, '--account', '111122223333'])).toMatchObject({ code: 0 });
  expect(await runCommand(explain, [answer, '--account', '444455556666'])).toMatchObject({ code: 2 });
});

test('a manual request takes account and Region from --account and AWS_REGION', async () => {
  const file = fileWith('{"instance_id": "i-0abc12345def67890"}');
  const args = [file, '--account', '111122223333'];
  const { out } = await runCommand(explain, args, { env: { AWS_REGION: 'eu-west-1' } });
  expect(out).toContain('target    i-0abc12345def67890 in 111122223333 eu-west-1\nresponse  quarantine\n');
  await expect(runCommand(explain, args)).rejects.toThrow('region: not given');
});

test('each target of a sequence is explained; one that is not believed is said to be', async () => {
  const { code, out } = await runCommand(explain, [`${EVENTS}/attack-sequence-across-accounts.json`]);
  expect(code).toBe(0);
  expect(out).toContain('target    i-0abc12345def67890 in 111122223333 eu-west-1\nresponse  quarantine\n');
  expect(out).toContain('refused   i-0fed09876abc54321 in 444455556666 us-east-1\nbecause   The event comes from');
});

test('an Inspector finding: its label, its score and what is known of exploits', async () => {
  const { out } = await runCommand(explain, ['test/events/inspector/package-critical-exploit.json']);
  expect(out.split('\n')[0]).toBe('finding   PACKAGE_VULNERABILITY, severity CRITICAL, score 9.8, exploit available');
  expect(out).toContain('response  collect\nrule      exploitable-vulnerability\n');
  const closed = await runCommand(explain, ['test/events/inspector/package-closed.json']);
  expect(closed.out).toContain(', suppressed or closed\n');
});

test('a request by finding id cannot be explained: that takes AWS', async () => {
  const asked = runCommand(explain, [fileWith('{"finding_id": "5ab1"}')]);
  await expect(asked).rejects.toThrow('the finding has to be read from GuardDuty first');
});

test('the mode of the environment is a ceiling', async () => {
  const { out } = await runCommand(explain, [`${EVENTS}/instance.json`], { env: { SECRESPONSE_MODE: 'observe' } });
  expect(out).toContain('response  quarantine (dry run)\n');
});

test('control characters of a finding do not reach the terminal', async () => {
  const file = fileWith(
    JSON.stringify({
      id: 'a',
      accountId: '111122223333',
      region: 'eu-west-1',
      type: 'Trojan:EC2/DropPoint',
      severity: 8,
      title: 'red \u001B[31m\nresponse  ignore',
      resource: { resourceType: 'Instance', instanceDetails: { instanceId: 'i-0abc12345def67890' } },
    }),
  );
  const { out } = await runCommand(explain, [file]);
  expect(out).toContain('          red [31m response ignore\n');
});

test.each([
  [[], 'expected a file'],
  [['a.json', 'b.json'], 'found also b.json'],
  [['a.json', '--acount', '1'], "Unknown option '--acount'"],
  [['a.json', '--account', '12'], '--account: expected 12 digits, found "12"'],
  [['no-such-file.json'], 'no-such-file.json: ENOENT'],
  [[`${EVENTS}/instance.json`, '--policies', 'nowhere'], 'nowhere: no such folder of policies'],
])('bad input %j is one line', async (args, message) => {
  const failure = await runCommand(explain, args).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(UsageError);
  expect((failure as UsageError).message).toContain(message);
  expect((failure as UsageError).message).not.toContain('\n');
});

test('a byte-order mark, as Windows writes it, is no part of the document', async () => {
  const { code } = await runCommand(explain, [
    fileWith('\uFEFF{"instance_id":"i-0abc12345def67890","region":"eu-west-1"}'),
    '--account',
    '111122223333',
  ]);
  expect(code).toBe(0);
});

test.each([
  ['{"instance_id": ', 'not JSON'],
  ['{"source": "aws.inspector2", "detail-type": "Inspector2 Scan", "detail": {}}', 'An Inspector event'],
])('the document %s is one line', async (text, message) => {
  const failure = await runCommand(explain, [fileWith(text)]).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(UsageError);
  expect((failure as UsageError).message).toContain(message);
});
