import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { eventRules } from '../../src/policy/event-rules.ts';
import type { Policies } from '../../src/policy/policy.ts';
import type { Rule } from '../../src/policy/schema.ts';
import { guardDutyEvent, inspectorEvent } from '../events/events.ts';
import { matchesPattern } from './event-pattern.ts';
import { isNoOnesBusiness, policiesWith, someEvent, somePolicies, wouldAct } from './generated.ts';
import { defaultPolicies, policyOf } from './policies.ts';

function admits(policies: Policies, event: unknown): boolean {
  return eventRules(policies).some(({ pattern }) => matchesPattern(pattern, event));
}

test('the default policy compiles to one pattern for each kind of event', () => {
  const guardduty = { source: ['aws.guardduty'], 'detail-type': ['GuardDuty Finding'] };
  const service = { archived: [false, null, { exists: false }] };
  expect(eventRules(defaultPolicies())).toEqual([
    {
      name: 'guardduty',
      pattern: {
        ...guardduty,
        detail: {
          severity: [{ numeric: ['>=', 4] }],
          type: ['EKS', 'ECS', 'EC2'].map((what) => ({ prefix: `AttackSequence:${what}/` })),
          resource: { resourceType: ['AttackSequence'] },
          service,
        },
      },
    },
    {
      name: 'guardduty-2',
      pattern: {
        ...guardduty,
        detail: {
          severity: [{ numeric: ['>=', 4] }],
          resource: { resourceType: expect.arrayContaining(['Instance', 'EKSCluster', 'ECSCluster', 'Container']) },
          service,
        },
      },
    },
    {
      name: 'guardduty-3',
      pattern: {
        ...guardduty,
        detail: {
          severity: [{ numeric: ['>=', 7] }],
          type: [{ prefix: 'UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration' }],
          resource: { resourceType: ['AccessKey'] },
          service,
        },
      },
    },
    {
      name: 'inspector',
      pattern: {
        source: ['aws.inspector2'],
        'detail-type': ['Inspector2 Finding'],
        detail: { status: ['ACTIVE'], resources: { type: ['AWS_EC2_INSTANCE'] }, severity: ['CRITICAL'] },
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
      if (isNoOnesBusiness(policies, event)) expect(admits(policies, event)).toBe(false);
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

test('what Inspector calls an instance is known by its resources, and what it has dealt with is left out', () => {
  const policies = defaultPolicies();
  expect(admits(policies, inspectorEvent('package-critical-exploit'))).toBe(true);
  expect(admits(policies, inspectorEvent('package-critical'))).toBe(true);
  for (const name of ['package-high', 'package-suppressed', 'package-closed', 'image', 'scan', 'network-internet'])
    expect({ name, admitted: admits(policies, inspectorEvent(name)) }).toEqual({ name, admitted: false });
});

test('conditions of Inspector are in its pattern', () => {
  const { rules } = policyOf(
    'rules: [{ id: a, when: { exploitAvailable: true, score: { gte: 9 } }, respond: notify }, { id: b, when: { reachable: true, account: "111122223333" }, respond: collect }]',
  );
  const common = { status: ['ACTIVE'], resources: { type: ['AWS_EC2_INSTANCE'] } };
  expect(
    eventRules(policiesWith(rules)).map(({ name, pattern }) => [name, (pattern as { detail: object }).detail]),
  ).toEqual([
    ['inspector', { ...common, exploitAvailable: ['YES'], inspectorScore: [{ numeric: ['>=', 9] }] }],
    ['inspector-2', { ...common, type: ['NETWORK_REACHABILITY'], awsAccountId: ['111122223333'] }],
  ]);
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
