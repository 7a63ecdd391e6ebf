/** The event rules as EventBridge sees them: the local AWS's matcher is the judge, and the decision the oracle. */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { eventRules } from '../../src/policy/event-rules.ts';
import type { Policies } from '../../src/policy/policy.ts';
import type { Matcher } from '../support/event-matcher.ts';
import { eventMatcher } from '../support/event-matcher.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { matchesPattern } from './event-pattern.ts';
import type { AnyEvent } from './generated.ts';
import { isNoOnesBusiness, someEvent, somePolicies, wouldAct } from './generated.ts';

const local = useLocalAws();

interface Seen {
  acted: number;
  ignored: number;
}

/** What the two properties say of one event; events of which they say nothing are not sent. */
async function check(matches: Matcher, policies: Policies, event: AnyEvent, seen: Seen): Promise<void> {
  const acts = wouldAct(policies, event);
  if (!acts && !isNoOnesBusiness(policies, event)) return;
  seen[acts ? 'acted' : 'ignored'] += 1;
  const patterns = eventRules(policies).map(({ pattern }) => pattern);
  for (const pattern of patterns) expect(JSON.stringify(pattern).length).toBeLessThanOrEqual(2048);
  let admitted = false;
  for (const pattern of patterns) {
    const answer = await matches(pattern, event);
    // The matcher of the faster tests must not be kinder than this one.
    expect({ pattern, event, answer }).toEqual({ pattern, event, answer: matchesPattern(pattern, event) });
    admitted = answer;
    if (answer) break;
  }
  expect({ policies, event, admitted }).toEqual({ policies, event, admitted: acts });
}

test('every event that some policy would act on matches a rule; ignored sources, severities and archived ones match none', async () => {
  const { endpoint } = await local.newAccount();
  const matches = eventMatcher(endpoint);
  const seen = { acted: 0, ignored: 0 };
  await fc.assert(
    fc.asyncProperty(somePolicies, fc.array(someEvent, { minLength: 10, maxLength: 10 }), async (policies, events) => {
      await Promise.all(events.map((event) => check(matches, policies, event, seen)));
    }),
    { numRuns: 120 },
  );
  // Both halves of the property were put to the test.
  expect(Math.min(seen.acted, seen.ignored)).toBeGreaterThan(50);
}, 60_000);
