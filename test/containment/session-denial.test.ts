/** Credentials that an instance was given are denied for it alone, and one incident never loses another's entry. */
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { describe, expect, test } from '@jest/globals';
import { rolePolicies } from '../../src/aws/role-policies.ts';
import { sessionDenial } from '../../src/containment/session-denial.ts';
import { createSessionDenier } from '../../src/handlers/session-denier.ts';
import { labConfig } from '../../src/lab/client.ts';
import { smallBudgets } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { actionRoom } from '../support/single-action.ts';

const local = useLocalAws();
const POLICY = 'secresponse-session-denial';
const ROLE = 'shop';

const arn = (account: string, id: string) => `arn:aws:ec2:us-east-1:${account}:instance/${id}`;
const id = (number: number) => `i-${String(number).padStart(17, '0')}`;

async function role() {
  const account = await local.newAccount();
  const settings = { ...labConfig({ endpoint: account.endpoint }), budgets: smallBudgets };
  const iam = new IAMClient(labConfig({ endpoint: account.endpoint }));
  await iam.send(new CreateRoleCommand({ RoleName: ROLE, AssumeRolePolicyDocument: '{}' }));
  const document = async (): Promise<string | null> => {
    try {
      const { PolicyDocument = '' } = await iam.send(new GetRolePolicyCommand({ RoleName: ROLE, PolicyName: POLICY }));
      return decodeURIComponent(PolicyDocument);
    } catch {
      return null;
    }
  };
  const policies = rolePolicies(settings, 50);
  return { account, iam, document, policies, of: (number: number) => arn(account.account, id(number)) };
}

interface Statement {
  Effect: string;
  Action?: unknown;
  NotAction?: string[];
}

test('only Deny is ever written; while a host is collected from, the agent may go on, and nothing else', async () => {
  const { policies, document, of } = await role();
  await policies.setDenial(ROLE, of(1), 'collecting');
  await policies.setDenial(ROLE, of(2), 'all');
  const { Statement: statements } = JSON.parse((await document()) ?? '') as { Statement: Statement[] };
  expect(new Set(statements.map(({ Effect }) => Effect))).toEqual(new Set(['Deny']));
  const exempt = statements.flatMap(({ NotAction = [] }) => NotAction);
  expect(exempt.length).toBeGreaterThan(0);
  for (const action of exempt) expect(action).toMatch(/^(ssm:(Update|List)\w*|ssmmessages:\w+|ec2messages:\w+)$/);
  expect(exempt.filter((action) => /Get(Parameter|Command)|SendCommand|StartSession/.test(action))).toEqual([]);
  await policies.setDenial(ROLE, of(1), 'all');
  expect(await document()).not.toContain('NotAction');
});

test('ten incidents at once on one role: every entry is there, and the last one that goes takes the policy along', async () => {
  const { policies, document, of } = await role();
  const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  await Promise.all(numbers.map((number) => policies.setDenial(ROLE, of(number), 'all')));
  for (const number of numbers) expect(await document()).toContain(id(number));
  await policies.setDenial(ROLE, of(3), 'none');
  expect(await document()).not.toContain(id(3));
  expect(await policies.denial(ROLE, of(4))).toBe('all');
  for (const number of numbers) await policies.setDenial(ROLE, of(number), 'none');
  expect(await document()).toBeNull();
}, 30_000);

test('a full role is named, and what is there stays', async () => {
  const { iam, policies, of } = await role();
  const Resource = `arn:aws:s3:::${'a'.repeat(10_100)}`;
  const text = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action: 's3:*', Resource }] });
  await iam.send(new PutRolePolicyCommand({ RoleName: ROLE, PolicyName: 'own', PolicyDocument: text }));
  await expect(policies.setDenial(ROLE, of(1), 'all')).rejects.toThrow(`role ${ROLE} is full`);
});

test('a policy that a person has altered beyond understanding is left, and that is said', async () => {
  const { iam, policies, document, of } = await role();
  const text = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}';
  await iam.send(new PutRolePolicyCommand({ RoleName: ROLE, PolicyName: POLICY, PolicyDocument: text }));
  await expect(policies.setDenial(ROLE, of(1), 'all')).rejects.toThrow('was altered and cannot be read');
  expect(await document()).toBe(text);
});

test('a profile that is not named as its role: the role is found, denied, and given back', async () => {
  const account = await local.newAccount();
  const iam = new IAMClient(labConfig({ endpoint: account.endpoint }));
  await iam.send(new CreateRoleCommand({ RoleName: ROLE, AssumeRolePolicyDocument: '{}' }));
  await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: 'another-name' }));
  await iam.send(new AddRoleToInstanceProfileCommand({ RoleName: ROLE, InstanceProfileName: 'another-name' }));
  const room = await actionRoom(sessionDenial, account);
  await room.aws.ec2.associateProfile(room.world.instanceId, 'another-name');
  const { from, to } = await room.contain();
  expect(from).toMatchObject({ roles: { [ROLE]: 'none' } });
  expect(to).toMatchObject({ roles: { [ROLE]: 'all' } });
  // The profile is taken away; only the record tells the role by now.
  const [association] = await room.aws.ec2.profileAssociations(room.world.instanceId);
  await room.aws.ec2.disassociateProfile(association?.associationId ?? '');
  expect(await sessionDenial.read(room.aws, room.context, from)).toMatchObject({ roles: { [ROLE]: 'all' } });
  const released = await room.release(from, to);
  expect(released).toMatchObject({ verified: true, lost: [] });
  await expect(iam.send(new GetRolePolicyCommand({ RoleName: ROLE, PolicyName: POLICY }))).rejects.toThrow(
    'not attached',
  );
});

describe('the function', () => {
  const options = { account: '111122223333', partition: 'aws', protectedRoles: ['secresponse-*', 'admin'] };
  const denier = createSessionDenier({
    ...options,
    policies: { setDenial: (_role, _instance, deny) => Promise.resolve(deny) },
  });
  const request = { roleName: ROLE, instanceArn: arn('111122223333', id(1)), deny: 'all' };

  test('answers with what was read back', async () => {
    expect(await denier(request)).toEqual(request);
  });

  test.each([
    ['a protected role', { ...request, roleName: 'Admin' }, 'role Admin is protected'],
    ["the stack's own role", { ...request, roleName: 'secresponse-prod-ResponderRole-1' }, 'is protected'],
    ['an instance of another account', { ...request, instanceArn: arn('444455556666', id(1)) }, 'is no instance of'],
    ['a policy of its own', { ...request, policy: '{}' }, 'it takes roleName'],
    ['another effect', { ...request, deny: 'allow' }, 'it takes none, collecting or all'],
    ['a role name with a wildcard', { ...request, roleName: '*' }, 'no name of a role'],
    ['nothing', null, 'no name of a role'],
  ])('refuses %s', async (_name, event, why) => {
    await expect(denier(event)).rejects.toThrow(why);
  });
});
