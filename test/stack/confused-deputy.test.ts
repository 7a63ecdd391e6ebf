/**
 * A service that acts for many customers must not act on this stack's resources for another one: wherever a policy lets a
 * service in, it says for whom.
 */
import { beforeAll, expect, test } from '@jest/globals';
import { stackOf, type Document, type PolicyStatement, type Stack } from '../privilege/stack.ts';
import { packaged, type Template } from './packaged.ts';

const account = '111122223333';

let template: Template;
let stack: Stack;
beforeAll(async () => {
  template = await packaged('api=key', 'sessionDenial=on');
  stack = stackOf(template, { account, region: 'eu-central-1', names: {} });
}, 120_000);

/** Keys that only the service itself can set, and whose values name an account. */
const SOURCES = ['aws:SourceAccount', 'aws:SourceArn', 'kms:EncryptionContext:aws:logs:arn'];
/** Operators that do not hold where the key is missing. */
const NARROWING = /^(ArnLike|ArnEquals|StringEquals|StringLike)$/;

/** Every value of one such key names the account. */
function namesAccount({ Condition = {} }: PolicyStatement): boolean {
  return Object.entries(Condition).some(([operator, tests]) =>
    Object.entries(tests).some(
      ([key, values]) =>
        NARROWING.test(operator) &&
        SOURCES.includes(key) &&
        [values]
          .flat()
          .every((value) => (key === 'aws:SourceAccount' ? value === account : value.split(':')[4] === account)),
    ),
  );
}

function services({ Effect, Principal }: PolicyStatement): string[] {
  if (Effect !== 'Allow' || typeof Principal !== 'object' || Principal === null) return [];
  return [(Principal as { Service?: string | string[] }).Service ?? []].flat();
}

test('policies of buckets, queues, topics and keys let services in for this account only', () => {
  const letIn = stack.resourcePolicies.flatMap(({ logical, document }) =>
    document.Statement.filter((statement) => services(statement).length > 0).map((statement) => ({
      logical,
      statement,
    })),
  );
  const open = letIn.filter(({ statement }) => !namesAccount(statement));
  // A condition that EventBridge does not meet would lose findings; the one queue that it may send to names the rules.
  expect(open.map(({ logical, statement: { Sid } }) => `${logical} ${Sid}`)).toEqual(['MessageKey UndeliveredEvents']);
  // They are found at all.
  expect(letIn.map(({ logical, statement: { Sid } }) => `${logical} ${Sid}`)).toEqual(
    expect.arrayContaining([
      'AccessLogsPolicy LogDelivery',
      'MessageKey Logs',
      'MessageKey UndeliveredEvents',
      'UndeliveredFindingsPolicy UndeliveredEvents',
    ]),
  );
});

test('they let nobody else in but roles of this account, and everybody only to be refused', () => {
  const strangers = stack.resourcePolicies.flatMap(({ logical, document }) =>
    document.Statement.filter(({ Effect, Principal }) => {
      if (Effect === 'Deny') return false;
      const principals = Principal as { AWS?: string | string[]; Service?: unknown } | '*';
      if (principals === '*') return true;
      return [principals.AWS ?? []].flat().some((arn) => arn.split(':')[4] !== account);
    }).map(({ Sid }) => `${logical} ${Sid}`),
  );
  expect(strangers).toEqual([]);
});

test('a service may invoke a function for one rule or one API of this account only', () => {
  const permissions = template.ofType('AWS::Lambda::Permission');
  expect(permissions.length).toBeGreaterThan(1);
  for (const [, { Properties }] of permissions) {
    const { SourceArn, Principal } = stack.resolved(Properties) as { SourceArn: string; Principal: string };
    expect(Principal).toMatch(/^(events|apigateway)\.amazonaws\.com$/);
    expect(SourceArn.split(':')[4]).toBe(account);
  }
});

test('every type of resource that can have a policy is looked at here', () => {
  const withPolicy = Object.values(template.Resources).filter(
    ({ Properties, Type }) =>
      Type !== 'AWS::IAM::Role' &&
      ['PolicyDocument', 'KeyPolicy', 'ResourcePolicy', 'Statement'].some((name) => name in Properties),
  );
  const looked = new Set(stack.resourcePolicies.map(({ logical }) => logical));
  expect(withPolicy).toHaveLength(looked.size);
});

test('a role is for one service, and only who may pass it within this account can hand it over', () => {
  for (const [, { Properties }] of template.ofType('AWS::IAM::Role')) {
    const trust = stack.resolved(Properties['AssumeRolePolicyDocument']) as Document;
    for (const statement of trust.Statement) {
      expect(statement.Action).toBe('sts:AssumeRole');
      expect(services(statement)).toHaveLength(1);
      expect(Object.keys(statement.Principal as object)).toEqual(['Service']);
    }
  }
});
