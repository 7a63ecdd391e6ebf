/** The function that denies sessions: what it takes, what it refuses, and what two of it do at once. */
import { describe, expect, test } from '@jest/globals';
import { rolePolicies } from '../../src/aws/role-policies.ts';
import { createSessionDenier, handler } from '../../src/handlers/session-denier.ts';
import { smallBudgets } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { rolesAt } from '../support/roles.ts';

const local = useLocalAws();
const ACCOUNT = '111122223333';
const one = `arn:aws:ec2:eu-central-1:${ACCOUNT}:instance/i-0123456789abcdef0`;
const request = { roleName: 'web', instanceArn: one, deny: 'all' };

/** Nothing is written anywhere; what would be is kept. */
function denier(protectedRoles: string[] = ['secresponse-dev-ResponderRole-1', '*Admin*', 'ops-?']) {
  const written: unknown[][] = [];
  const run = createSessionDenier({
    account: ACCOUNT,
    partition: 'aws',
    protectedRoles,
    policies: {
      setDenial(...what) {
        written.push(what);
        return Promise.resolve(what[2]);
      },
    },
  });
  return { run, written };
}

test.each(['collecting', 'all', 'none'])('%s is written and answered as read back', async (deny) => {
  const { run, written } = denier();
  expect(await run({ ...request, deny })).toEqual({ roleName: 'web', instanceArn: one, deny });
  expect(written).toEqual([['web', one, deny]]);
});

test('IAM never answers: whoever asked is told before the function is ended', async () => {
  const policies = { setDenial: () => new Promise<never>(() => {}) };
  const run = createSessionDenier({
    account: ACCOUNT,
    partition: 'aws',
    protectedRoles: [],
    policies,
    budgets: { denialMs: 50 },
  });
  await expect(run(request)).rejects.toThrow('the denial in role web did not end within 0.05 s');
});

test('the role of the collection is a role like others', async () => {
  const roleName = 'secresponse-dev-CollectionRole-1A2B3C';
  expect(await denier().run({ ...request, roleName })).toEqual({ ...request, roleName });
});

describe('it refuses', () => {
  test.each<[string, unknown, string]>([
    ['nothing', null, 'roleName is no name of a role: nothing'],
    ['a list', [request], 'roleName is no name of a role'],
    ['a text', JSON.stringify(request), 'roleName is no name of a role'],
    [
      'more than it knows',
      { ...request, document: '{}' },
      'it takes roleName, instanceArn and deny, not {"document":"{}"}',
    ],
    ['no role', { instanceArn: one, deny: 'all' }, 'roleName is no name of a role: nothing'],
    ['a path in a role', { ...request, roleName: 'a/web' }, 'roleName is no name of a role: "a/web"'],
    ['a pattern for a role', { ...request, roleName: '*' }, 'roleName is no name of a role: "*"'],
    ['several lines', { ...request, roleName: 'web\n' }, String.raw`roleName is no name of a role: "web\n"`],
    ['an instance id', { ...request, instanceArn: 'i-0123456789abcdef0' }, 'instanceArn is no ARN of an instance'],
    ['a pattern', { ...request, instanceArn: one.replace(/i-.*/, '*') }, 'instanceArn is no ARN of an instance'],
    ['any region', { ...request, instanceArn: one.replace('eu-central-1', '*') }, 'instanceArn is no ARN'],
    ['another thing', { ...request, instanceArn: one.replace(':instance/', ':volume/') }, 'instanceArn is no ARN'],
    [
      'an instance of another account',
      { ...request, instanceArn: one.replace(ACCOUNT, '999988887777') },
      'arn:aws:ec2:eu-central-1:999988887777:instance/i-0123456789abcdef0 is no instance of account 111122223333 (aws)',
    ],
    [
      'an instance of another partition',
      { ...request, instanceArn: one.replace('arn:aws:', 'arn:aws-cn:') },
      'is no instance of account 111122223333 (aws)',
    ],
    ['no denial', { roleName: 'web', instanceArn: one }, 'deny is nothing: it takes none, collecting or all'],
    ['another denial', { ...request, deny: 'Allow' }, 'deny is "Allow": it takes none, collecting or all'],
    ['a role of the stack', { ...request, roleName: 'secresponse-dev-ResponderRole-1' }, 'is protected'],
    ['an administrator', { ...request, roleName: 'ShopAdmins' }, 'role ShopAdmins is protected (*Admin*)'],
    ['the same in another case', { ...request, roleName: 'shopadmins' }, 'role shopadmins is protected (*Admin*)'],
    ['one letter', { ...request, roleName: 'ops-7' }, 'role ops-7 is protected (ops-?)'],
  ])('%s', async (_what, event, message) => {
    const { run, written } = denier();
    const error: unknown = await run(event).catch((reason: unknown) => reason);
    expect((error as Error).message).toContain('refused: ');
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toContain('\n');
    expect(written).toEqual([]);
  });

  test('everything where nobody has told it which roles are protected', async () => {
    const context = { invokedFunctionArn: `arn:aws:lambda:eu-central-1:${ACCOUNT}:function:session-denier` };
    await expect(handler(request, context)).rejects.toThrow('PROTECTED_ROLES has to be set');
  });

  test('no role that only looks like a protected one', async () => {
    const { run } = denier(['web.1', 'ops']);
    expect(await run({ ...request, roleName: 'web-1' })).toMatchObject({ roleName: 'web-1' });
    expect(await run({ ...request, roleName: 'devops' })).toMatchObject({ roleName: 'devops' });
  });
});

test('the entry point takes its account from its own ARN, and its roles from its environment', async () => {
  const { endpoint, account } = await local.newAccount();
  const roles = rolesAt(endpoint);
  await roles.role('web');
  const env = { AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  Object.assign(process.env, env, { PROTECTED_ROLES: 'responder, admin*' });
  const context = { invokedFunctionArn: `arn:aws:lambda:eu-central-1:${account}:function:session-denier` };
  const own = { ...request, instanceArn: one.replace(ACCOUNT, account) };
  expect(await handler(own, context)).toEqual(own);
  expect(await roles.listed('web')).toEqual({ all: ['*:i-0123456789abcdef0', own.instanceArn], collecting: [] });
  await expect(handler(request, context)).rejects.toThrow(`is no instance of account ${account}`);
  await expect(handler({ ...own, roleName: 'admin-1' }, context)).rejects.toThrow('protected (admin*)');
  delete process.env['PROTECTED_ROLES'];
});

test('several at once never lose an entry, and all that is written is a Deny', async () => {
  const { endpoint, account, proxy } = await local.newAccount();
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const settings = { region: 'eu-central-1', endpoint, budgets: smallBudgets, credentials };
  const roles = rolesAt(endpoint);
  await roles.role('web');
  const arns = Array.from(
    { length: 5 },
    (_, index) => `arn:aws:ec2:eu-central-1:${account}:instance/i-${index}2345678`,
  );
  await Promise.all(
    arns.map((instanceArn) =>
      createSessionDenier({ account, partition: 'aws', protectedRoles: [], policies: rolePolicies(settings, 200) })({
        ...request,
        instanceArn,
      }),
    ),
  );
  const { all } = await roles.listed('web');
  expect(all).toEqual([...arns.map((arn) => `*:${arn.split('/')[1]}`), ...arns]);
  const puts = proxy.calls.filter(({ operation }) => operation === 'PutRolePolicy');
  for (const { request } of puts) {
    const document = new URLSearchParams(request).get('PolicyDocument') ?? '';
    expect(document).toContain('"Effect":"Deny"');
    expect(document).not.toContain('Allow');
  }
});
