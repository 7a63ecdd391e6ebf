import { expect, test } from '@jest/globals';
import type { Finding, TargetFacts } from '../../src/finding/finding.ts';
import { parseFinding } from '../../src/finding/parse.ts';
import { decide } from '../../src/policy/decide.ts';
import type { Approved, Decision } from '../../src/policy/decision.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { guardDutyEvent, inspectorEvent } from '../events/events.ts';
import { defaultPolicies, findingWith, policyOf } from './policies.ts';

const DEFAULT = defaultPolicies().default;

interface Circumstances {
  policy?: Policy;
  facts?: TargetFacts;
  modeCeiling?: 'observe' | 'enforce';
  dryRun?: boolean;
  approved?: Approved;
}

function decided(
  finding: Finding,
  { policy = DEFAULT, facts, modeCeiling, dryRun, approved }: Circumstances = {},
): Decision {
  const target = finding.targets[0];
  if (target === undefined) throw new Error('the finding has no target');
  const ceiling = modeCeiling === undefined ? {} : { modeCeiling };
  const asked = dryRun === undefined ? {} : { dryRun };
  return decide({
    policy,
    finding,
    target,
    facts: facts ?? target.facts,
    ...ceiling,
    ...asked,
    ...(approved ? { approved } : {}),
  });
}

function manual(request: object = {}): Finding {
  const caller = { account: '111122223333', region: 'eu-west-1' };
  return parseFinding({ instance_id: 'i-0abc12345def67890', ...request }, caller);
}

const instance = (): Finding => parseFinding(guardDutyEvent('instance'), {});

test('a high severity on an instance is quarantined, with rule and reason', () => {
  expect(decided(instance())).toEqual({
    response: 'quarantine',
    rule: 'high-severity',
    reasons: [
      'Rule high-severity matches (source guardduty, severity 8, resource type Instance): GuardDuty is confident that the instance is compromised.',
    ],
    dryRun: false,
    undecided: [],
  });
});

test.each([
  [10, 'quarantine'],
  [7, 'quarantine'],
  [6.9, 'collect'],
  [4, 'collect'],
  [3.9, 'ignore'],
  [1, 'ignore'],
])('by default severity %d is answered by %s', (severity, response) => {
  expect(decided(findingWith({ severity }))).toMatchObject({ response });
});

test.each([
  ['port-probe', 'port-probe'],
  ['brute-force-target', 'brute-force-target'],
  ['eks-runtime-node', 'container-node'],
  ['tagged-cluster-node', 'high-severity'],
])('%s is collected from at most', (event, rule) => {
  expect(decided(parseFinding(guardDutyEvent(event), {}))).toMatchObject({ response: 'collect', rule, dryRun: false });
});

test.each([
  'Recon:EC2/PortProbeEMRUnprotectedPort',
  'UnauthorizedAccess:EC2/SSHBruteForce',
  'UnauthorizedAccess:EC2/RDPBruteForce',
  'Impact:EC2/WinRMBruteForce',
])('%s with role TARGET: below 4 still ignored', (type) => {
  const event = guardDutyEvent('brute-force-target');
  Object.assign(event.detail, { type, severity: 2 });
  expect(decided(parseFinding(event, {})).response).toBe('ignore');
  Object.assign(event.detail, { severity: 10 });
  expect(decided(parseFinding(event, {})).response).toBe('collect');
});

test('an instance that attacks others is quarantined', () => {
  const event = guardDutyEvent('brute-force-target');
  event.detail.service['resourceRole'] = 'ACTOR';
  expect(decided(parseFinding(event, {})).response).toBe('quarantine');
});

test.each([
  'aws:eks:cluster-name',
  'eks:nodegroup-name',
  'kubernetes.io/cluster/blue',
  'aws:elasticmapreduce:job-flow-id',
])('an instance tagged %s is collected from at most', (key) => {
  const decision = decided(instance(), { facts: { tags: { Name: 'node-1', [key]: 'x' } } });
  expect(decision.response).toBe('collect');
  expect(decision.reasons.at(-1)).toMatch(`Tag ${key}=x is protected (`);
});

