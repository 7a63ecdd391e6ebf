/** EventBridge's own answer to whether a pattern matches: TestEventPattern of the local AWS. */
import { EventBridgeClient, TestEventPatternCommand } from '@aws-sdk/client-eventbridge';
import { labConfig } from '../../src/lab/client.ts';

export type Matcher = (pattern: object, event: object) => Promise<boolean>;

/** Answers are kept: rules and events that come again cost nothing. */
export function eventMatcher(endpoint: string): Matcher {
  const events = new EventBridgeClient(labConfig({ endpoint }));
  const kept = new Map<string, Promise<boolean>>();
  return (pattern, event) => {
    const input = { EventPattern: JSON.stringify(pattern), Event: JSON.stringify(event) };
    const name = `${input.EventPattern}\n${input.Event}`;
    const answer =
      kept.get(name) ??
      events.send(new TestEventPatternCommand(input)).then(({ Result }) => {
        if (Result === undefined) throw new Error('TestEventPattern answered nothing');
        return Result;
      });
    kept.set(name, answer);
    return answer;
  };
}
