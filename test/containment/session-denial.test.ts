/** The action: which roles it is about, what it asks for, and what a release takes back. */
import {
  AssociateIamInstanceProfileCommand,
  DisassociateIamInstanceProfileCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { DescribeIamInstanceProfileAssociationsCommand } from '@aws-sdk/client-ec2';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type Aws } from '../../src/aws/connect.ts';
import { rolePolicies } from '../../src/aws/role-policies.ts';
import { sessionsGateway, type SessionWriter } from '../../src/aws/sessions.ts';
import type { ActionContext } from '../../src/containment/action.ts';
import { sessionDenial } from '../../src/containment/session-denial.ts';
import { createSessionDenier } from '../../src/handlers/session-denier.ts';
import { labConfig } from '../../src/lab/client.ts';
import { createWorld, type World, type WorldOptions } from '../../src/lab/world.ts';
import { BASE } from '../../src/policy/policy.ts';
import type { Json } from '../../src/runbook/incident.ts';
import { fakeLambda } from '../support/fake-lambda.ts';
import { smallBudgets } from '../support/incident-room.ts';
import { useLocalAws, type TestAccount } from '../support/local-aws.ts';
import { rolesAt } from '../support/roles.ts';

const local = useLocalAws();
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

interface Room {
  account: TestAccount;
  world: World;
  context: ActionContext;
  roles: ReturnType<typeof rolesAt>;
  ec2: EC2Client;
  aws: (writer?: SessionWriter) => Aws;
}

async function room(options: Partial<WorldOptions> = {}, account?: TestAccount): Promise<Room> {
  const where = account ?? (await local.newAccount());
  const { endpoint } = where;
  const world = await createWorld({ endpoint, ...options });
  const { instanceId, region } = world;
  const places = { bucket: 'vault', topicArn: 'arn:aws:sns:us-east-1:1:topic', table: 'ledger', homeRegion: region };
  return {
    account: where,
    world,
    context: {
      target: { account: world.account, region, instanceId },
      incidentId: 'inc-1',
      readMs: 5_000,
      containment: BASE.containment,
    },
    roles: rolesAt(endpoint),
    ec2: new EC2Client(labConfig({ endpoint, region })),
    aws: (sessions = { kind: 'direct' }) =>
      connect({ account: world.account, region }, { ...places, sessions }, smallBudgets, { endpoint, credentials }),
  };
}

const names = ({ world }: Room) => {
  const { account, region, instanceId } = world;
  return [`*:${instanceId}`, `arn:aws:ec2:${region}:${account}:instance/${instanceId}`];
};

async function takeProfileAway({ ec2, world }: Room): Promise<void> {
  const { IamInstanceProfileAssociations = [] } = await ec2.send(
    new DescribeIamInstanceProfileAssociationsCommand({
      Filters: [{ Name: 'instance-id', Values: [world.instanceId] }],
    }),
  );
  for (const { AssociationId } of IamInstanceProfileAssociations)
    await ec2.send(new DisassociateIamInstanceProfileCommand({ AssociationId }));
}

async function giveProfile({ ec2, world }: Room, Arn: string): Promise<void> {
  await takeProfileAway({ ec2, world } as Room);
  await ec2.send(new AssociateIamInstanceProfileCommand({ InstanceId: world.instanceId, IamInstanceProfile: { Arn } }));
}

/** What the runbook does with it. */
async function apply(here: Room, aws: Aws, from: Json, known: Json): Promise<Json> {
  await sessionDenial.write(aws, here.context, from, sessionDenial.desired(from, null, here.context));
  return sessionDenial.read(aws, here.context, known);
}

const ours = { contained: null, found: null };
const rolesOf = (state: Json) => (state as { roles: Record<string, string> }).roles;