test('an archived finding is ignored, whatever its severity', () => {
  expect(decided(parseFinding(guardDutyEvent('archived'), {}))).toEqual({
    response: 'ignore',
    rule: 'archived',
    reasons: ['The finding is archived: somebody or a suppression rule has dealt with it.'],
    dryRun: false,
    undecided: [],
  });
});

test('a sample is decided like others, as a dry run', () => {
  const decision = decided(parseFinding(guardDutyEvent('sample'), {}));
  expect(decision).toMatchObject({ response: 'quarantine', dryRun: true });
  expect(decision.reasons).toContain('Dry run: this is a sample finding.');
});

test('unknown tags do not protect yet, and that is said', () => {
  const decision = decided(instance(), { facts: {} });
  expect(decision).toMatchObject({ response: 'quarantine', undecided: ['tags'] });
  expect(decision.reasons.at(-1)).toMatch(/protect.tags applies is decided again/);
});

test('a protected id is collected from at most, also where tags are unknown', () => {
  const policy = { ...DEFAULT, protect: { ...DEFAULT.protect, instances: ['i-0abc12345def67890'] } };
  expect(decided(instance(), { policy, facts: {} })).toMatchObject({ response: 'collect', undecided: [] });
});

test.each<[Policy['mode'], 'observe' | 'enforce' | undefined, boolean]>([
  ['enforce', undefined, false],
  ['enforce', 'enforce', false],
  ['enforce', 'observe', true],
  ['observe', undefined, true],
  ['observe', 'enforce', true],
  ['observe', 'observe', true],
])('policy mode %s under ceiling %s: dry run %s; a manual request is real', (mode, modeCeiling, dryRun) => {
  const circumstances = { policy: { ...DEFAULT, mode }, ...(modeCeiling === undefined ? {} : { modeCeiling }) };
  expect(decided(instance(), circumstances)).toMatchObject({ response: 'quarantine', dryRun });
  expect(decided(manual(), circumstances)).toMatchObject({ response: 'quarantine', dryRun: false });
});

test('a dry run that is asked for is one, whatever the finding and the mode', () => {
  for (const finding of [instance(), manual(), parseFinding(guardDutyEvent('sample'), {})]) {
    const decision = decided(finding, { dryRun: true, modeCeiling: 'enforce' });
    expect(decision).toMatchObject({ response: 'quarantine', dryRun: true });
    expect(decision.reasons.at(-1)).toBe('Dry run: asked for.');
  }
  expect(decided(instance(), { dryRun: false }).dryRun).toBe(false);
});

test('a finding that a person names by its id is decided like the finding', () => {
  const asked = (request: object) => ({ ...instance(), request: { dryRun: false, force: false, ...request } });
  expect(decided(asked({}), { modeCeiling: 'observe' })).toMatchObject({ rule: 'high-severity', dryRun: true });
  expect(decided(asked({ dryRun: true })).reasons.at(-1)).toBe('Dry run: the request asks for it.');
  const facts = { tags: { 'eks:cluster-name': 'blue' } };
  expect(decided(asked({}), { facts }).response).toBe('collect');
  expect(decided(asked({ force: true, reason: 'confirmed' }), { facts }).response).toBe('quarantine');
});

test.each([
  ['package-critical-exploit', 'collect', 'exploitable-vulnerability'],
  ['package-critical', 'notify', 'critical-vulnerability'],
  ['package-high', 'ignore', 'other-inspector'],
  ['network-internet', 'ignore', 'other-inspector'],
  ['untriaged', 'ignore', 'other-inspector'],
  ['package-suppressed', 'ignore', 'archived'],
  ['package-closed', 'ignore', 'archived'],
])('Inspector, %s: %s by default', (name, response, rule) => {
  expect(decided(parseFinding(inspectorEvent(name), {}))).toMatchObject({ response, rule, dryRun: false });
});

