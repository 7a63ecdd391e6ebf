/** Policies and events at random, and what may be said of them without the compiler: for the properties of the event rules. */
import * as fc from 'fast-check';
import { parseFinding } from '../../src/finding/parse.ts';
import { whenHolds } from '../../src/policy/conditions.ts';
import { decide } from '../../src/policy/decide.ts';
import { RESPONSES } from '../../src/policy/decision.ts';
import type { Policies } from '../../src/policy/policy.ts';
import { BASE, policyFor } from '../../src/policy/policy.ts';
import type { Rule } from '../../src/policy/schema.ts';
import { SEVERITY_LABELS, SOURCES } from '../../src/policy/schema.ts';
import { guardDutyEvent, inspectorEvent } from '../events/events.ts';

export interface AnyEvent {
  [key: string]: unknown;
  account: string;
  detail: Record<string, unknown>;
}

const ACCOUNTS = ['111122223333', '444455556666'];
const REGIONS = ['eu-west-1', 'us-east-1'];
const TAGS = { Owner: 'orders', tier: 'web' };

/** Kinds of GuardDuty findings: fixture to start from, resource types, types. */
const GUARDDUTY: readonly [fixture: string, resourceTypes: readonly string[], types: readonly string[]][] = [
  [
    'instance',
    ['Instance', 'EKSCluster', 'ECSCluster', 'Container', 'AccessKey', 'S3Bucket'],
    ['Backdoor:EC2/C&CActivity.B!DNS', 'Recon:EC2/PortProbeUnprotectedPort', 'Trojan:EC2/DropPoint'],
  ],
  [
    'attack-sequence-tagged',
    ['AttackSequence'],
    [
      'AttackSequence:EC2/CompromisedInstanceGroup',
      'AttackSequence:EKS/CompromisedCluster',
      'AttackSequence:ECS/CompromisedCluster',
      'AttackSequence:S3/CompromisedData',
    ],
  ],
  [
    'credential-exfiltration',
    ['AccessKey'],
    [
      'UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS',
      'UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS',
      'Recon:IAMUser/MaliciousIPCaller',
    ],
  ],
];

export const someGuardDutyEvent: fc.Arbitrary<AnyEvent> = fc
  .record({
    kind: fc.constantFrom(...GUARDDUTY).chain(([fixture, resourceTypes, types]) =>
      fc.record({
        fixture: fc.constant(fixture),
        resourceType: fc.constantFrom(...resourceTypes),
        type: fc.constantFrom(...types),
      }),
    ),
    account: fc.constantFrom(...ACCOUNTS),
    region: fc.constantFrom(...REGIONS),
    /** Of the members of a sequence. */
    elsewhere: fc.record({ accountId: fc.constantFrom(...ACCOUNTS), region: fc.constantFrom(...REGIONS) }),
    severity: fc.constantFrom(1, 3.9, 4, 5, 6.9, 6.95, 7, 8, 8.9, 9, 10),
    role: fc.constantFrom('TARGET', 'ACTOR', null, undefined),
    archived: fc.oneof(
      { weight: 1, arbitrary: fc.constant(true) },
      { weight: 6, arbitrary: fc.constantFrom(false, null, undefined) },
    ),
  })
  .map(({ kind, account, region, elsewhere, severity, role, archived }) => {
    const event = guardDutyEvent(kind.fixture);
    event.account = account;
    Object.assign(event.detail, { accountId: account, region, type: kind.type, severity });
    event.detail.resource.resourceType = kind.resourceType;
    Object.assign(event.detail.service, { resourceRole: role, archived });
    for (const resource of sequenceResources(event.detail.service))
      Object.assign(resource, { ...elsewhere, uid: bare(resource['uid']) });
    return onTheWire(event);
  });

export const someInspectorEvent: fc.Arbitrary<AnyEvent> = fc
  .record({
    fixture: fc.constantFrom(
      'package-critical-exploit',
      'package-critical',
      'network-internet',
      'network-private',
      'untriaged',
      'image',
    ),
    account: fc.constantFrom(...ACCOUNTS),
    region: fc.constantFrom(...REGIONS, undefined),
    severity: fc.constantFrom(...SEVERITY_LABELS),
    status: fc.oneof(
      { weight: 4, arbitrary: fc.constant('ACTIVE') },
      { weight: 1, arbitrary: fc.constantFrom('SUPPRESSED', 'CLOSED') },
    ),
    exploitAvailable: fc.constantFrom('YES', 'NO', null, undefined),
    inspectorScore: fc.constantFrom(0, 4.8, 7, 9.8, 10, null, undefined),
  })
  .map(({ fixture, account, region, ...facts }) => {
    const event = inspectorEvent(fixture);
    event.account = account;
    Object.assign(event.detail, { awsAccountId: account, ...facts });
    for (const resource of event.detail.resources) resource['region'] = region;
    return onTheWire(event);
  });

export const someEvent: fc.Arbitrary<AnyEvent> = fc.oneof(
  { weight: 3, arbitrary: someGuardDutyEvent },
  { weight: 2, arbitrary: someInspectorEvent },
);

