import { expect, test } from '@jest/globals';
import { parseFinding } from '../../src/finding/parse.ts';
import type { Finding } from '../../src/finding/finding.ts';
import { FindingError } from '../../src/finding/finding.ts';
import type { GuardDutyEvent } from '../events/events.ts';
import { guardDutyEvent, readEvent } from '../events/events.ts';

const TARGET = { account: '111122223333', region: 'eu-west-1', instanceId: 'i-0abc12345def67890' };

/** Parses an event after one thing was changed in it. */
function parseChanged(name: string, change: (event: GuardDutyEvent) => void): Finding {
  const event = guardDutyEvent(name);
  change(event);
  return parseFinding(event, {});
}

test('an event about an instance becomes a finding with one target and what the event knows of it', () => {
  expect(parseFinding(guardDutyEvent('instance'), {})).toEqual({
    source: 'guardduty',
    id: '5ab1c0ffee5ab1c0ffee5ab1c0ffee01',
    arn: 'arn:aws:guardduty:eu-west-1:111122223333:detector/d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0/finding/5ab1c0ffee5ab1c0ffee5ab1c0ffee01',
    account: '111122223333',
    region: 'eu-west-1',
    type: 'Backdoor:EC2/C&CActivity.B!DNS',
    severity: { score: 8, label: 'HIGH' },
    title: 'EC2 instance i-0abc12345def67890 queries a domain name of a known command and control server.',
    description:
      'EC2 instance i-0abc12345def67890 queries a domain name of a known command and control server. Seen for the first time today.',
    role: 'ACTOR',
    resourceType: 'Instance',
    archived: false,
    sample: false,
    createdAt: '2026-11-20T10:00:11.482Z',
    updatedAt: '2026-11-20T10:04:37.120Z',
    count: 3,
    targets: [
      {
        ...TARGET,
        facts: {
          tags: { Name: 'orders-web-1', Owner: 'orders-team' },
          vpcs: ['vpc-0d1d1d1d1d1d1d1d1', 'vpc-0d2d2d2d2d2d2d2d2'],
        },
      },
    ],
    refused: [],
    consoleUrl:
      'https://console.aws.amazon.com/guardduty/home?region=eu-west-1#/findings?search=id%3D5ab1c0ffee5ab1c0ffee5ab1c0ffee01',
  });
});

test('event, bare detail and API answer give the same finding', () => {
  const event = guardDutyEvent('instance');
  const fromEvent = parseFinding(event, {});
  const answer = readEvent('guardduty/get-findings-answer') as { Findings: unknown[] };
  expect(parseFinding(event.detail, {})).toEqual(fromEvent);
  expect(parseFinding(answer, {})).toEqual(fromEvent);
  expect(parseFinding(answer.Findings[0], {})).toEqual(fromEvent);
});

test.each([
  [0.9, 'INFORMATIONAL'],
  [1, 'LOW'],
  [3.9, 'LOW'],
  [4, 'MEDIUM'],
  [6.9, 'MEDIUM'],
  [7, 'HIGH'],
  [8.9, 'HIGH'],
  [9, 'CRITICAL'],
  [10, 'CRITICAL'],
])('severity %d is %s', (score, label) => {
  const finding = parseChanged('instance', ({ detail }) => (detail['severity'] = score));
  expect(finding.severity).toEqual({ score, label });
});

test.each(['sample', 'sample-of-old'])('%s is recognised as a sample', (name) => {
  expect(parseFinding(guardDutyEvent(name), {}).sample).toBe(true);
});

test.each(['{"sample":', '"sample"', 'null', '{"sample":"true"}'])('additional info %s makes no sample', (value) => {
  const finding = parseChanged('instance', ({ detail }) => (detail.service['additionalInfo'] = { value }));
  expect(finding.sample).toBe(false);
});

test('an archived finding says so and keeps its target', () => {
  expect(parseFinding(guardDutyEvent('archived'), {})).toMatchObject({ archived: true, targets: [TARGET] });
});

test('a node is the target of a finding about its container', () => {
  const finding = parseFinding(guardDutyEvent('eks-runtime-node'), {});
  expect(finding).toMatchObject({ resourceType: 'EKSCluster', targets: [TARGET] });
});

test.each([
  ['ecs-fargate', /Fargate/],
  ['access-key-caller', /type AccessKey, not about an EC2 instance/],
  ['malicious-file-snapshot', /copy of a disk/],
  ['attack-sequence-s3', /against other things than instances/],
  ['s3-caller', /type S3Bucket, not about an EC2 instance/],
])('%s has no target, with the reason', (name, reason) => {
  const finding = parseFinding(guardDutyEvent(name), {});
  expect(finding.targets).toEqual([]);
  expect(finding.noTarget).toMatch(reason);
});

test('the envelope region does not matter: the target is where the finding says', () => {
  const finding = parseChanged('instance', (event) => (event['region'] = 'us-east-1'));
  expect(finding).toMatchObject({ region: 'eu-west-1', targets: [TARGET] });
});

test('an account that the envelope does not vouch for is refused', () => {
  const finding = parseFinding(guardDutyEvent('delegated-administrator'), { administrators: ['777788889999'] });
  expect(finding.targets).toEqual([]);
  expect(finding.refused).toEqual([{ ...TARGET, reason: expect.stringContaining('444455556666') }]);
});

test('an administrator may speak for another account', () => {
  const finding = parseFinding(guardDutyEvent('delegated-administrator'), { administrators: ['444455556666'] });
  expect(finding).toMatchObject({ targets: [TARGET], refused: [] });
});

test('only the envelope vouches for an event: the option does not', () => {
  const finding = parseFinding(guardDutyEvent('delegated-administrator'), { account: '111122223333' });
  expect(finding.targets).toEqual([]);
});

