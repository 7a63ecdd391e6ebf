import { expect, test } from '@jest/globals';
import { FindingError } from '../../src/finding/finding.ts';
import { parseFinding } from '../../src/finding/parse.ts';
import { guardDutyEvent } from '../events/events.ts';

const PLACE = { account: '111122223333', region: 'eu-west-1' };
const FIRST = { ...PLACE, instanceId: 'i-0abc12345def67890' };
const SECOND = { ...PLACE, instanceId: 'i-0fed09876abc54321' };
const ELSEWHERE = { ...SECOND, account: '444455556666', region: 'us-east-1' };

interface SequenceResource {
  [key: string]: unknown;
}

function resourcesOf(event: ReturnType<typeof guardDutyEvent>): SequenceResource[] {
  const { sequence } = event.detail.service['detection'] as { sequence: { resources: SequenceResource[] } };
  return sequence.resources;
}

test('each instance of a group is a target of its own, whether it is named by its ARN or by its id', () => {
  expect(parseFinding(guardDutyEvent('attack-sequence'), {})).toMatchObject({
    resourceType: 'Instance',
    targets: [FIRST, SECOND],
    refused: [],
  });
});

test('a target has the tags and the networks that the sequence has of it; named twice, it is one target', () => {
  const { targets } = parseFinding(guardDutyEvent('attack-sequence-tagged'), {});
  expect(targets).toEqual([
    { ...FIRST, facts: { tags: { Name: 'orders-web-1' }, vpcs: ['vpc-0d1d1d1d1d1d1d1d1'] } },
    { ...SECOND, facts: {} },
  ]);
});

test.each([
  ['eks', 'EKSCluster', [FIRST, SECOND]],
  ['ecs', 'ECSCluster', [FIRST]],
])('the nodes of an %s sequence are targets that count as %s', (cluster, resourceType, targets) => {
  const finding = parseFinding(guardDutyEvent(`attack-sequence-${cluster}`), {});
  expect(finding).toMatchObject({ resourceType, targets });
});

test('an instance in another account is refused, unless an administrator speaks', () => {
  const event = guardDutyEvent('attack-sequence-across-accounts');
  expect(parseFinding(event, {})).toMatchObject({ targets: [FIRST], refused: [ELSEWHERE] });
  expect(parseFinding(event, { administrators: [PLACE.account] })).toMatchObject({
    targets: [FIRST, ELSEWHERE],
    refused: [],
  });
});

test('account and Region may stand in the ARN alone', () => {
  const event = guardDutyEvent('attack-sequence-across-accounts');
  for (const resource of resourcesOf(event)) {
    delete resource['accountId'];
    delete resource['region'];
  }
  expect(parseFinding(event, { administrators: [PLACE.account] }).targets).toMatchObject([FIRST, ELSEWHERE]);
});

test('a member that cannot be read is refused, and does not save the others', () => {
  const finding = parseFinding(guardDutyEvent('attack-sequence-strange-member'), {});
  expect(finding.targets).toMatchObject([FIRST]);
  expect(finding.refused).toEqual([
    {
      ...PLACE,
      account: '"111122223333"',
      region: '"eu-west-1"',
      instanceId: '"${instance_id}"',
      reason: expect.stringContaining('detail.service.detection.sequence.resources.0.uid: expected an instance id'),
    },
  ]);
});

test('where none can be read, the event is not understood', () => {
  const event = guardDutyEvent('attack-sequence-strange-member');
  resourcesOf(event).pop();
  expect(() => parseFinding(event, {})).toThrow(FindingError);
  expect(() => parseFinding(event, {})).toThrow('detail.service.detection.sequence.resources.0.uid');
});

test('a sequence without resources is not understood; one without instances has no target', () => {
  const event = guardDutyEvent('attack-sequence');
  resourcesOf(event).splice(0);
  expect(parseFinding(event, {})).toMatchObject({
    targets: [],
    noTarget: 'AttackSequence:EC2/CompromisedInstanceGroup lists no EC2 instance among its resources.',
  });
  delete event.detail.service['detection'];
  expect(() => parseFinding(event, {})).toThrow(
    'detail.service.detection: expected the sequence with its resources, found nothing',
  );
});
