/** An attack sequence against instances of one's choice. */
import type { BusEvent } from '../../src/lab/event-bus.ts';
import { guardDutyEvent } from '../events/events.ts';

/** `more`: further resources, as they stand in the event. */
export function sequenceOf(
  { account, region }: { account: string; region: string },
  instances: readonly string[],
  more: object[] = [],
): BusEvent {
  const event = guardDutyEvent('attack-sequence');
  event.account = account;
  event['region'] = region;
  Object.assign(event.detail, { accountId: account, region });
  const resources = instances.map((instanceId) => ({
    uid: `arn:aws:ec2:${region}:${account}:instance/${instanceId}`,
    resourceType: 'EC2_INSTANCE',
    accountId: account,
    region,
  }));
  event.detail.service['detection'] = { sequence: { uid: 's', resources: [...resources, ...more] } };
  return event as unknown as BusEvent;
}

/** Of instances that there need not be. */
export function instanceIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `i-0${index.toString(16).padStart(16, '0')}`);
}
