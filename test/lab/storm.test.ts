import { expect, test } from '@jest/globals';
import { storm } from '../../src/lab/storm.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();

test('a storm of findings through EventBridge: one response for each instance, every finding recorded, the rest in digests', async () => {
  const result = await storm(await local.newAccount(), 30, 3);
  expect(result).toMatchObject({ deliveries: 30, incidents: 3, quarantined: 3, joined: 27, lost: [], responses: 3 });
  expect(result.messages).toBeLessThan(8);
}, 120_000);
