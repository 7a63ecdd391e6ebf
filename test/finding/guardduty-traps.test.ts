/** The traps of GuardDuty's findings that do not end with the shape of the event: what each of them must come to. */
import { expect, test } from '@jest/globals';
import { FindingError } from '../../src/finding/finding.ts';
import { parseFinding } from '../../src/finding/parse.ts';
import { decide } from '../../src/policy/decide.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { guardDutyEvent } from '../events/events.ts';
import { defaultPolicies } from '../policy/policies.ts';

const DEFAULT = defaultPolicies().default;
const INSTANCE = 'i-0abc12345def67890';

function answer(name: string, policy: Policy = DEFAULT): { instanceId: string; response: string }[] {
  const finding = parseFinding(guardDutyEvent(name), {});
  return finding.targets.map((target) => ({
    instanceId: target.instanceId,
    response: decide({ policy, finding, target, facts: target.facts }).response,
  }));
}

test.each([
  ['malware-instance', 'quarantine'],
  ['runtime-instance', 'quarantine'],
  ['resent-more-severe', 'quarantine'],
  ['unknown-fields', 'quarantine'],
  ['malware-container', 'collect'],
  ['eks-runtime-node', 'collect'],
  ['emr-node', 'collect'],
  ['port-probe', 'collect'],
  ['brute-force-target', 'collect'],
  ['credential-exfiltration', 'quarantine-after-approval'],
  ['credential-exfiltration-inside-aws', 'quarantine-after-approval'],
])('%s: %s by default', (name, response) => {
  expect(answer(name)).toEqual([{ instanceId: INSTANCE, response }]);
});

test('every instance of an attacked group is quarantined, the nodes of an attacked cluster are not', () => {
  const responses = (name: string) => answer(name).map(({ response }) => response);
  expect(responses('attack-sequence')).toEqual(['quarantine', 'quarantine']);
  expect(responses('attack-sequence-eks')).toEqual(['collect', 'collect']);
  expect(responses('attack-sequence-ecs')).toEqual(['collect']);
});

test('the owner of stolen credentials is the session, not whom instanceDetails names', () => {
  const event = guardDutyEvent('credential-exfiltration-inside-aws');
  event.detail.resource.instanceDetails['instanceId'] = 'i-0fed09876abc54321';
  expect(parseFinding(event, {}).targets).toEqual([
    { account: '111122223333', region: 'eu-west-1', instanceId: INSTANCE, facts: {} },
  ]);
});

test('instanceDetails is the second source, and one of them must name an instance', () => {
  const event = guardDutyEvent('credential-exfiltration-inside-aws');
  Object.assign(event.detail.resource, { accessKeyDetails: { principalId: 'AROAEXAMPLEEXAMPLE01:deploy' } });
  expect(parseFinding(event, {}).targets).toMatchObject([
    { instanceId: INSTANCE, facts: { tags: { Name: 'orders-web-1' } } },
  ]);
  Reflect.deleteProperty(event.detail.resource, 'instanceDetails');
  expect(() => parseFinding(event, {})).toThrow(FindingError);
  expect(() => parseFinding(event, {})).toThrow(
    'detail.resource.accessKeyDetails.principalId: expected the role\'s id and the instance (AROA…:i-…), found "AROAEXAMPLEEXAMPLE01:deploy"',
  );
});

test('a forwarder that is blamed for its clients is protected by its tag', () => {
  expect(answer('dns-forwarder')).toMatchObject([{ response: 'quarantine' }]);
  const policy = { ...DEFAULT, protect: { instances: [], tags: ['tier=domain-controller'] } };
  expect(answer('dns-forwarder', policy)).toMatchObject([{ response: 'collect' }]);
});

test('placeholders are refused', () => {
  expect(() => parseFinding(guardDutyEvent('placeholders'), {})).toThrow(
    'detail.accountId: expected an account id of 12 digits, found "123456789"',
  );
});

test('what is sent again is the same finding, more severe', () => {
  const first = parseFinding(guardDutyEvent('instance'), {});
  const again = parseFinding(guardDutyEvent('resent-more-severe'), {});
  expect(again.id).toBe(first.id);
  expect(again).toMatchObject({ severity: { score: 9, label: 'CRITICAL' }, count: 41 });
});
