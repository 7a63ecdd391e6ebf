/** Whom a policy denies: the document and its entries. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parse } from 'yaml';
import {
  AGENT_CALLS,
  denialOf,
  parseDenials,
  renderDenials,
  withDenial,
  type Denials,
  type Denial,
} from '../../src/containment/session-policy.ts';

const one = 'arn:aws:ec2:eu-central-1:111122223333:instance/i-0123456789abcdef0';
const two = 'arn:aws:ec2:eu-central-1:111122223333:instance/i-0fedcba9876543210';
const NOBODY: Denials = { arns: {}, ids: {} };

const hex = (length: number) =>
  fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: length, maxLength: length })
    .map((digits) => digits.map((digit) => digit.toString(16)).join(''));
const id = fc.oneof(hex(8), hex(17)).map((digits) => `i-${digits}`);
const arn = fc
  .tuple(fc.constantFrom('aws', 'aws-cn', 'aws-us-gov'), fc.constantFrom('eu-west-1', 'us-east-1'), id)
  .map(([partition, region, instance]) => `arn:${partition}:ec2:${region}:111122223333:instance/${instance}`);
const denied = fc.constantFrom('collecting' as const, 'all' as const);
const denial = fc.constantFrom<Denial>('none', 'collecting', 'all');
/** Also what somebody has altered: the two lists need not agree. */
const denials = fc.record({
  arns: fc.dictionary(arn, denied, { maxKeys: 6 }),
  ids: fc.dictionary(id, denied, { maxKeys: 6 }),
});

interface Statement {
  Effect: string;
  Action?: string;
  NotAction?: string[];
  Resource: string;
  Condition: Record<string, Record<string, string[]>>;
}

function statements(document: string | null): Statement[] {
  return document === null ? [] : (JSON.parse(document) as { Statement: Statement[] }).Statement;
}

function parsed(document: string | null): Denials {
  return document === null ? NOBODY : parseDenials(document);
}

describe('whatever the entries', () => {
  test('what is written is read again', () => {
    fc.assert(fc.property(denials, (given) => expect(parsed(renderDenials(given))).toEqual(plainly(given))));
  });

  test('there are at most four statements, each denies, each names its instances', () => {
    fc.assert(
      fc.property(denials, (given) => {
        const written = statements(renderDenials(given));
        expect(written.length).toBeLessThanOrEqual(4);
        for (const { Effect, Action, NotAction, Resource, Condition } of written) {
          expect([Effect, Resource]).toEqual(['Deny', '*']);
          expect([Action, NotAction]).toContainEqual(Action === undefined ? AGENT_CALLS : '*');
          const named = Object.values(Condition).flatMap((test) => Object.values(test).flat());
          expect(named.length).toBeGreaterThan(0);
          for (const name of named) expect(name).toMatch(/^(arn:aws[a-z-]*:ec2:.*:instance\/|\*:)i-[0-9a-f]+$/);
        }
      }),
    );
  });

  test('setting one entry sets it and keeps the others', () => {
    fc.assert(
      fc.property(denials, arn, denial, (given, instance, deny) => {
        const instanceId = instance.split('/').at(-1);
        const after = parsed(renderDenials(withDenial(given, instance, deny)));
        expect(denialOf(after, instance)).toBe(deny);
        const others = ({ arns, ids }: Denials) => {
          const { [instance]: _arn, ...otherArns } = arns;
          const { [instanceId ?? '']: _id, ...otherIds } = ids;
          return { arns: otherArns, ids: otherIds };
        };
        expect(others(after)).toEqual(others(given));
      }),
    );
  });

  test('an entry taken out leaves what was there without it', () => {
    fc.assert(
      fc.property(denials, arn, denied, (given, instance, deny) => {
        fc.pre(denialOf(given, instance) === 'none');
        const after = withDenial(withDenial(given, instance, deny), instance, 'none');
        expect(renderDenials(after)).toBe(renderDenials(given));
      }),
    );
  });
});

/** fast-check's dictionaries have no prototype. */
function plainly(given: Denials): Denials {
  return { arns: { ...given.arns }, ids: { ...given.ids } };
}

test('the document, to the letter', () => {
  const both = withDenial(withDenial(NOBODY, one, 'all'), two, 'collecting');
  expect(statements(renderDenials(both))).toEqual([
    deny({ Action: '*' }, byArn([one])),
    deny({ Action: '*' }, byId(['*:i-0123456789abcdef0'])),
    deny({ NotAction: AGENT_CALLS }, byArn([two])),
    deny({ NotAction: AGENT_CALLS }, byId(['*:i-0fedcba9876543210'])),
  ]);
  expect(renderDenials(withDenial(withDenial(both, one, 'none'), two, 'none'))).toBeNull();
});

