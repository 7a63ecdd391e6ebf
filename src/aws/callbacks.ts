/** Answers what a durable execution waits for: the one way in which a person's decision reaches it. */
import { LambdaClient, SendDurableExecutionCallbackSuccessCommand } from '@aws-sdk/client-lambda';
import { clientConfig, errorName, underDeadline, type ClientSettings } from './client.ts';

/** @returns false where nothing waits for it any more. */
export async function answerCallback(callbackId: string, text: string, settings: ClientSettings): Promise<boolean> {
  const client = new LambdaClient(clientConfig(settings));
  try {
    await client.send(
      new SendDurableExecutionCallbackSuccessCommand({ CallbackId: callbackId, Result: Buffer.from(text) }),
      underDeadline(),
    );
    return true;
  } catch (error) {
    if (['ResourceNotFoundException', 'CallbackTimeoutException'].includes(errorName(error))) return false;
    throw error;
  }
}
