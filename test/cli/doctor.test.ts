/** `doctor`: it finds each planted misconfiguration, and nothing but that; what it could not look at it does not call ready. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { DisableRuleCommand, PutRuleCommand, RemoveTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  RemoveRoleFromInstanceProfileCommand,
} from '@aws-sdk/client-iam';
import { PutFunctionConcurrencyCommand, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import {
  DeleteBucketLifecycleCommand,
  PutBucketVersioningCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { ledgerGateway } from '../../src/aws/ledger.ts';
import { run } from '../../src/cli/main.ts';
import type { CheckResult } from '../../src/doctor/check.ts';
import { checks } from '../../src/doctor/index.ts';
import { labConfig } from '../../src/lab/client.ts';
import { createAgentEndpoints } from '../../src/lab/endpoints.ts';
import { createWorld } from '../../src/lab/world.ts';
import { isWrite, smallBudgets } from '../support/incident-room.ts';
import { PROFILE } from '../support/host.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { CLOSED, PREFIX, readyAccount, type Planted, type ReadyAccount } from '../support/ready-account.ts';
import { scratchFolder } from '../support/scratch.ts';

const local = useLocalAws();

/** A busy machine is no finding. */
const patient = { ...smallBudgets, callTimeoutMs: 15_000, readMs: 20_000 };

interface Answer {
  code: number;
  out: string;
  err: string;
}

async function doctor({ env }: ReadyAccount, args: string[] = [], more: Record<string, string> = {}): Promise<Answer> {
  const all = { ...env, SECRESPONSE_BUDGETS: JSON.stringify(patient), ...more };
  Object.assign(process.env, env);
  const answer: Answer = { code: -1, out: '', err: '' };
  answer.code = await run(['doctor', ...args], {
    out: (text) => void (answer.out += text),
    err: (text) => void (answer.err += text),
    env: all,
    cwd: process.cwd(),
  });
  return answer;
}

const ledgerOf = ({ env, account }: ReadyAccount) =>
  ledgerGateway(env['INCIDENT_TABLE'] ?? '', { ...labConfig(account), budgets: smallBudgets });

interface Diagnosis {
  ready: boolean;
  account: string;
  checks: CheckResult[];
}

/** The exit code, and all that is not in order. */
async function diagnosed(room: ReadyAccount, args: string[] = [], env: Record<string, string> = {}) {
  const { code, out, err } = await doctor(room, ['--json', ...args], env);
  expect(err).toBe('');
  const { doctor: diagnosis } = JSON.parse(out) as { doctor: Diagnosis };
  expect(code).toBe(diagnosis.ready ? 0 : 1);
  const wrong = diagnosis.checks.filter(({ level }) => level !== 'ok');
  for (const { todo } of wrong) expect(todo).toBeTruthy();
  return { code, wrong, all: diagnosis.checks };
}

test('all in order: ready, every check has looked, and nothing was written', async () => {
  const room = await readyAccount(await local.newAccount());
  const start = room.account.proxy.calls.length;
  const { code, wrong, all } = await diagnosed(room);
  expect(wrong).toEqual([]);
  expect(code).toBe(0);
  const silent = ['collection', 'signing-key'];
  expect(checks.map(({ name }) => name).filter((name) => !all.some(({ check }) => check === name))).toEqual(silent);
  expect(room.account.proxy.calls.slice(start).filter(({ operation }) => isWrite(operation))).toEqual([]);
  const { out } = await doctor(room);
  expect(out).toContain(`READY  account ${room.account.account}, us-east-1, stage dev`);
  expect(out).not.toContain('NOT READY');
});

type Plant = Planted | ((room: ReadyAccount) => Promise<unknown>);
type Row = [name: string, check: string, level: 'not-ready' | 'warning', says: RegExp, plant: Plant, env?: object];

const vault = ({ env }: ReadyAccount) => env['EVIDENCE_BUCKET'];
const rule = `${PREFIX}guardduty`;
const many = [{ Protocol: 'email', Endpoint: 'mia@example.com' }];
const strings = [{ AttributeName: 'pk', AttributeType: 'S' as const }];

