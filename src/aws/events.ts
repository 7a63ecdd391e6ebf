/** The default event bus of the responder's own Region. */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { clientConfig, underDeadline, type ClientSettings } from './client.ts';

export type Events = ReturnType<typeof eventsGateway>;

export function eventsGateway(settings: ClientSettings) {
  const client = new EventBridgeClient(clientConfig(settings));

  return {
    /** @returns the event's id. @throws Error where the bus does not take it. */
    async put(event: { source: string; detailType: string; detail: object; resources: string[] }): Promise<string> {
      const { Entries: [entry] = [] } = await client.send(
        new PutEventsCommand({
          Entries: [
            {
              Source: event.source,
              DetailType: event.detailType,
              Detail: JSON.stringify(event.detail),
              Resources: event.resources,
            },
          ],
        }),
        underDeadline(),
      );
      if (entry?.EventId === undefined)
        throw new Error(entry?.ErrorMessage ?? entry?.ErrorCode ?? 'the bus answered without an id');
      return entry.EventId;
    },
  };
}