describe.each(['direct', 'function'] as const)('%s: from the first reading to the release', (kind) => {
  test('everything but the agent while it is collected from, everything afterwards, nothing after the release', async () => {
    const here = await room();
    const aws = await gateways(here, kind);
    const role = here.world.roleName ?? '';
    const reading = await sessionDenial.read(aws, here.context, null);
    expect(reading).toEqual({ roles: { [role]: 'none' }, profiles: [here.world.instanceProfileArn] });
    const from = sessionDenial.keep(undefined, reading, null);
    expect(from).toEqual(reading);

    const meanwhile = sessionDenial.meanwhile?.(reading, null, here.context) ?? null;
    await sessionDenial.write(aws, here.context, reading, meanwhile);
    expect(await here.roles.listed(role)).toEqual({ all: [], collecting: names(here) });

    const then = await sessionDenial.read(aws, here.context, from);
    await takeProfileAway(here);
    const now = await apply(here, aws, then, from);
    expect(now).toEqual({ roles: { [role]: 'all' }, profiles: [] });
    expect(await here.roles.listed(role)).toEqual({ all: names(here), collecting: [] });
    expect(sessionDenial.same(now, sessionDenial.desired(now, null, here.context))).toBe(true);
    // What is read of our own making is no state to go back to.
    expect(sessionDenial.keep(from ?? undefined, now, null)).toEqual(from);
    expect(rolesOf(sessionDenial.keep(undefined, now, null))).toEqual({ [role]: 'none' });

    const restoration = sessionDenial.restore?.(from, now, ours);
    expect(restoration).toEqual({ to: { ...(now as object), roles: { [role]: 'none' } }, left: [], lost: [] });
    await sessionDenial.write(aws, here.context, now, restoration?.to ?? null);
    // As after a crash.
    await sessionDenial.write(aws, here.context, now, restoration?.to ?? null);
    expect(await here.roles.denialText(role)).toBeNull();
  });
});

async function gateways(here: Room, kind: 'direct' | 'function'): Promise<Aws> {
  if (kind === 'direct') return here.aws();
  const settings = { endpoint: here.account.endpoint, region: here.world.region, budgets: smallBudgets, credentials };
  const denier = createSessionDenier({
    account: here.world.account,
    partition: 'aws',
    protectedRoles: ['*Admin*'],
    policies: rolePolicies(settings, 10),
  });
  const { endpoint } = await fakeLambda('denier', denier);
  const sessions = sessionsGateway({ kind: 'function', name: 'denier' }, settings, { ...settings, endpoint });
  return { ...here.aws(), sessions };
}

describe('the role was not read while the profile was there', () => {
  const recalled = (profiles: string[]) => sessionDenial.recall?.({ 'instance-profile': { profiles } }) ?? null;

  test('the profile on record leads to it', async () => {
    const here = await room();
    await takeProfileAway(here);
    const profiles = [here.world.instanceProfileArn ?? ''];
    const reading = await sessionDenial.read(here.aws(), here.context, recalled(profiles));
    expect(reading).toEqual({ roles: { [here.world.roleName ?? '']: 'none' }, profiles });
    expect(sessionDenial.keep(undefined, reading, null)).toEqual(reading);
  });

  test('a profile that holds no role any more proves nothing', async () => {
    const here = await room();
    await takeProfileAway(here);
    const gone = 'arn:aws:iam::123456789012:instance-profile/gone';
    await expect(sessionDenial.read(here.aws(), here.context, recalled([gone]))).rejects.toThrow(gone);
  });

  test('no record, or one without a profile, tells nothing', () => {
    expect(recalled([])).toBeNull();
    expect(sessionDenial.recall?.({})).toBeNull();
    expect(sessionDenial.recall?.({ 'instance-profile': null })).toBeNull();
  });
});

test('two instances with one role: each incident sets and takes back its own entry', async () => {
  const one = await room();
  const other = await room({ profile: false }, one.account);
  const role = one.world.roleName ?? '';
  await giveProfile(other, one.world.instanceProfileArn ?? '');
  const readings = await Promise.all([one, other].map((here) => sessionDenial.read(here.aws(), here.context, null)));
  expect(readings.map(rolesOf)).toEqual([{ [role]: 'none' }, { [role]: 'none' }]);
  await Promise.all([one, other].map((here, index) => apply(here, here.aws(), readings[index] ?? null, null)));
  expect((await one.roles.listed(role)).all).toEqual([...names(one), ...names(other)].toSorted());

  const now = await sessionDenial.read(one.aws(), one.context, readings[0] ?? null);
  const { to = null } = sessionDenial.restore?.(readings[0] ?? null, now, ours) ?? {};
  await sessionDenial.write(one.aws(), one.context, now, to);
  expect(await one.roles.listed(role)).toEqual({ all: names(other), collecting: [] });
  expect(rolesOf(await sessionDenial.read(other.aws(), other.context, null))).toEqual({ [role]: 'all' });
});