const rows: Row[] = [
  ['no vault', 'vault', 'not-ready', /s3:\/\/nowhere does not exist/, {}, { EVIDENCE_BUCKET: 'nowhere' }],
  [
    'versioning off',
    'vault-versioning',
    'not-ready',
    /versioning is off/,
    (room) =>
      room.clients.s3.send(
        new PutBucketVersioningCommand({ Bucket: vault(room), VersioningConfiguration: { Status: 'Suspended' } }),
      ),
  ],
  ['no default retention', 'vault-lock', 'not-ready', /no default retention/, { bucket: { retention: false } }],
  [
    'open to the public in part',
    'vault-public-access',
    'not-ready',
    /not blocked \(BlockPublicPolicy\)/,
    (room) =>
      room.clients.s3.send(
        new PutPublicAccessBlockCommand({
          Bucket: vault(room),
          PublicAccessBlockConfiguration: { ...CLOSED, BlockPublicPolicy: false },
        }),
      ),
  ],
  ['encrypted without a key', 'vault-encryption', 'warning', /AES256/, { bucket: { encryption: 'AES256' } }],
  ['not encrypted', 'vault-encryption', 'not-ready', /no encryption/, { bucket: { encryption: false } }],
  [
    'no topic',
    'topic',
    'not-ready',
    /arn:aws:sns:us-east-1:111122223333:nowhere does not exist/,
    {},
    { NOTIFICATION_TOPIC_ARN: 'arn:aws:sns:us-east-1:111122223333:nowhere' },
  ],
  ['nobody subscribed', 'subscription', 'not-ready', /nobody is subscribed/, { subscribe: [] }],
  ['nobody has confirmed', 'subscription', 'not-ready', /nobody hears.*email mia@example\.com/, { subscribe: many }],
  [
    'one of two has not confirmed',
    'subscription',
    'warning',
    /not confirmed yet: email mia@example\.com/,
    { subscribe: [...many, { Protocol: 'sqs', Endpoint: 'arn:aws:sqs:us-east-1:111122223333:pager' }] },
  ],
  ['no table', 'ledger', 'not-ready', /table nowhere does not exist/, {}, { INCIDENT_TABLE: 'nowhere' }],
  [
    'no index',
    'ledger-index',
    'not-ready',
    /no index "open"/,
    { table: { AttributeDefinitions: strings, GlobalSecondaryIndexes: undefined } },
  ],
  ['no recovery', 'ledger-recovery', 'not-ready', /point-in-time recovery is off/, { recovery: false }],
  ['no drop box', 'drop-box', 'not-ready', /s3:\/\/nowhere does not exist/, {}, { DROP_BOX_BUCKET: 'nowhere' }],
  [
    'drop box open to the public',
    'drop-box-public-access',
    'not-ready',
    /not blocked \(RestrictPublicBuckets\)/,
    ({ clients, env }) =>
      clients.s3.send(
        new PutPublicAccessBlockCommand({
          Bucket: env['DROP_BOX_BUCKET'],
          PublicAccessBlockConfiguration: { ...CLOSED, RestrictPublicBuckets: false },
        }),
      ),
  ],
  [
    'uploads stay',
    'drop-box-expiry',
    'warning',
    /stays for ever/,
    ({ clients, env }) => clients.s3.send(new DeleteBucketLifecycleCommand({ Bucket: env['DROP_BOX_BUCKET'] })),
  ],
  ['no collection profile set', 'collection', 'warning', /PROFILE is not set/, {}, { COLLECTION_INSTANCE_PROFILE: '' }],
  ['no document set', 'collection', 'warning', /DOCUMENT is not set/, {}, { COLLECTION_DOCUMENT: '' }],
  [
    'no such profile',
    'collection-profile',
    'not-ready',
    /instance profile nowhere does not exist/,
    {},
    { COLLECTION_INSTANCE_PROFILE: 'nowhere' },
  ],
  [
    'an empty profile',
    'collection-profile',
    'not-ready',
    /has no role/,
    ({ clients }) =>
      clients.iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName: PROFILE, RoleName: PROFILE })),
  ],
  ['a role that EC2 may not take', 'collection-profile', 'not-ready', /EC2 may not take role/, { trust: '{}' }],
  [
    'a role with more than it needs',
    'collection-role',
    'not-ready',
    /more than the agent needs.*:policy\/everything/,
    async ({ clients }) => {
      const PolicyDocument = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}';
      const { Policy } = await clients.iam.send(new CreatePolicyCommand({ PolicyName: 'everything', PolicyDocument }));
      await clients.iam.send(new AttachRolePolicyCommand({ RoleName: PROFILE, PolicyArn: Policy?.Arn }));
    },
  ],
  ['no document', 'collection-document', 'not-ready', /does not exist/, { document: null }],
  [
    'another document',
    'collection-document',
    'not-ready',
    /not the one of this version/,
    { document: { schemaVersion: '2.2', mainSteps: [] } },
  ],
  ['no detector', 'guardduty', 'not-ready', /no detector in us-east-1/, { detector: null }],
  ['a suspended detector', 'guardduty', 'not-ready', /is suspended/, { detector: { Enable: false } }],
  [
    'a slow detector',
    'guardduty',
    'warning',
    /only every 6 hours/,
    { detector: { Enable: true, FindingPublishingFrequency: 'SIX_HOURS' } },
  ],
  [
    'a failed function',
    'function-release',
    'not-ready',
    /release is Failed/,
    { functions: { release: tagged('state', 'Failed') } },
  ],
  [
    'a failed update',
    'function-session-denier',
    'not-ready',
    /last update of .*session-denier: Failed/,
    { functions: { 'session-denier': tagged('last-update', 'Failed') } },
  ],
  [
    'a function that is not durable',
    'function-responder',
    'not-ready',
    /responder is not durable/,
    { functions: { responder: { DurableConfig: undefined } } },
  ],
  [
    'no session denier',
    'function-session-denier',
    'not-ready',
    /there is no function/,
    { functions: { 'session-denier': null } },
  ],
  [
    'switched off by concurrency',
    'concurrency-responder',
    'not-ready',
    /reserved concurrency of secresponse-dev-responder is 0/,
    ({ clients }) =>
      clients.lambda.send(
        new PutFunctionConcurrencyCommand({ FunctionName: `${PREFIX}responder`, ReservedConcurrentExecutions: 0 }),
      ),
  ],
  [
    'another drop box in the function',
    'settings',
    'not-ready',
    /DROP_BOX_BUCKET is drop-box-\w+ there/,
    {},
    { DROP_BOX_BUCKET: '' },
  ],
  [
    'a disabled rule',
    'rules',
    'not-ready',
    /rule secresponse-dev-guardduty is disabled/,
    ({ clients }) => clients.events.send(new DisableRuleCommand({ Name: rule })),
  ],
  [
    'a rule that admits something else',
    'rules',
    'not-ready',
    /guardduty admits other events/,
    ({ clients }) =>
      clients.events.send(new PutRuleCommand({ Name: rule, EventPattern: '{"source":["aws.guardduty"]}' })),
  ],
  [
    'a rule that starts nothing',
    'rules',
    'not-ready',
    /guardduty does not start the responder/,
    ({ clients }) => clients.events.send(new RemoveTargetsCommand({ Rule: rule, Ids: ['responder'] })),
  ],
  [
    'a rule of other policies',
    'rules',
    'warning',
    /guardduty-99 is none that the policies compile to/,
    ({ clients }) =>
      clients.events.send(
        new PutRuleCommand({ Name: `${PREFIX}guardduty-99`, EventPattern: '{"source":["aws.guardduty"]}' }),
      ),
  ],
  [
    'a VPC without endpoints',
    'endpoints',
    'warning',
    /^vpc-\w+ \(1 instance\) has no endpoints/,
    (room) => createWorld(room.account),
  ],
  ['a key for signing', 'signing-key', 'warning', /signs no manifest/, {}, { SIGNING_KEY_ID: 'alias/evidence' }],
];

