import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parseFinding } from '../../src/finding/parse.ts';
import { decide } from '../../src/policy/decide.ts';
import { RESPONSES } from '../../src/policy/decision.ts';
import { eventRules } from '../../src/policy/event-rules.ts';
import type { Policies } from '../../src/policy/policy.ts';
import { BASE, policyFor } from '../../src/policy/policy.ts';
import { SEVERITY_LABELS, SOURCES } from '../../src/policy/schema.ts';
import type { Rule } from '../../src/policy/schema.ts';
import type { GuardDutyEvent } from '../events/events.ts';
import { guardDutyEvent } from '../events/events.ts';
import { matchesPattern } from './event-pattern.ts';
import { defaultPolicies, policyOf } from './policies.ts';

const ACCOUNTS = ['111122223333', '444455556666'];
const TYPES = ['Backdoor:EC2/C&CActivity.B!DNS', 'Recon:EC2/PortProbeUnprotectedPort', 'Trojan:EC2/DropPoint'];

function policiesWith(rules: Rule[], accounts: Policies['accounts'] = {}): Policies {
  return { version: 1, administrators: [], default: { ...BASE, rules }, accounts };
}

function admits(policies: Policies, event: unknown): boolean {
  return eventRules(policies).some(({ pattern }) => matchesPattern(pattern, event));
}

/** Would the policy do more than ignore any target of the event, with the facts that the event has or once more are known? */
function wouldAct(policies: Policies, event: GuardDutyEvent): boolean {
  const finding = parseFinding(event, {});
  return finding.targets.some((target) => {
    const policy = policyFor(policies, target.account);
    return [target.facts, {}].some((facts) => decide({ policy, finding, target, facts }).response !== 'ignore');
  });
}

const someEvent = fc
  .record({
    account: fc.constantFrom(...ACCOUNTS),
    region: fc.constantFrom('eu-west-1', 'us-east-1'),
    type: fc.constantFrom(...TYPES),
    severity: fc.constantFrom(1, 3.9, 4, 5, 6.9, 7, 8, 8.9, 9, 10),
    role: fc.constantFrom('TARGET', 'ACTOR', undefined),
    resourceType: fc.constantFrom('Instance', 'EKSCluster', 'ECSCluster', 'AccessKey', 'S3Bucket'),
    archived: fc.constantFrom(true, false, undefined),
  })
  .map(({ account, region, type, severity, role, resourceType, archived }) => {
    const event = guardDutyEvent('instance');
    event.account = account;
    Object.assign(event.detail, { accountId: account, region, type, severity });
    event.detail.resource.resourceType = resourceType;
    Object.assign(event.detail.service, { resourceRole: role, archived });
    // As on the wire: what is undefined is not there.
    return JSON.parse(JSON.stringify(event)) as GuardDutyEvent;
  });

const names = (...some: string[]) => fc.uniqueArray(fc.constantFrom(...some), { minLength: 1, maxLength: 3 });
const someWhen = fc.record(
  {
    source: names(...SOURCES) as fc.Arbitrary<NonNullable<Rule['when']['source']>>,
    severity: fc.oneof(
      fc.constantFrom(4, 7, 9),
      names(...SEVERITY_LABELS) as fc.Arbitrary<(typeof SEVERITY_LABELS)[number][]>,
      fc.record({ gte: fc.constantFrom(1, 4, 7), lt: fc.constantFrom(7, 9) }),
      fc.record({ gt: fc.constantFrom(3, 6), lte: fc.constantFrom(6.9, 9) }),
      fc.record({ gte: fc.constantFrom(4, 7, 9) }),
    ),
    type: names('Backdoor:*', '*!DNS', '*:EC2/*Port*', 'Trojan:EC2/DropPoint', '*'),
    role: fc.constantFrom<'TARGET' | 'ACTOR'>('TARGET', 'ACTOR'),
    resourceType: names('Instance', '*Cluster', 'AccessKey'),
    account: names(...ACCOUNTS),
    region: names('eu-*', 'us-east-1'),
    tags: names('Owner', 'tier=*'),
    vpc: names('vpc-0d1d1d1d1d1d1d1d1', 'vpc-none'),
    exploitAvailable: fc.boolean(),
  },
  { requiredKeys: [] },
);
const someRules: fc.Arbitrary<Rule[]> = fc
  .array(fc.record({ when: someWhen, respond: fc.constantFrom(...RESPONSES) }), { maxLength: 6 })
  .map((rules) => rules.map((rule, index) => ({ id: `rule-${index}`, ...rule })));