/** As events arrive: what is undefined is not there. */
function onTheWire(event: object): AnyEvent {
  return JSON.parse(JSON.stringify(event)) as AnyEvent;
}

function sequenceResources(service: Record<string, unknown>): Record<string, unknown>[] {
  const detection = service['detection'] as { sequence: { resources: Record<string, unknown>[] } } | undefined;
  return detection?.sequence.resources ?? [];
}

function bare(uid: unknown): string {
  return String(uid).slice(String(uid).lastIndexOf('/') + 1);
}

function names<Name extends string>(...some: readonly Name[]): fc.Arbitrary<Name[]> {
  return fc.uniqueArray(fc.constantFrom(...some), { minLength: 1, maxLength: 3 });
}

const someRange = fc.oneof(
  fc.record({ gte: fc.constantFrom(1, 4, 7), lt: fc.constantFrom(7.5, 9) }),
  fc.record({ gt: fc.constantFrom(3, 6), lte: fc.constantFrom(6.9, 9) }),
  fc.record({ gte: fc.constantFrom(4, 7, 9) }),
  fc.record({ lt: fc.constantFrom(4, 7, 9) }),
);

const someWhen: fc.Arbitrary<Rule['when']> = fc.record(
  {
    source: names(...SOURCES),
    severity: fc.oneof(fc.constantFrom(4, 7, 9), names(...SEVERITY_LABELS), someRange),
    type: names(
      'Backdoor:*',
      '*!DNS',
      '*:EC2/*Port*',
      'Trojan:EC2/DropPoint',
      'AttackSequence:*',
      '*Compromised*',
      'AttackSequence:E*/*Cluster',
      '*.OutsideAWS',
      'UnauthorizedAccess:IAMUser/*',
      'PACKAGE_*',
      'NETWORK_REACHABILITY',
      '*',
    ),
    role: fc.constantFrom<'TARGET' | 'ACTOR'>('TARGET', 'ACTOR'),
    resourceType: names('Instance', '*Cluster', 'Access*', 'S3Bucket', 'AWS_EC2_*', '*'),
    account: names(...ACCOUNTS),
    region: names('eu-*', 'us-east-1'),
    tags: names('Owner', 'tier=*'),
    vpc: names('vpc-0d1d1d1d1d1d1d1d1', 'vpc-none'),
    exploitAvailable: fc.boolean(),
    score: someRange,
    reachable: fc.boolean(),
  },
  { requiredKeys: [] },
);

const OFTEN = ['source', 'severity'];

/** Few conditions at a time, and few rules: one with all of them matches next to nothing, and many rules hide each other. */
const fewConditions = fc
  .record({ when: someWhen, often: fc.subarray(OFTEN), others: fc.uniqueArray(fc.nat(9), { maxLength: 2 }) })
  .map(({ when, often, others }) => {
    const rest = Object.keys(when).filter((key) => !OFTEN.includes(key));
    const kept = new Set([...often, ...rest.filter((_, index) => others.includes(index))]);
    return Object.fromEntries(Object.entries(when).filter(([key]) => kept.has(key)));
  });

const someRules: fc.Arbitrary<Rule[]> = fc
  .array(fc.record({ when: fewConditions, respond: fc.constantFrom(...RESPONSES) }), { minLength: 1, maxLength: 4 })
  .map((rules) => rules.map((rule, index) => ({ id: `rule-${index}`, ...rule })));

export const somePolicies: fc.Arbitrary<Policies> = fc
  .record({ rules: someRules, own: fc.option(someRules) })
  .map(({ rules, own }) => policiesWith(rules, own === null ? {} : { '444455556666': { ...BASE, rules: own } }));

export function policiesWith(rules: Rule[], accounts: Policies['accounts'] = {}): Policies {
  return { version: 1, administrators: [], default: { ...BASE, rules }, accounts };
}

/** Would the policy do more than ignore any target of the event, with the facts that the event has or once more are known? */
export function wouldAct(policies: Policies, event: AnyEvent): boolean {
  const finding = parseFinding(event, { administrators: ACCOUNTS });
  return finding.targets.some((target) => {
    const policy = policyFor(policies, target.account);
    const known = [target.facts, {}, { tags: TAGS, vpcs: ['vpc-none'] }];
    return known.some((facts) => decide({ policy, finding, target, facts }).response !== 'ignore');
  });
}

/** Archived, or of a source or severity for which every rule that does something has no use: nothing else is looked at. */
export function isNoOnesBusiness(policies: Policies, event: AnyEvent): boolean {
  const finding = parseFinding(event, {});
  if (finding.archived) return true;
  const [target = { account: finding.account, region: finding.region, instanceId: '' }] = finding.targets;
  const rules = [policies.default, ...Object.values(policies.accounts)].flatMap((policy) => policy.rules);
  return !rules.some(({ when: { source, severity }, respond }) => {
    const when = { ...(source === undefined ? {} : { source }), ...(severity === undefined ? {} : { severity }) };
    return respond !== 'ignore' && whenHolds(when, { finding, target, facts: {} }).holds;
  });
}