test('the role of the collection profile is denied, too, once the instance has had it', async () => {
  const here = await room();
  const [aws, role] = [here.aws(), here.world.roleName ?? ''];
  const from = sessionDenial.keep(undefined, await sessionDenial.read(aws, here.context, null), null);
  await here.roles.role('collection-role');
  await giveProfile(here, await here.roles.profile('collection', 'collection-role', '/secresponse/'));
  const reading = await sessionDenial.read(aws, here.context, from);
  expect(rolesOf(reading)).toEqual({ 'collection-role': 'none', [role]: 'none' });
  const kept = sessionDenial.keep(from ?? undefined, reading, null);
  expect(kept).toEqual({
    roles: { 'collection-role': 'none', [role]: 'none' },
    profiles: [here.world.instanceProfileArn],
  });
  await takeProfileAway(here);
  expect(rolesOf(await apply(here, aws, reading, kept))).toEqual({ 'collection-role': 'all', [role]: 'all' });
});

test('a role that cannot be written keeps no other one from denying, and is named', async () => {
  const here = await room();
  const [aws, role] = [here.aws(), here.world.roleName ?? ''];
  const Action = `s3:${'a'.repeat(10_000)}`;
  await here.roles.role('full');
  await here.roles.putPolicy('full', { Statement: [{ Effect: 'Allow', Action, Resource: '*' }] }, 'large');
  const reading = await sessionDenial.read(aws, here.context, { roles: { full: 'none' }, profiles: [] });
  const to = sessionDenial.desired(reading, null, here.context);
  await expect(sessionDenial.write(aws, here.context, reading, to)).rejects.toThrow(/^full: role full is full/);
  expect(await here.roles.listed(role)).toEqual({ all: names(here), collecting: [] });
  expect(await here.roles.denialText('full')).toBeNull();
});

test('a profile that is not named as its role', async () => {
  const here = await room();
  await here.roles.role('the-role');
  await giveProfile(here, await here.roles.profile('the-profile', 'the-role', '/a/b/'));
  const reading = await sessionDenial.read(here.aws(), here.context, null);
  expect(rolesOf(await apply(here, here.aws(), reading, null))).toEqual({ 'the-role': 'all' });
  expect(await here.roles.listed('the-role')).toEqual({ all: names(here), collecting: [] });
});

test('what a person has altered is told by the reading, and by nothing being written', async () => {
  const here = await room();
  const role = here.world.roleName ?? '';
  await here.roles.putPolicy(role, { Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] });
  await expect(sessionDenial.read(here.aws(), here.context, null)).rejects.toThrow(`of role ${role} was altered`);
});

describe('there is nothing to deny', () => {
  let without: Room;
  beforeAll(async () => {
    without = await room({ profile: false });
  });
  const idle = async (aws: Aws) => {
    const reading = await sessionDenial.read(aws, without.context, null);
    expect(sessionDenial.desired(reading, null, without.context)).toEqual(reading);
    return { reading, idle: sessionDenial.idle(reading, without.context) };
  };

  test('without a profile', async () => {
    const { reading, idle: why } = await idle(without.aws());
    expect(why).toBe('the instance has no instance profile');
    expect(sessionDenial.risks?.(reading, reading, without.context)).toEqual([]);
    expect(sessionDenial.describe(reading, reading)).toBe('sessions of this instance: no role');
  });

  test('without a role in the profile', async () => {
    await giveProfile(without, await without.roles.profile('empty', null));
    expect((await idle(without.aws())).idle).toBe('instance profile empty has no role');
  });

  test('where it is switched off: that is said, with what it means, and IAM is not even asked', async () => {
    const { proxy } = without.account;
    const calls = proxy.calls.length;
    const { reading, idle: why } = await idle(without.aws({ kind: 'off' }));
    expect(why).toBe('session denial is switched off (parameter sessionDenial)');
    expect(sessionDenial.meanwhile?.(reading, null, without.context)).toEqual(reading);
    expect(sessionDenial.risks?.(reading, reading, without.context)).toContain(
      "Credentials that the instance's role has already given out keep working until they expire (up to 6 hours).",
    );
    expect(proxy.calls.slice(calls).map(({ service }) => service)).toEqual(['ec2']);
  });
});