const somePolicies = fc
  .record({ rules: someRules, own: fc.option(someRules) })
  .map(({ rules, own }) => policiesWith(rules, own === null ? {} : { '444455556666': { ...BASE, rules: own } }));

test('the default policy compiles to one pattern', () => {
  expect(eventRules(defaultPolicies())).toEqual([
    {
      name: 'guardduty',
      pattern: {
        source: ['aws.guardduty'],
        'detail-type': ['GuardDuty Finding'],
        detail: {
          severity: [{ numeric: ['>=', 4] }],
          resource: { resourceType: expect.arrayContaining(['Instance', 'EKSCluster', 'ECSCluster', 'Container']) },
          service: { archived: [false, { exists: false }] },
        },
      },
    },
  ]);
});

test('every event that the default policy would act on is admitted, and no other', () => {
  const policies = defaultPolicies();
  fc.assert(
    fc.property(someEvent, (event) => {
      expect(admits(policies, event)).toBe(wouldAct(policies, event));
    }),
    { numRuns: 300 },
  );
});

test('every event that some policy would act on is admitted', () => {
  fc.assert(
    fc.property(somePolicies, fc.array(someEvent, { minLength: 5, maxLength: 20 }), (policies, events) => {
      for (const event of events) if (wouldAct(policies, event)) expect(admits(policies, event)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('what no rule could act on is not admitted: other sources, ignored severities, archived findings', () => {
  fc.assert(
    fc.property(somePolicies, someEvent, (policies, event) => {
      expect(admits(policies, { ...event, source: 'my.app' })).toBe(false);
      expect(admits(policies, { ...event, 'detail-type': 'AWS API Call via CloudTrail' })).toBe(false);
      Object.assign(event.detail.service, { archived: true });
      expect(admits(policies, event)).toBe(false);
    }),
  );
  const policy = policyOf('rules: [{ id: a, when: { severity: [MEDIUM, CRITICAL] }, respond: notify }]');
  const policies = policiesWith(policy.rules);
  const admitted = [1, 3.9, 4, 6.9, 7, 8.9, 9, 10].filter((severity) => {
    const event = guardDutyEvent('instance');
    return admits(policies, { ...event, detail: { ...event.detail, severity } });
  });
  expect(admitted).toEqual([4, 6.9, 9, 10]);
});

test('patterns stay within the limit, however long the lists are', () => {
  const type = Array.from({ length: 200 }, (_, index) => `Custom:EC2/SomeRatherLongFindingTypeName${index}*`);
  const rules: Rule[] = [{ id: 'long', when: { type }, respond: 'collect' }];
  const compiled = eventRules(policiesWith(rules));
  expect(compiled.length).toBeGreaterThan(1);
  for (const { pattern } of compiled) expect(JSON.stringify(pattern).length).toBeLessThanOrEqual(2048);
  expect(new Set(compiled.map(({ name }) => name)).size).toBe(compiled.length);
  const event = guardDutyEvent('instance');
  Object.assign(event.detail, { type: 'Custom:EC2/SomeRatherLongFindingTypeName137.A' });
  expect(admits(policiesWith(rules), event)).toBe(true);
});

test('a single name that is too long for a pattern is left to the judge', () => {
  const rules: Rule[] = [{ id: 'long', when: { type: ['x'.repeat(3000)] }, respond: 'collect' }];
  expect(admits(policiesWith(rules), guardDutyEvent('instance'))).toBe(true);
});

test('a policy that only ignores compiles to nothing', () => {
  expect(eventRules(policiesWith([{ id: 'none', when: {}, respond: 'ignore' }]))).toEqual([]);
});
