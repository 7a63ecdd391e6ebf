import { expect, test } from '@jest/globals';
import { FindingError } from '../../src/finding/finding.ts';
import { parseFinding } from '../../src/finding/parse.ts';
import { readEvent } from '../events/events.ts';
import type { InspectorEvent } from '../events/events.ts';
import { inspectorEvent } from '../events/events.ts';

const TARGET = { account: '111122223333', region: 'eu-west-1', instanceId: 'i-0abc12345def67890' };
const ARN = 'arn:aws:inspector2:eu-west-1:111122223333:finding/0badc0de0badc0de0badc0de0badc0de';

function parseChanged(change: (event: InspectorEvent) => void) {
  const event = inspectorEvent('package-critical-exploit');
  change(event);
  return parseFinding(event, {});
}

test('a vulnerability of an instance becomes a finding with one target and what the event knows of it', () => {
  expect(parseFinding(inspectorEvent('package-critical-exploit'), {})).toEqual({
    source: 'inspector',
    id: '0badc0de0badc0de0badc0de0badc0de',
    arn: ARN,
    account: '111122223333',
    region: 'eu-west-1',
    type: 'PACKAGE_VULNERABILITY',
    severity: { score: null, label: 'CRITICAL' },
    title: 'CVE-2026-10001 - libexample',
    description: 'A crafted message lets a stranger run code.',
    resourceType: 'AWS_EC2_INSTANCE',
    archived: false,
    sample: false,
    createdAt: '2026-11-19T06:12:00.334Z',
    updatedAt: '2026-11-20T10:04:37.120Z',
    exploitAvailable: true,
    score: 9.8,
    targets: [
      {
        ...TARGET,
        facts: { tags: { Name: 'orders-web-1', Owner: 'orders-team' }, vpcs: ['vpc-0d1d1d1d1d1d1d1d1'] },
      },
    ],
    refused: [],
    consoleUrl: 'https://console.aws.amazon.com/inspector/v2/home?region=eu-west-1#/findings',
  });
});

test('event, bare detail and API answer, in either case of letters, give the same finding', () => {
  const event = inspectorEvent('package-critical-exploit');
  const fromEvent = parseFinding(event, {});
  expect(parseFinding(event.detail, {})).toEqual(fromEvent);
  for (const name of ['list-findings-answer', 'list-findings-answer-pascal']) {
    expect(parseFinding(readEvent(`inspector/${name}`), {})).toEqual(fromEvent);
  }
});

test.each([
  ['package-critical', { exploitAvailable: false, score: 9.8, severity: { label: 'CRITICAL' } }],
  ['package-high', { exploitAvailable: false, score: 7.5, severity: { label: 'HIGH' } }],
  ['network-internet', { type: 'NETWORK_REACHABILITY', reachable: true }],
  ['network-private', { type: 'NETWORK_REACHABILITY', reachable: false }],
  ['american-dates', { createdAt: '2026-03-20T18:08:05.000Z', updatedAt: '2026-03-21T00:00:00.000Z' }],
])('%s: its facts', (name, facts) => {
  expect(parseFinding(inspectorEvent(name), {})).toMatchObject({ ...facts, archived: false, targets: [TARGET] });
});

test('what a finding does not say is absent, not false', () => {
  const finding = parseFinding(inspectorEvent('untriaged'), {});
  expect(finding.severity.label).toBe('UNTRIAGED');
  for (const key of ['exploitAvailable', 'score', 'reachable']) expect(finding).not.toHaveProperty(key);
});

test.each(['package-suppressed', 'package-closed'])('%s counts as dealt with and keeps its target', (name) => {
  expect(parseFinding(inspectorEvent(name), {})).toMatchObject({ archived: true, targets: [TARGET] });
});

test.each([
  ['image', 'AWS_ECR_CONTAINER_IMAGE'],
  ['function', 'AWS_LAMBDA_FUNCTION'],
  ['function-code', 'AWS_LAMBDA_FUNCTION'],
])('%s has no target, with the reason', (name, resourceType) => {
  expect(parseFinding(inspectorEvent(name), {})).toMatchObject({
    resourceType,
    targets: [],
    noTarget: `The finding is about a resource of type ${resourceType}, not about an EC2 instance.`,
  });
});

test('an account that the envelope does not vouch for is refused, unless it is an administrator', () => {
  const event = inspectorEvent('delegated-administrator');
  expect(parseFinding(event, {})).toMatchObject({ targets: [], refused: [TARGET] });
  expect(parseFinding(event, { administrators: ['444455556666'] })).toMatchObject({ targets: [TARGET], refused: [] });
});

test('a resource without a Region is where the finding was made', () => {
  const finding = parseChanged(({ detail }) => delete detail.resources[0]?.['region']);
  expect(finding.targets).toMatchObject([TARGET]);
});

test('what is only shown does not keep a finding from being understood', () => {
  const finding = parseChanged(({ detail }) => {
    Object.assign(detail, { title: 7, description: null, updatedAt: {}, lastObservedAt: 'yesterday' });
    Object.assign(detail.resources[0] ?? {}, { tags: 'none', details: { awsEc2Instance: 9 } });
  });
  expect(finding).toMatchObject({ title: 'PACKAGE_VULNERABILITY', targets: [{ ...TARGET, facts: {} }] });
});

test.each<[string, (event: InspectorEvent) => void, string]>([
  ['status', ({ detail }) => (detail['status'] = 'OPEN'), 'detail.status: expected ACTIVE, SUPPRESSED or CLOSED'],
  ['no status', ({ detail }) => delete detail['status'], 'detail.status: expected ACTIVE'],
  ['severity', ({ detail }) => (detail['severity'] = 9), 'detail.severity: expected INFORMATIONAL, LOW, MEDIUM'],
  [
    'exploit',
    ({ detail }) => (detail['exploitAvailable'] = true),
    'detail.exploitAvailable: expected YES or NO, found true',
  ],
  [
    'score as text',
    ({ detail }) => (detail['inspectorScore'] = '9.8'),
    'detail.inspectorScore: expected a number from 0 to 10, found "9.8"',
  ],
  ['account', ({ detail }) => (detail['awsAccountId'] = '123456789'), 'detail.awsAccountId: expected an account id'],
  ['resources', ({ detail }) => (detail['resources'] = {} as never), 'detail.resources: expected a list of resources'],
])('refused with the place: %s', (_, change, message) => {
  expect(() => parseChanged(change)).toThrow(FindingError);
  expect(() => parseChanged(change)).toThrow(message);
});

test('a placeholder for an instance id is refused', () => {
  expect(() => parseFinding(inspectorEvent('placeholder'), {})).toThrow(
    'detail.resources.0.id: expected an instance id: "i-" and 8 or 17 hexadecimal digits, found "${instance_id}"',
  );
});
