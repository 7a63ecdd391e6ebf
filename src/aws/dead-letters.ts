/** The stack's queue of dead letters: what a person has to look at, since it could not be delivered. */
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { clientConfig, underDeadline, type ClientSettings } from './client.ts';

export type DeadLetters = ReturnType<typeof deadLettersGateway>;

export function deadLettersGateway(queueUrl: string, settings: ClientSettings) {
  // Where AWS_ENDPOINT_URL points elsewhere, the queue's own URL would not lead there.
  const client = new SQSClient({ ...clientConfig(settings), useQueueUrlAsEndpoint: false });

  return {
    /** @returns the message id. */
    async put(letter: object): Promise<string> {
      const answer = await client.send(
        new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(letter) }),
        underDeadline(),
      );
      return answer.MessageId ?? '';
    },
  };
}
