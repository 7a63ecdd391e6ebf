/** `doctor` as a whole: what is ready, what it could not look at and therefore does not call ready, and what it refuses. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { ledgerGateway } from '../../src/aws/ledger.ts';
import { checks } from '../../src/doctor/index.ts';
import { labConfig } from '../../src/lab/client.ts';
import { createAgentEndpoints } from '../../src/lab/endpoints.ts';
import { createWorld } from '../../src/lab/world.ts';
import { isWrite, patientBudgets, smallBudgets } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { readyAccount, type ReadyAccount } from '../support/ready-account.ts';
import { PREFIX } from '../support/ready-stack.ts';
import { scratchFolder } from '../support/scratch.ts';
import { diagnosed, doctor } from '../support/doctor.ts';

const local = useLocalAws();

/** For the tests that change nothing in it: making one takes a second. */
let ready: Promise<ReadyAccount> | undefined;
const inOrder = (): Promise<ReadyAccount> => (ready ??= local.newAccount().then((account) => readyAccount(account)));

const ledgerOf = ({ env, account }: ReadyAccount) =>
  ledgerGateway(env['INCIDENT_TABLE'] ?? '', { ...labConfig(account), budgets: patientBudgets });

test('all in order: ready, every check has looked, and nothing was written', async () => {
  const room = await inOrder();
  const start = room.account.proxy.calls.length;
  const { code, wrong, all } = await diagnosed(room);
  expect(wrong).toEqual([]);
  expect(code).toBe(0);
  const silent = ['collection', 'function-api', 'concurrency-api', 'role-api', 'signing-key'];
  expect(checks.map(({ name }) => name).filter((name) => !all.some(({ check }) => check === name))).toEqual(silent);
  expect(room.account.proxy.calls.slice(start).filter(({ operation }) => isWrite(operation))).toEqual([]);
  const { out } = await doctor(room);
  expect(out).toContain(`READY  account ${room.account.account}, us-east-1, stage dev`);
  expect(out).not.toContain('NOT READY');
});

test('a vault without Object Lock is told of, and that it takes a new one', async () => {
  const { wrong } = await diagnosed(await readyAccount(await local.newAccount(), { bucket: { objectLock: false } }));
  const lock = wrong.find(({ check }) => check === 'vault-lock');
  expect(lock).toMatchObject({ level: 'not-ready', says: expect.stringContaining('Object Lock is off') });
  // A bucket that was made without it is not versioned either.
  expect(wrong.map(({ check }) => check)).toEqual(['vault-versioning', 'vault-lock']);
});

test('a table whose key is a number: nothing more is asked of it', async () => {
  const room = await readyAccount(await local.newAccount(), {
    table: {
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'N' }],
      GlobalSecondaryIndexes: undefined,
    },
  });
  const { wrong, all } = await diagnosed(room);
  expect(wrong).toEqual([expect.objectContaining({ check: 'ledger', says: expect.stringContaining('is no string') })]);
  expect(all.some(({ check }) => ['ledger-index', 'ledger-recovery', 'stop-flag'].includes(check))).toBe(false);
});

test('a function that nothing can start', async () => {
  const { wrong } = await diagnosed(await readyAccount(await local.newAccount(), { alias: false }));
  expect(wrong.map(({ check, level }) => [check, level])).toEqual([
    ['alias-responder', 'not-ready'],
    ['alias-release', 'not-ready'],
  ]);
});

test('another stage than the one that is deployed: no functions, no rules, and how to name it', async () => {
  const room = await inOrder();
  const { code, wrong } = await diagnosed(room, ['--stage', 'prod']);
  expect(code).toBe(1);
  const about = new Set(wrong.map(({ check }) => check));
  expect([...about]).toEqual([
    'function-responder',
    'function-release',
    'function-session-denier',
    'function-watcher',
    'rules',
  ]);
  expect(wrong[0]?.todo).toContain('--stage');
});