test.each<[string, string, boolean]>([
  ['package-critical-exploit', 'exploitAvailable: true', true],
  ['package-critical-exploit', 'exploitAvailable: false', false],
  ['package-critical', 'exploitAvailable: false', true],
  ['untriaged', 'exploitAvailable: false', false],
  ['package-critical', 'score: { gte: 9.8 }', true],
  ['package-critical', 'score: { gt: 9.8 }', false],
  ['untriaged', 'score: { gte: 0 }', false],
  ['network-internet', 'reachable: true', true],
  ['network-private', 'reachable: true', false],
  ['network-private', 'reachable: false', true],
  ['package-critical', 'reachable: false', false],
  ['package-high', 'severity: [HIGH, CRITICAL]', true],
  ['package-high', 'severity: { gte: 0 }', false],
  ['package-high', 'type: "PACKAGE_*"', true],
  ['package-high', 'resourceType: AWS_EC2_INSTANCE', true],
  ['package-high', 'tags: Owner=orders-*', true],
  ['package-high', 'vpc: vpc-0d1*', true],
])('Inspector, %s: condition %s holds: %s', (name, condition, holds) => {
  const policy = policyOf(`rules:\n  - id: it\n    respond: notify\n    when:\n      ${condition}`);
  expect(decided(parseFinding(inspectorEvent(name), {}), { policy }).response).toBe(holds ? 'notify' : 'ignore');
});

test('a suppressed or closed finding says so', () => {
  const { reasons } = decided(parseFinding(inspectorEvent('package-closed'), {}));
  expect(reasons).toEqual([
    'The finding is suppressed or closed: a suppression rule covers it, or what it found is gone.',
  ]);
});

test('a manual request can ask for a dry run', () => {
  expect(decided(manual({ dryRun: true }))).toMatchObject({ response: 'quarantine', dryRun: true });
});

test.each<[object, string, RegExp]>([
  [{}, 'collect', /is protected \(eks:\*\): collect at most, and approval is asked\.$/],
  [{ force: true }, 'collect', /force needs a reason/],
  [{ force: true, reason: ' ' }, 'collect', /force needs a reason/],
  [{ reason: 'confirmed' }, 'collect', /collect at most/],
  [{ force: true, reason: 'confirmed' }, 'quarantine', /overridden by force: confirmed/],
])('a manual request %j for a protected instance: %s', (request, response, reason) => {
  const decision = decided(manual(request), { facts: { tags: { 'eks:cluster-name': 'blue' } } });
  expect(decision.response).toBe(response);
  expect(decision.reasons.join(' ')).toMatch(reason);
});

const PROTECTED = 'rules: [{ id: all, when: {}, respond: quarantine }]\nprotect: { tags: ["pet", "aws:*"] }';
const yes = { by: 'mia', reason: 'seen', person: true };

test.each<[string, Record<string, string>, boolean, string, string | undefined]>([
  ['its own tag', { pet: '' }, false, 'collect', 'protection'],
  ['its own tag, approved', { pet: '' }, true, 'quarantine', undefined],
  ['a tag that only AWS sets', { 'aws:x': '' }, false, 'collect', undefined],
  ['a tag that only AWS sets, approved', { 'aws:x': '' }, true, 'collect', undefined],
  ['both, approved', { pet: '', 'aws:x': '' }, true, 'collect', undefined],
  ['neither', {}, false, 'quarantine', undefined],
])('protected by %s: %s', (_, tags, approved, response, heldBy) => {
  const policy = policyOf(PROTECTED);
  const input = { facts: { tags }, policy, ...(approved ? { approved: yes } : {}) };
  const decision = decided(parseFinding(inspectorEvent('package-critical'), {}), input);
  expect(decision.response).toBe(response);
  expect(decision.approval?.heldBy).toBe(heldBy);
});

test('what the policy itself approves for want of a person lifts no protection', () => {
  const policy = policyOf(PROTECTED);
  const input = { facts: { tags: { pet: '' } }, policy, approved: { ...yes, person: false } };
  expect(decided(parseFinding(inspectorEvent('package-critical'), {}), input).response).toBe('collect');
});

