import { expect, test } from '@jest/globals';
import { createRules, putEvent } from '../../src/lab/event-bus.ts';
import type { Delivery } from '../../src/lab/local-aws.ts';
import { useLocalAws } from '../support/local-aws.ts';

const { newAccount } = useLocalAws();
const targetArn = 'arn:aws:lambda:us-east-1:123456789012:function:responder';

test('an event reaches the listeners of its account, with the envelope it came with', async () => {
  const mine = await newAccount();
  const other = await newAccount();
  const heardByOther: Delivery[] = [];
  other.onDelivery((delivery) => heardByOther.push(delivery));
  const heard = new Promise<Delivery>((resolve) => mine.onDelivery(resolve));
  const [ruleArn] = await createRules({
    endpoint: mine.endpoint,
    targetArn,
    rules: [{ name: 'severe', pattern: { source: ['aws.guardduty'], detail: { severity: [{ numeric: ['>=', 7] }] } } }],
  });
  const event = {
    source: 'aws.guardduty',
    'detail-type': 'GuardDuty Finding',
    id: 'c8c4daa7-a20c-2f03-0070-b7393dd542ad',
    account: '999988887777',
    region: 'eu-west-1',
    time: '2026-01-02T03:04:05Z',
    resources: [],
    detail: { severity: 8 },
  };

  await putEvent({ endpoint: mine.endpoint, event: { ...event, detail: { severity: 2 } } });
  await putEvent({ endpoint: mine.endpoint, event });

  expect(await heard).toEqual({
    ruleArn,
    targetArn,
    targetId: 'responder',
    account: mine.account,
    region: 'us-east-1',
    event: { version: '0', ...event },
  });
  expect(heardByOther).toEqual([]);
});
