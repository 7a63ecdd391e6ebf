/** Who hears the events of the stack, as a rule of somebody else's does. */
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect } from '@jest/globals';
import { labConfig } from '../../src/lab/client.ts';
import { queueUrlAt, receiveMessages } from '../../src/lab/deployment.ts';
import { STATE_EVENT } from '../../src/notify/state-event.ts';
import { stateEventSchema, type StateEvent } from '../../src/notify/state-event-schema.ts';
import type { IncidentRoom } from './incident-room.ts';

/** A queue that hears the events of the stack. @returns what came since. */
export async function listen(room: IncidentRoom): Promise<() => Promise<Record<string, unknown>[]>> {
  const place = { endpoint: room.account.endpoint, region: room.world.region };
  const [sqs, events] = [new SQSClient(labConfig(place)), new EventBridgeClient(labConfig(place))];
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'states' }));
  const queueUrl = queueUrlAt(place, QueueUrl);
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn'] }),
  );
  const pattern = { source: [STATE_EVENT.source], 'detail-type': [STATE_EVENT.detailType] };
  await events.send(new PutRuleCommand({ Name: 'states', EventPattern: JSON.stringify(pattern) }));
  await events.send(
    new PutTargetsCommand({ Rule: 'states', Targets: [{ Id: 'queue', Arn: Attributes?.['QueueArn'] ?? '' }] }),
  );
  return async () =>
    (await receiveMessages({ ...place, queueUrl })).map(({ body }) => JSON.parse(body) as Record<string, unknown>);
}

/**
 * `state incident` of each event that came since, in the order of their times; each is as documented. One that was put again since
 * its answer was late is the same to the millisecond, and counts once.
 */
export async function listenToStates(room: IncidentRoom): Promise<() => Promise<string[]>> {
  const heard = await listen(room);
  return async () => {
    const texts = new Set((await heard()).map(({ detail }) => JSON.stringify(detail)));
    const details = [...texts].map((text) => JSON.parse(text) as StateEvent);
    for (const detail of details) expect(stateEventSchema.safeParse(detail).error).toBeUndefined();
    return details
      .toSorted((a, b) => a.at.localeCompare(b.at))
      .map(({ state, incidentId }) => `${state} ${incidentId}`);
  };
}