function tagged(name: 'state' | 'last-update', value: string) {
  return { Tags: { [`lambda:${name}`]: value } };
}

/** Rows that do not get in one another's way share an account, since making one takes a second. Rows about settings take a place away from others. */
function batches(): Row[][] {
  const needed = new Map(checks.map(({ name, needs }) => [name, needs]));
  const alone = (check: string): string => (/^(collection|settings)/.test(check) ? 'settings' : check);
  const apart = (one: string, other: string): boolean =>
    alone(one) === alone(other) || needed.get(one) === other || needed.get(other) === one;
  const made: Row[][] = [];
  for (const row of rows) {
    const fits = made.find((batch) => batch.every((other) => !apart(row[1], other[1])));
    if (fits) fits.push(row);
    else made.push([row]);
  }
  return made;
}

function merged(plants: Plant[]): Planted {
  const all: Record<string, unknown> = {};
  for (const plant of plants)
    for (const [key, value] of Object.entries(typeof plant === 'function' ? {} : plant))
      all[key] =
        value !== null && typeof value === 'object' && !Array.isArray(value)
          ? { ...(all[key] ?? {}), ...value }
          : value;
  return all;
}

const names = (batch: Row[]): string => batch.map(([name]) => name).join(', ');

test.each(batches().map((batch) => [names(batch), batch] as const))(
  '%s: each is found, and nothing else',
  async (_names, batch) => {
    const room = await readyAccount(await local.newAccount(), merged(batch.map((row) => row[4])));
    for (const [, , , , plant] of batch) if (typeof plant === 'function') await plant(room);
    const { code, wrong } = await diagnosed(
      room,
      [],
      Object.assign({}, ...batch.map((row) => row[5] ?? {})) as Record<string, string>,
    );
    const expected = batch.map(([, check, level, says]) =>
      expect.objectContaining({ check, level, says: expect.stringMatching(says) }),
    );
    // A place that is not the function's own is told beside it.
    const beside = wrong.filter(({ check }) => check !== 'settings' || batch.some((row) => row[1] === 'settings'));
    expect(beside).toHaveLength(expected.length);
    for (const one of expected) expect(beside).toContainEqual(one);
    expect(code).toBe(wrong.some(({ level }) => level === 'not-ready') ? 1 : 0);
  },
);

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
  const room = await readyAccount(await local.newAccount());
  const { code, wrong } = await diagnosed(room, ['--stage', 'prod']);
  expect(code).toBe(1);
  const about = new Set(wrong.map(({ check }) => check));
  expect([...about]).toEqual(['function-responder', 'function-release', 'function-session-denier', 'rules']);
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
  const room = await readyAccount(await local.newAccount());
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
  const { all } = await diagnosed(await readyAccount(await local.newAccount()));
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

