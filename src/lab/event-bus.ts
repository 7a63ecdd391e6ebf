/** EventBridge in the local AWS: rules, and events as AWS services put them. */
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { labConfig, required, type Place } from './client.ts';

/** Puts enabled rules on the default bus; each invokes the target. @returns their ARNs. */
export async function createRules(
  options: Place & { rules: { name: string; pattern: object }[]; targetArn: string },
): Promise<string[]> {
  const events = new EventBridgeClient(labConfig(options));
  const arns = [];
  for (const { name, pattern } of options.rules) {
    const { RuleArn } = await events.send(
      new PutRuleCommand({ Name: name, EventPattern: JSON.stringify(pattern), State: 'ENABLED' }),
    );
    await events.send(new PutTargetsCommand({ Rule: name, Targets: [{ Id: 'responder', Arn: options.targetArn }] }));
    arns.push(required(RuleArn, 'a rule ARN'));
  }
  return arns;
}

/** A whole event as EventBridge delivers it. */
export interface BusEvent {
  source: string;
  'detail-type': string;
  detail: unknown;
  id?: string;
  account?: string;
  region?: string;
  /** ISO 8601. */
  time?: string;
  resources?: string[];
}

/**
 * Puts the event on the default bus as an AWS service would, with the envelope it came with. PutEvents has no
 * parameters for account, region and id, so headers of the local AWS say them.
 */
export async function putEvent(options: Place & { event: BusEvent }): Promise<void> {
  const { event } = options;
  const events = new EventBridgeClient(labConfig(options));
  events.middlewareStack.add(
    (next) => (call) => {
      const { headers } = call.request as { headers: Record<string, string> };
      for (const field of ['account', 'region', 'id'] as const)
        if (event[field] !== undefined) headers[`x-secresponse-event-${field}`] = event[field];
      return next(call);
    },
    { step: 'build', name: 'envelope' },
  );
  const { Entries, FailedEntryCount } = await events.send(
    new PutEventsCommand({
      Entries: [
        {
          Source: event.source,
          DetailType: event['detail-type'],
          Detail: JSON.stringify(event.detail),
          Resources: event.resources ?? [],
          ...(event.time === undefined ? {} : { Time: new Date(event.time) }),
        },
      ],
    }),
  );
  if (FailedEntryCount) throw new Error(`EventBridge took the event not: ${Entries?.[0]?.ErrorMessage ?? 'no reason'}`);
}