test('observe: ready, and it says that nothing is armed; likewise where the policies observe', async () => {
  const observing = await readyAccount(await local.newAccount());
  const policies = join(scratchFolder(), 'policies');
  cpSync('policies', policies, { recursive: true });
  const file = join(policies, 'default.yml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('mode: enforce', 'mode: observe'));
  const own = await diagnosed(observing, ['--policies', policies]);
  expect(own.code).toBe(0);
  expect(own.wrong).toMatchObject([{ check: 'mode', level: 'warning', says: expect.stringContaining('default') }]);

  const FunctionName = `${PREFIX}responder`;
  for (const mode of [{ SECRESPONSE_MODE: 'observe' }, {}]) {
    const Variables = { ...observing.places, ...mode };
    await observing.clients.lambda.send(
      new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }),
    );
    const { code, wrong } = await diagnosed(observing);
    expect(code).toBe(0);
    expect(wrong).toMatchObject([
      { check: 'mode', level: 'warning', says: expect.stringContaining('nothing is armed') },
    ]);
  }
});

test('policies with a problem, or with a test that fails: its place is told', async () => {
  const room = await inOrder();
  const folder = scratchFolder();
  writeFileSync(join(folder, 'default.yml'), 'version: 1\nrulez: []\nrules: []\n');
  const broken = await diagnosed(room, ['--policies', folder]);
  expect(broken.code).toBe(1);
  expect(broken.wrong).toMatchObject([
    { check: 'policies', level: 'not-ready', says: expect.stringMatching(/default\.yml:2:1 .*rulez/) },
    { check: 'rules', level: 'warning' },
  ]);
  const test = 'tests: [{ name: wrong, finding: { type: A:EC2/B, severity: 8 }, expect: quarantine, rule: r }]';
  writeFileSync(join(folder, 'default.yml'), `version: 1\nmode: enforce\nrules: []\n${test}\n`);
  const failing = await diagnosed(room, ['--policies', folder]);
  expect(failing.wrong.find(({ check }) => check === 'policies')?.says).toMatch(/default\.yml:4:\d+ /);
});

test('the limits that are in force are told', async () => {
  const { all } = await diagnosed(await inOrder());
  const policies = all.find(({ check }) => check === 'policies');
  expect(policies?.says).toContain('limits: 5 quarantines an hour');
  expect(policies?.says).toContain('50 % of a group, 2 more an hour for critical findings');
});

test('stopped: not ready, by whom and why, and how to go on', async () => {
  const room = await readyAccount(await local.newAccount());
  await ledgerOf(room).stop({ reason: 'maintenance', by: 'mia', at: '2026-11-24T10:00:00.000Z' });
  const { code, wrong } = await diagnosed(room);
  expect(code).toBe(1);
  expect(wrong).toEqual([
    {
      check: 'stop-flag',
      level: 'not-ready',
      says: 'stopped since 2026-11-24T10:00:00.000Z by mia (maintenance): new findings are parked',
      todo: expect.stringContaining('npx secresponse resume'),
    },
  ]);
});

test('a VPC with endpoints for the agent is in order', async () => {
  const room = await readyAccount(await local.newAccount());
  const world = await createWorld({ endpoint: room.account.endpoint });
  await createAgentEndpoints({ endpoint: room.account.endpoint }, world);
  const { wrong, all } = await diagnosed(room);
  expect(wrong).toEqual([]);
  expect(all.find(({ check }) => check === 'endpoints')?.says).toContain(
    `${world.vpcId} (1 instance): hosts are asked through`,
  );
});

