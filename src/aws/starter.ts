/** Starts the responder in Lambda, without waiting for it. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { clientConfig, underDeadline, type ClientSettings } from './client.ts';

/** `name` is the execution's: the same name with the same payload starts nothing a second time. */
export type Start = (name: string, payload: object) => Promise<void>;

/** `functionArn` names a version or an alias: a durable function takes no other. */
export function responderStarter(functionArn: string, settings: ClientSettings): Start {
  const client = new LambdaClient(clientConfig(settings));
  return async (name, payload) => {
    await client.send(
      new InvokeCommand({
        FunctionName: functionArn,
        InvocationType: 'Event',
        DurableExecutionName: name,
        Payload: Buffer.from(JSON.stringify(payload)),
      }),
      underDeadline(),
    );
  };
}