test('without an envelope the given account is believed, and no other', () => {
  const { detail } = guardDutyEvent('instance');
  expect(parseFinding(detail, { account: '111122223333' }).targets).toHaveLength(1);
  expect(parseFinding(detail, { account: '444455556666' })).toMatchObject({ targets: [], refused: [TARGET] });
});

test('a bare detail that lost account and Region takes those that are given', () => {
  const { accountId: _account, region: _region, ...detail } = guardDutyEvent('instance').detail;
  expect(parseFinding(detail, { account: '777788889999', region: 'us-east-1' })).toMatchObject({
    targets: [{ account: '777788889999', region: 'us-east-1' }],
  });
  expect(() => parseFinding(detail, {})).toThrow('accountId: expected an account id of 12 digits, found nothing');
});

test.each([
  ['cn-north-1', 'console.amazonaws.cn'],
  ['us-gov-west-1', 'console.amazonaws-us-gov.com'],
])('the console of %s is %s', (region, host) => {
  const finding = parseChanged('instance', ({ detail }) => (detail['region'] = region));
  expect(finding.consoleUrl).toContain(`https://${host}/guardduty/home?region=${region}#`);
});

test('what is only shown does not keep an instance from being isolated', () => {
  const finding = parseChanged('instance', ({ detail }) => {
    Object.assign(detail, { title: 7, description: null, createdAt: 'yesterday', updatedAt: {}, arn: [] });
    Object.assign(detail.service, { count: 'many', resourceRole: 'BYSTANDER', additionalInfo: 'none' });
    Object.assign(detail.resource.instanceDetails, { tags: 'none', networkInterfaces: [{ vpcId: 9 }] });
  });
  expect(finding.targets).toEqual([{ ...TARGET, facts: {} }]);
  expect(finding.title).toBe('Backdoor:EC2/C&CActivity.B!DNS');
});

test.each<[string, (event: GuardDutyEvent) => void, string]>([
  [
    'severity as text',
    ({ detail }) => (detail['severity'] = '8.0'),
    'detail.severity: expected a number from 0 to 10, found "8.0"',
  ],
  [
    'severity off the scale',
    ({ detail }) => (detail['severity'] = 80),
    'detail.severity: expected a number from 0 to 10, found 80',
  ],
  [
    'placeholder instance id',
    ({ detail }) => (detail.resource.instanceDetails['instanceId'] = '${instance_id}'),
    'detail.resource.instanceDetails.instanceId: expected an instance id: "i-" and 8 or 17 hexadecimal digits, found "${instance_id}"',
  ],
  [
    'instance id null',
    ({ detail }) => (detail.resource.instanceDetails['instanceId'] = null),
    'detail.resource.instanceDetails.instanceId: expected an instance id',
  ],
  [
    'no instance in an instance finding',
    ({ detail }) => Reflect.deleteProperty(detail.resource, 'instanceDetails'),
    'detail.resource.instanceDetails.instanceId: resourceType is Instance, but no instance is named',
  ],
  [
    'account of nine digits',
    ({ detail }) => (detail['accountId'] = '123456789'),
    'detail.accountId: expected an account id of 12 digits, found "123456789"',
  ],
  ['envelope account', (event) => (event.account = 'me'), 'account: expected an account id of 12 digits, found "me"'],
  ['region', ({ detail }) => (detail['region'] = 'Ireland'), 'detail.region: expected a Region such as us-east-1'],
  [
    'archived as text',
    ({ detail }) => (detail.service['archived'] = 'false'),
    'detail.service.archived: expected true or false, found "false"',
  ],
  [
    'detail that is no finding',
    (event) => (event.detail = { wrong: true } as never),
    'detail.id: expected a finding id, found nothing',
  ],
])('refused with the place: %s', (_, change, message) => {
  expect(() => parseChanged('instance', change)).toThrow(FindingError);
  expect(() => parseChanged('instance', change)).toThrow(message);
});

test('the place in an API answer is written as the API writes it', () => {
  const answer = readEvent('guardduty/get-findings-answer') as { Findings: Record<string, unknown>[] };
  Object.assign(answer.Findings[0] ?? {}, { AccountId: 'x' });
  expect(() => parseFinding(answer, {})).toThrow('Findings.0.AccountId: expected an account id');
});

test('an API answer with several findings is refused', () => {
  const answer = readEvent('guardduty/get-findings-answer') as { Findings: unknown[] };
  answer.Findings.push(answer.Findings[0]);
  expect(() => parseFinding(answer, {})).toThrow('Findings: holds 2 findings; give one at a time');
});

test.each([
  ['Container', { containerDetails: { id: 'c0ffee', name: 'web' } }],
  ['ECSCluster', { ecsClusterDetails: { name: 'shop', arn: 'arn:aws:ecs:eu-west-1:111122223333:cluster/shop' } }],
  ['EKSCluster', { eksClusterDetails: { name: 'shop' } }],
])('an instance that a finding gives as the node of a named %s counts as that', (resourceType, details) => {
  const finding = parseChanged('instance', ({ detail }) => void Object.assign(detail.resource, details));
  expect(finding).toMatchObject({ resourceType, targets: [TARGET] });
});

test('empty container details, as samples carry them, make no node of an instance', () => {
  const finding = parseChanged(
    'instance',
    ({ detail }) => void Object.assign(detail.resource, { containerDetails: {} }),
  );
  expect(finding.resourceType).toBe('Instance');
});

test('a lone surrogate in the id is no fault of the parser', () => {
  const finding = parseChanged('instance', ({ detail }) => void Object.assign(detail, { id: 'x\uD800y' }));
  expect(finding.consoleUrl).toContain('id%3Dx%EF%BF%BDy');
});