const denied = [
  ['vault-lock', 's3:GetBucketObjectLockConfiguration', 'GetObjectLockConfiguration'],
  ['subscription', 'sns:ListSubscriptionsByTopic', 'ListSubscriptionsByTopic'],
  ['ledger-recovery', 'dynamodb:DescribeContinuousBackups', 'DescribeContinuousBackups'],
  ['collection-document', 'ssm:GetDocument', 'GetDocument'],
  ['guardduty', 'guardduty:GetDetector', 'GET /detector*'],
  ['alias-responder', 'lambda:GetAlias', 'GET *responder/aliases/durable'],
  ['collection-role', 'iam:ListAttachedRolePolicies', 'ListAttachedRolePolicies'],
  ['rules', 'events:ListRules, events:ListTargetsByRule', 'ListTargetsByRule'],
  ['endpoints', 'ec2:DescribeInstances, ec2:DescribeVpcEndpoints', 'DescribeVpcEndpoints'],
  ['vault', 's3:ListBucket', 'HeadBucket'],
  ['topic', 'sns:GetTopicAttributes', 'GetTopicAttributes'],
] as const;

test('a denied reading is no verdict: not ready, and the permission is named', async () => {
  const room = await readyAccount(await local.newAccount());
  for (const [check, permission, operation] of denied) {
    const undo = room.account.proxy.fault({ operation, kind: 'denied' });
    const { code, wrong } = await diagnosed(room);
    expect(code).toBe(1);
    for (const one of wrong) expect(one.level).toBe('unchecked');
    expect(wrong).toContainEqual({
      check,
      level: 'unchecked',
      says: expect.stringMatching(`^could not be checked: the caller lacks ${permission}`),
      todo: `allow ${permission}`,
      permission,
    });
    undo();
  }
  room.account.proxy.fault({ operation: 'GetDocument', kind: 'denied' });
  expect((await doctor(room)).out).toMatch(/NOT READY[\s\S]*\? collection-document +could not be checked/);
});

test('a reading that fails otherwise is no verdict either', async () => {
  const room = await readyAccount(await local.newAccount());
  room.account.proxy.fault({ operation: 'GetBucketVersioning', kind: 'hang' });
  const { code, wrong } = await diagnosed(room, [], { SECRESPONSE_BUDGETS: JSON.stringify(smallBudgets) });
  expect(code).toBe(1);
  expect(wrong).toContainEqual(expect.objectContaining({ check: 'vault-versioning', level: 'unchecked' }));
});

test('no settings, no such stage, no policies: one line and exit code 2', async () => {
  const room = await readyAccount(await local.newAccount());
  const refused = async (args: string[], env: Record<string, string> = {}) => {
    const { code, out, err } = await doctor(room, args, env);
    expect([code, out, err.split('\n').length]).toEqual([2, '', 2]);
    return err;
  };
  expect(await refused([], { EVIDENCE_BUCKET: '' })).toContain('EVIDENCE_BUCKET is not set');
  expect(await refused(['--stage', '../prod'])).toContain('--stage takes letters');
  expect(await refused(['--policies', 'nowhere'])).toContain('no such folder of policies');
  room.account.proxy.fault({ operation: 'GetCallerIdentity', kind: 'denied' });
  expect(await refused([])).toContain('the account of the AWS credentials could not be read');
});
