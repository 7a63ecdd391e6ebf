/** As much of Lambda's API as an execution takes that runs without our own engine: it keeps checkpoints, and has them all. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Update {
  Id: string;
  Name?: string;
  Type: string;
  Action: string;
  Payload?: string;
}

export interface CheckpointService {
  endpoint: string;
  updates: Update[];
  /** What an invocation would be given that comes after all of these. */
  operations: () => object[];
  stop: () => void;
}

/** Answers CheckpointDurableExecution as the service does for steps and contexts, and keeps what it was told. */
export async function checkpointService(): Promise<CheckpointService> {
  const updates: Update[] = [];
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { Updates = [] } = JSON.parse(body || '{}') as { Updates?: Update[] };
      updates.push(...Updates);
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ CheckpointToken: 'next', NewExecutionState: { Operations: Updates.map(operation) } }),
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    updates,
    operations: () => [...new Map(updates.map((update) => [update.Id, operation(update)])).values()],
    stop: () => server.close(),
  };
}

function operation({ Action, Payload, ...update }: Update): object {
  return {
    ...update,
    StartTimestamp: 1_800_000_000,
    Status: Action === 'SUCCEED' ? 'SUCCEEDED' : 'STARTED',
    ...(update.Type === 'STEP' ? { StepDetails: { Result: Payload } } : {}),
    ...(update.Type === 'CONTEXT' ? { ContextDetails: { Result: Payload } } : {}),
  };
}