/** In rounds: where one of a round is denied, the checks of the others still come to their own. */
const denied = [
  [
    ['vault', 's3:ListBucket', 'HeadBucket'],
    ['vault-lock', 's3:GetBucketObjectLockConfiguration', 'GetObjectLockConfiguration'],
    ['vault-key', 's3:GetEncryptionConfiguration, kms:DescribeKey', 'DescribeKey'],
    ['topic', 'sns:GetTopicAttributes', 'GetTopicAttributes'],
    ['subscription-filter', 'sns:ListSubscriptionsByTopic, sns:GetSubscriptionAttributes', 'GetSubscriptionAttributes'],
    ['ledger-recovery', 'dynamodb:DescribeContinuousBackups', 'DescribeContinuousBackups'],
    ['collection-document', 'ssm:GetDocument', 'GetDocument'],
    ['collection-role', 'iam:ListAttachedRolePolicies', 'ListAttachedRolePolicies'],
    ['guardduty', 'guardduty:GetDetector', 'GET /detector*'],
    ['role-release', 'lambda:GetFunctionConfiguration, iam:GetRole', 'GetRole'],
    ['rule-targets', 'events:ListRules, events:ListTargetsByRule', 'ListTargetsByRule'],
    ['permission-responder', 'lambda:GetPolicy, events:ListRules', 'GET *responder/policy*'],
    ['alarms', 'cloudwatch:DescribeAlarms, events:ListRules', 'DescribeAlarms'],
    ['endpoints', 'ec2:DescribeInstances, ec2:DescribeVpcEndpoints', 'DescribeVpcEndpoints'],
  ],
  [
    ['subscription', 'sns:ListSubscriptionsByTopic', 'ListSubscriptionsByTopic'],
    ['alias-responder', 'lambda:GetAlias', 'GET *responder/aliases/durable'],
    ['rules', 'events:ListRules', 'ListRules'],
  ],
  [
    [
      'message-key',
      'sns:GetTopicAttributes, sqs:GetQueueUrl, sqs:GetQueueAttributes, kms:DescribeKey',
      'GetQueueAttributes',
    ],
  ],
] as const;

test.each(denied)('denied readings are no verdicts: not ready, and the permissions are named', async (...round) => {
  const room = await inOrder();
  const undo = round.map(([, , operation]) => room.account.proxy.fault({ operation, kind: 'denied' }));
  const { code, wrong } = await diagnosed(room);
  const { out } = await doctor(room);
  for (const one of undo) one();
  expect(code).toBe(1);
  for (const one of wrong) expect(one.level).toBe('unchecked');
  for (const [check, permission] of round) {
    expect(wrong).toContainEqual({
      check,
      level: 'unchecked',
      says: expect.stringMatching(`^could not be checked: the caller lacks ${permission}`),
      todo: `allow ${permission}`,
      permission,
    });
    expect(out).toMatch(new RegExp(`NOT READY[\\s\\S]*\\? ${check} +could not be checked`));
  }
});

test('a reading that fails otherwise is no verdict either', async () => {
  const room = await inOrder();
  const undo = [
    room.account.proxy.fault({ operation: 'GetBucketVersioning', kind: 'hang' }),
    room.account.proxy.fault({ operation: 'DescribeAlarms', kind: 'hang' }),
    room.account.proxy.fault({ operation: 'DescribeKey', kind: 'reset' }),
  ];
  const { code, wrong } = await diagnosed(room, [], { SECRESPONSE_BUDGETS: JSON.stringify(smallBudgets) });
  for (const one of undo) one();
  expect(code).toBe(1);
  for (const check of ['vault-versioning', 'alarms', 'vault-key', 'ledger-key', 'message-key'])
    expect(wrong).toContainEqual(expect.objectContaining({ check, level: 'unchecked' }));
  const saidOf = (name: string) => wrong.find(({ check }) => check === name)?.says;
  expect(saidOf('vault-key')).toMatch(/^kms does not answer: (?!fetch failed)./);
  expect(saidOf('alarms')).toMatch(/^cloudwatch does not answer: .*timeout/);
});

test('no settings, no such stage, no policies: one line and exit code 2', async () => {
  const room = await inOrder();
  const refused = async (args: string[], env: Record<string, string> = {}) => {
    const { code, out, err } = await doctor(room, args, env);
    expect([code, out, err.split('\n').length]).toEqual([2, '', 2]);
    return err;
  };
  expect(await refused([], { EVIDENCE_BUCKET: '' })).toContain('EVIDENCE_BUCKET is not set');
  expect(await refused(['--stage', '../prod'])).toContain('--stage takes letters');
  expect(await refused(['--policies', 'nowhere'])).toContain('no such folder of policies');
  // The last: it stays.
  room.account.proxy.fault({ operation: 'GetCallerIdentity', kind: 'denied' });
  expect(await refused([])).toContain('the account of the AWS credentials could not be read');
});