test('switched off since, a release says what stays', async () => {
  const here = await room();
  const role = here.world.roleName ?? '';
  const from = await sessionDenial.read(here.aws(), here.context, null);
  await apply(here, here.aws(), from, from);
  const now = await sessionDenial.read(here.aws({ kind: 'off' }), here.context, from);
  expect(now).toMatchObject({ roles: { [role]: 'all' }, off: true });
  expect(sessionDenial.restore?.(from, now, ours)).toEqual({
    to: now,
    left: [],
    lost: [`role ${role} still denies the sessions of the instance: session denial is switched off`],
  });
});

describe('in words and by reasoning alone', () => {
  const context = { target: { account: '111122223333', region: 'x', instanceId: 'i-1' } } as ActionContext;
  const state = (roles: Record<string, string>, off?: true): Json => ({
    roles,
    profiles: [],
    ...(off ? { off } : {}),
  });

  test.each<[Json, string | null]>([
    [state({ a: 'all', b: 'all' }), 'its sessions are denied already'],
    [state({ a: 'all', b: 'none' }), null],
    [state({ a: 'collecting' }), null],
    [state({ a: 'partly' }), null],
    [state({ a: 'all' }, true), 'session denial is switched off (parameter sessionDenial)'],
  ])('%j: %s', (reading, why) => {
    expect(sessionDenial.idle(reading, context)).toBe(why);
  });

  test('a line for people', () => {
    const to = state({ a: 'all', b: 'collecting', c: 'none' });
    expect(sessionDenial.describe(state({ a: 'none', b: 'partly' }), to)).toBe(
      "sessions of this instance: a: not denied → denied; b: denied in part → denied but for the agent's calls; c: not known → not denied",
    );
  });

  test('chained sessions escape, and AWS takes its time', () => {
    expect(sessionDenial.risks?.(state({ a: 'none' }), state({ a: 'all' }), context)).toEqual([
      expect.stringContaining('only after some minutes'),
      expect.stringContaining('(AssumeRole) are not denied'),
    ]);
  });

  test('the order of the roles makes no difference', () => {
    expect(sessionDenial.same(state({ a: 'all', b: 'none' }), state({ b: 'none', a: 'all' }))).toBe(true);
    expect(sessionDenial.same(state({ a: 'all' }), state({ a: 'partly' }))).toBe(false);
    expect(sessionDenial.same(state({ a: 'all' }), state({ a: 'all', b: 'none' }))).toBe(false);
  });

  test('an entry that was altered by half is taken back whole', () => {
    const now = state({ a: 'partly', b: 'none' });
    expect(sessionDenial.restore?.(null, now, ours)).toMatchObject({ to: { roles: { a: 'none', b: 'none' } } });
  });

  test.each([
    ['eu-central-1', 'aws'],
    ['cn-north-1', 'aws-cn'],
    ['us-gov-west-1', 'aws-us-gov'],
  ])('the ARN of an instance in %s is of partition %s', async (region, partition) => {
    const asked: string[] = [];
    const aws = {
      sessions: { mode: 'direct', write: (_role: string, arn: string) => Promise.resolve(void asked.push(arn)) },
    } as unknown as Aws;
    const target = { account: '111122223333', region, instanceId: 'i-0123456789abcdef0' };
    await sessionDenial.write(aws, { ...context, target }, state({ a: 'none' }), state({ a: 'all' }));
    expect(asked).toEqual([`arn:${partition}:ec2:${region}:111122223333:instance/i-0123456789abcdef0`]);
  });
});