test('a rule that asks for approval: asked, and quarantined once it is approved', () => {
  const policy = policyOf('rules: [{ id: all, when: {}, respond: quarantine-after-approval }]');
  const finding = parseFinding(inspectorEvent('package-critical'), {});
  expect(decided(finding, { policy, facts: { tags: {} } })).toMatchObject({
    response: 'quarantine-after-approval',
    approval: { heldBy: 'rule', because: 'rule all asks for approval' },
  });
  const decision = decided(finding, { policy, facts: { tags: {} }, approved: yes });
  expect(decision.response).toBe('quarantine');
  expect(decision.approval).toBeUndefined();
  expect(decision.reasons.at(-1)).toBe('Approved by mia: seen.');
});

test('no matching rule means ignore, and says so', () => {
  const policy = policyOf('rules: []');
  expect(decided(instance(), { policy })).toMatchObject({
    response: 'ignore',
    rule: 'default',
    reasons: ['No rule of the policy matches.'],
  });
});

test.each<[string, boolean]>([
  ['source: [inspector, guardduty]', true],
  ['source: inspector', false],
  ['severity: HIGH', true],
  ['severity: [MEDIUM, CRITICAL]', false],
  ['severity: 8', true],
  ['severity: { gt: 8 }', false],
  ['severity: { gt: 7.5, lte: 8 }', true],
  ['type: "Backdoor:EC2/*"', true],
  ['type: ["Trojan:*", "*!DNS"]', true],
  ['type: Backdoor', false],
  ['role: ACTOR', true],
  ['role: TARGET', false],
  ['resourceType: Inst*', true],
  ['account: "111122223333"', true],
  ['account: "444455556666"', false],
  ['region: eu-*', true],
  ['region: us-*', false],
  ['tags: Owner', true],
  ['tags: [tier=*, Owner=orders-*]', true],
  ['tags: Owner=web', false],
  ['vpc: vpc-0d2d2d2d2d2d2d2d2', true],
  ['vpc: vpc-0ffffffffffffffff', false],
  ['exploitAvailable: true', false],
  ['score: { gte: 0 }', false],
  ['reachable: false', false],
  ['source: guardduty\n      role: TARGET', false],
])('condition %s holds: %s', (condition, holds) => {
  const policy = policyOf(`rules:\n  - id: it\n    respond: notify\n    when:\n      ${condition}`);
  expect(decided(instance(), { policy }).response).toBe(holds ? 'notify' : 'ignore');
});

test('the first matching rule decides', () => {
  const policy = policyOf(
    'rules: [{ id: one, when: { severity: 8 }, respond: notify }, { id: two, when: {}, respond: quarantine }]',
  );
  expect(decided(instance(), { policy })).toMatchObject({ response: 'notify', rule: 'one' });
});

test('a rule that depends on unknown facts never makes the response weaker than it may have to be', () => {
  const policy = policyOf(
    'rules: [{ id: lab, when: { tags: env=lab }, respond: ignore }, { id: rest, when: {}, respond: quarantine }]',
  );
  const unknown = decided(instance(), { policy, facts: {} });
  expect(unknown).toMatchObject({ response: 'quarantine', rule: 'rest', undecided: ['tags'] });
  expect(unknown.reasons.at(-1)).toBe(
    'Not known yet: tags; taken as matching in lab, and decided again when it is known.',
  );
  expect(decided(instance(), { policy, facts: { tags: { env: 'lab' } } })).toMatchObject({
    response: 'ignore',
    rule: 'lab',
  });
  expect(decided(instance(), { policy, facts: { tags: {} } })).toMatchObject({ response: 'quarantine', undecided: [] });
});

test('a rule on unknown facts is taken as true where nothing certain follows', () => {
  const policy = policyOf('rules: [{ id: vpc, when: { vpc: vpc-1 }, respond: collect }]');
  expect(decided(instance(), { policy, facts: {} })).toMatchObject({
    response: 'collect',
    rule: 'vpc',
    undecided: ['vpc'],
  });
});