test('what the agent may do while it is collected from is what the collection role may do, and no more', async () => {
  const file = await readFile('src/stack/resources/collection.yml', 'utf8');
  const { Resources } = parse(file) as {
    Resources: {
      CollectionRole: { Properties: { Policies: { PolicyDocument: { Statement: { Action: string[] }[] } }[] } };
    };
  };
  const allowed = Resources.CollectionRole.Properties.Policies.flatMap(({ PolicyDocument }) =>
    PolicyDocument.Statement.flatMap(({ Action }) => Action),
  );
  expect(AGENT_CALLS.toSorted()).toEqual(allowed.toSorted());
  for (const call of AGENT_CALLS) expect(call).not.toMatch(/\*|GetParameter|SendCommand|StartSession/);
});

const deny = (what: object, Condition: object) => ({ Effect: 'Deny', ...what, Resource: '*', Condition });
const byArn = (arns: unknown, operator = 'ArnEquals') => ({ [operator]: { 'ec2:SourceInstanceARN': arns } });
const byId = (ids: unknown) => ({ StringLike: { 'aws:userid': ids } });
const policy = (Statement: unknown) => JSON.stringify({ Version: '2012-10-17', Statement });
const all = { Action: '*' };
const id1 = '*:i-0123456789abcdef0';

describe('a document that somebody has altered', () => {
  test.each<[string, unknown, Denial | 'partly']>([
    ['is formatted otherwise', [deny({ Action: ['*'] }, byArn(one)), deny(all, byId(id1))], 'all'],
    [
      'has Sids',
      [
        { Sid: 'One', ...deny(all, byArn([one])) },
        { Sid: 'Two', ...deny(all, byId([id1])) },
      ],
      'all',
    ],
    ['has another order', [deny(all, byId([id1])), deny(all, byArn([one]))], 'all'],
    ['is matched by ArnLike', [deny(all, byArn([one], 'ArnLike')), deny(all, byId([id1]))], 'all'],
    ['has other cases', [deny(all, { ArnEquals: { 'ec2:sourceInstanceArn': one } }), deny(all, byId([id1]))], 'all'],
    ['names it once too often', [deny(all, byArn([one, one])), deny(all, byArn([one])), deny(all, byId([id1]))], 'all'],
    [
      'names it as both',
      [deny(all, byArn([one])), deny({ NotAction: AGENT_CALLS }, byArn([one])), deny(all, byId([id1]))],
      'all',
    ],
    [
      'lists the calls otherwise',
      [deny({ NotAction: AGENT_CALLS.toReversed() }, byArn([one])), deny({ NotAction: AGENT_CALLS }, byId([id1]))],
      'collecting',
    ],
    ['has lost the id', [deny(all, byArn([one]))], 'partly'],
    ['has lost the ARN', [deny(all, byId([id1]))], 'partly'],
    ['is one statement', deny(all, byId([id1])), 'partly'],
    ['names nobody', [deny(all, byArn([]))], 'none'],
    ['is empty', [], 'none'],
  ])('and %s is understood, and loses nothing by being written', (_what, given, expected) => {
    const denials = parseDenials(policy(given));
    expect(denialOf(denials, one)).toBe(expected);
    const others = parsed(renderDenials(withDenial(denials, two, 'all')));
    expect(denialOf(others, one)).toBe(expected);
    expect(denialOf(others, two)).toBe('all');
  });

  test.each<[string, string, string]>([
    ['no JSON', '{', 'it is no JSON'],
    ['no object', '[]', 'it is no object'],
    ['an Allow', policy([{ ...deny(all, byArn([one])), Effect: 'Allow' }]), 'statement 1 is none of ours'],
    [
      'a Deny of somebody else',
      policy([deny(all, byArn([one])), { Effect: 'Deny', Action: 's3:*', Resource: '*' }]),
      'statement 2 is none of ours',
    ],
    ['other actions', policy([deny({ Action: 's3:*' }, byArn([one]))]), 'statement 1 is none of ours'],
    [
      'more exempt',
      policy([deny({ NotAction: [...AGENT_CALLS, 's3:*'] }, byArn([one]))]),
      'statement 1 is none of ours',
    ],
    ['another resource', policy([{ ...deny(all, byArn([one])), Resource: 'arn:aws:s3:::x' }]), 'none of ours'],
    ['no condition', policy([{ Effect: 'Deny', Action: '*', Resource: '*' }]), 'statement 1 is none of ours'],
    ['two conditions', policy([deny(all, { ...byArn([one]), ...byId([id1]) })]), 'has more conditions than ours'],
    ['two keys', policy([deny(all, { StringLike: { 'aws:userid': id1, 'aws:x': '1' } })]), 'more conditions'],
    ['another key', policy([deny(all, { StringLike: { 'aws:PrincipalArn': one } })]), 'another condition than ours'],
    ['a negation', policy([deny(all, byArn([one], 'ArnNotEquals'))]), 'another condition than ours'],
    ['a pattern', policy([deny(all, byArn(['arn:aws:ec2:*:*:instance/*']))]), 'names "arn:aws:ec2:*:*:instance/*"'],
    ['everybody', policy([deny(all, byId(['*']))]), 'names "*", which is no single instance'],
  ])('and holds %s is not', (_what, document, message) => {
    expect(() => parseDenials(document)).toThrow(message);
  });
});
