/** The topic that people subscribe to. */
import { GetTopicAttributesCommand, PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { clientConfig, errorName, underDeadline, type ClientSettings } from './client.ts';

export type Topic = ReturnType<typeof topicGateway>;

export function topicGateway(topicArn: string, settings: ClientSettings) {
  // The topic's own region, which need not be the target's.
  const client = new SNSClient(clientConfig({ ...settings, region: topicArn.split(':')[3] || settings.region }));

  return {
    topicArn,

    /** @returns the message id. */
    async publish(subject: string, message: string, attributes: Record<string, string>): Promise<string> {
      const answer = await client.send(
        new PublishCommand({
          TopicArn: topicArn,
          Subject: subject,
          Message: message,
          MessageStructure: 'json',
          MessageAttributes: Object.fromEntries(
            Object.entries(attributes).map(([key, StringValue]) => [key, { DataType: 'String', StringValue }]),
          ),
        }),
        underDeadline(),
      );
      return answer.MessageId ?? '';
    },

    /** False only where AWS says that the topic does not exist. */
    async exists(): Promise<boolean> {
      try {
        await client.send(new GetTopicAttributesCommand({ TopicArn: topicArn }), underDeadline());
        return true;
      } catch (error) {
        return !/^(NotFound|NotFoundException)$/.test(errorName(error));
      }
    },
  };
}
