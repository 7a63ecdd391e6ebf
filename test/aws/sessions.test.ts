/** Denying sessions: by the caller's own permissions, and by the function that alone has them. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { withDeadline } from '../../src/aws/deadline.ts';
import { rolePolicies } from '../../src/aws/role-policies.ts';
import { sessionsGateway, type SessionWriter } from '../../src/aws/sessions.ts';
import type { Denial } from '../../src/containment/session-policy.ts';
import { createSessionDenier } from '../../src/handlers/session-denier.ts';
import { fakeLambda } from '../support/fake-lambda.ts';
import { patientBudgets, smallBudgets } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { rolesAt } from '../support/roles.ts';

const local = useLocalAws();
const SETTLE_MS = 200;

async function place() {
  const { endpoint, account, proxy } = await local.newAccount();
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const settings = { region: 'eu-central-1', endpoint, budgets: smallBudgets, credentials };
  return {
    account,
    proxy,
    settings,
    roles: rolesAt(endpoint),
    instance: () => `arn:aws:ec2:eu-central-1:${account}:instance/i-${randomBytes(8).toString('hex')}0`,
    sessions: (writer: SessionWriter = { kind: 'direct' }, home = settings) => sessionsGateway(writer, settings, home),
    policies: () => rolePolicies(settings, SETTLE_MS),
  };
}

type Place = Awaited<ReturnType<typeof place>>;

async function withFunction(here: Place, protectedRoles: string[] = []) {
  const denier = createSessionDenier({
    account: here.account,
    partition: 'aws',
    protectedRoles,
    policies: rolePolicies(here.settings, 10),
  });
  const lambda = await fakeLambda('session-denier', denier);
  const home = { ...here.settings, endpoint: lambda.endpoint };
  return { lambda, sessions: () => here.sessions({ kind: 'function', name: 'session-denier' }, home) };
}

const bothNames = (arns: string[]) => arns.flatMap((arn) => [arn, `*:${arn.split('/')[1]}`]).toSorted();

describe('the role of a profile', () => {
  test('a profile that is not named as its role', async () => {
    const { roles, sessions } = await place();
    await roles.role('the-role');
    await roles.role('the-profile');
    const arn = await roles.profile('the-profile', 'the-role', '/shop/web/');
    expect(arn).toContain(':instance-profile/shop/web/the-profile');
    expect(await sessions().roleOfProfile(arn)).toBe('the-role');
  });

  test('is none where the profile has none, or is gone', async () => {
    const { roles, sessions, account } = await place();
    expect(await sessions().roleOfProfile(await roles.profile('empty', null))).toBeNull();
    expect(await sessions().roleOfProfile(`arn:aws:iam::${account}:instance-profile/gone`)).toBeNull();
  });
});

describe.each(['direct', 'function'] as const)('%s', (kind) => {
  async function here() {
    const room = await place();
    const gateway = kind === 'direct' ? () => room.sessions() : (await withFunction(room)).sessions;
    await room.roles.role('web');
    return { ...room, gateway };
  }

  test('an entry is set, changed, and taken back, and the policy goes with the last one', async () => {
    const { roles, gateway, instance } = await here();
    const [sessions, one, other] = [gateway(), instance(), instance()];
    const states: unknown[] = [await sessions.read('web', one)];
    for (const deny of ['collecting', 'all'] satisfies Denial[]) {
      await sessions.write('web', one, deny);
      states.push(await sessions.read('web', one));
    }
    expect(states).toEqual(['none', 'collecting', 'all']);
    await sessions.write('web', other, 'collecting');
    expect(await roles.listed('web')).toEqual({ all: bothNames([one]), collecting: bothNames([other]) });
    await sessions.write('web', one, 'none');
    expect(await roles.listed('web')).toEqual({ all: [], collecting: bothNames([other]) });
    await sessions.write('web', other, 'none');
    expect(await roles.denialText('web')).toBeNull();
    // Once more, as after a crash.
    await sessions.write('web', other, 'none');
  });

  test('the sibling instance that shares the role appears nowhere', async () => {
    const { roles, gateway, instance } = await here();
    const [one, sibling] = [instance(), instance()];
    await gateway().write('web', one, 'all');
    expect(await roles.denialText('web')).not.toContain(sibling.split('/')[1]);
    expect(await gateway().read('web', sibling)).toBe('none');
    for (const { Effect, Condition } of (await roles.statements('web')) ?? []) {
      expect(Effect).toBe('Deny');
      expect(JSON.stringify(Condition)).toContain(one.split('/')[1]);
    }
  });

  test('ten incidents on one role at once all keep their entries, and all get rid of them', async () => {
    const { roles, gateway, instance } = await here();
    const instances = Array.from({ length: 10 }, instance);
    await Promise.all(instances.map((arn) => gateway().write('web', arn, 'all')));
    expect(await roles.listed('web')).toEqual({ all: bothNames(instances), collecting: [] });
    const [kept = '', ...released] = instances;
    await Promise.all(released.map((arn) => gateway().write('web', arn, 'none')));
    expect(await roles.listed('web')).toEqual({ all: bothNames([kept]), collecting: [] });
  });

  test('a role that is full is named', async () => {
    const { roles, gateway, instance } = await here();
    const [one, other] = [instance(), instance()];
    await gateway().write('web', one, 'all');
    const Action = `s3:${'a'.repeat(9_600)}`;
    await roles.putPolicy('web', { Statement: [{ Effect: 'Allow', Action, Resource: '*' }] }, 'large');
    const before = await roles.denialText('web');
    await expect(gateway().write('web', other, 'collecting')).rejects.toThrow(
      /role web is full: its inline policies may have 10,240 characters in all, and the entry of arn:aws:ec2:.* does not fit/,
    );
    expect(await roles.denialText('web')).toBe(before);
  });

  test('a policy that a person has altered keeps what the person wrote', async () => {
    const { roles, gateway, instance } = await here();
    const one = instance();
    await gateway().write('web', one, 'all');
    const theirs = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };
    await roles.putPolicy('web', { Statement: [...((await roles.statements('web')) ?? []), theirs] });
    const before = await roles.denialText('web');
    const refusal =
      /secresponse-session-denial of role web was altered and cannot be read \(statement 3 is none of ours\)/;
    await expect(gateway().read('web', one)).rejects.toThrow(refusal);
    await expect(gateway().write('web', one, 'none')).rejects.toThrow(refusal);
    expect(await roles.denialText('web')).toBe(before);
  });

  test('an entry of which a person has taken out a half is neither there nor gone', async () => {
    const { roles, gateway, instance } = await here();
    const [one, other] = [instance(), instance()];
    await gateway().write('web', one, 'all');
    await gateway().write('web', other, 'all');
    const [byArn, byId] = (await roles.statements('web')) ?? [];
    const halved = { ...byId, Condition: { StringLike: { 'aws:userid': `*:${other.split('/')[1]}` } } };
    await roles.putPolicy('web', { Statement: [byArn, halved] });
    expect(await gateway().read('web', one)).toBe('partly');
    expect(await gateway().read('web', other)).toBe('all');
    await gateway().write('web', one, 'none');
    expect(await roles.listed('web')).toEqual({ all: bothNames([other]), collecting: [] });
  });
});

describe('directly', () => {
  test('an entry that another writer overwrote is written again', async () => {
    const { roles, settings, instance, proxy } = await place();
    await roles.role('web');
    const [one, other] = [instance(), instance()];
    // Nothing hangs here: on a busy machine a writing takes its time, and so does what is waited for after it.
    const patient = () => rolePolicies({ ...settings, budgets: patientBudgets }, 1_500);
    const [first, second] = [patient(), patient()];
    // The one reads, the other reads and writes, and then the one writes what knows nothing of the other.
    proxy.latency(400, { operation: 'PutRolePolicy' });
    const slow = first.setDenial('web', one, 'all');
    while (!proxy.calls.some(({ operation }) => operation === 'PutRolePolicy'))
      await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([slow, second.setDenial('web', other, 'all')]);
    expect(await roles.listed('web')).toEqual({ all: bothNames([one, other]), collecting: [] });
    expect(proxy.calls.filter(({ operation }) => operation === 'PutRolePolicy').length).toBeGreaterThan(2);
  });

  test.each(['throttle', 'error', 'reset', 'lost-response'] as const)(
    'a writing that ends in %s is looked at',
    async (kind) => {
      const { roles, policies, instance, proxy } = await place();
      await roles.role('web');
      const one = instance();
      proxy.fault({ operation: 'PutRolePolicy', kind, times: 2 });
      expect(await policies().setDenial('web', one, 'all')).toBe('all');
      proxy.fault({ operation: 'DeleteRolePolicy', kind, times: 2 });
      expect(await policies().setDenial('web', one, 'none')).toBe('none');
      expect(await roles.denialText('web')).toBeNull();
    },
  );

  test('no permission is no reason to try again, and says what is missing', async () => {
    const { roles, policies, instance, proxy } = await place();
    await roles.role('web');
    proxy.fault({ operation: 'PutRolePolicy', kind: 'denied' });
    await expect(policies().setDenial('web', instance(), 'all')).rejects.toThrow(/not authorized|denied/i);
    expect(proxy.calls.filter(({ operation }) => operation === 'PutRolePolicy')).toHaveLength(1);
  });

  test('a role that is gone denies nothing, and cannot', async () => {
    const { policies, instance } = await place();
    expect(await policies().denial('gone', instance())).toBe('none');
    await expect(policies().setDenial('gone', instance(), 'all')).rejects.toThrow('gone');
  });

  test('ends with its time', async () => {
    const { roles, policies, instance, proxy } = await place();
    await roles.role('web');
    proxy.fault({ operation: 'PutRolePolicy', kind: 'error' });
    const writing = withDeadline(500, 'denying', () => policies().setDenial('web', instance(), 'all'));
    await expect(writing).rejects.toThrow('denying did not end within 0.5 s');
    const calls = proxy.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(proxy.calls.length).toBe(calls);
  });
});

describe('by the function', () => {
  test('what it refuses is an error with its words', async () => {
    const here = await place();
    await here.roles.role('admin');
    const { sessions } = await withFunction(here, ['adm*']);
    await expect(sessions().write('admin', here.instance(), 'all')).rejects.toThrow(
      'session-denier: refused: role admin is protected (adm*)',
    );
    expect(await here.roles.denialText('admin')).toBeNull();
  });

  test('it is waited for while it is busy', async () => {
    const here = await place();
    await here.roles.role('web');
    const { sessions, lambda } = await withFunction(here);
    await Promise.all([1, 2, 3].map(() => sessions().write('web', here.instance(), 'all')));
    expect(lambda.answers.filter((status) => status === 200)).toHaveLength(3);
    expect(lambda.answers).toContain(429);
  });

  test('the caller writes nothing itself, and believes nothing but what was read back', async () => {
    const here = await place();
    await here.roles.role('web');
    const lambda = await fakeLambda('liar', (event) => Promise.resolve({ ...(event as object), deny: 'none' }));
    const sessions = here.sessions({ kind: 'function', name: 'liar' }, { ...here.settings, endpoint: lambda.endpoint });
    await expect(sessions.write('web', here.instance(), 'all')).rejects.toThrow('liar has read back "none", not all');
    expect(here.proxy.calls.map(({ operation }) => operation)).not.toContain('PutRolePolicy');
  });

  test('a function that is not there is named by AWS', async () => {
    const here = await place();
    const { lambda } = await withFunction(here);
    const sessions = here.sessions({ kind: 'function', name: 'gone' }, { ...here.settings, endpoint: lambda.endpoint });
    await expect(sessions.write('web', here.instance(), 'all')).rejects.toThrow('ResourceNotFoundException');
  });
});

test('switched off, it reads and does not write', async () => {
  const { roles, policies, sessions, instance } = await place();
  await roles.role('web');
  const one = instance();
  await policies().setDenial('web', one, 'all');
  const off = sessions({ kind: 'off' });
  expect(off.mode).toBe('off');
  expect(await off.read('web', one)).toBe('all');
  await expect(off.write('web', one, 'none')).rejects.toThrow('switched off');
  expect(await off.read('web', one)).toBe('all');
});
