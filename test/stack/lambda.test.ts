/** The bundle as Lambda runs it: no engine of ours, the durable SDK's own client, checkpoints over HTTP. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { buildBundle } from '../../src/stack/esbuild.ts';
import { incidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { quickPoliciesDir } from '../support/quick-policies.ts';
import { scratchFolder } from '../support/scratch.ts';

const local = useLocalAws();
const servers: Server[] = [];
afterAll(() => servers.forEach((server) => server.close()));

interface Update {
  Id: string;
  Name?: string;
  Type: string;
  Action: string;
  Payload?: string;
}

/** Answers CheckpointDurableExecution as the service does for steps and contexts, and keeps what it was told. */
async function checkpointService(): Promise<{ endpoint: string; updates: Update[] }> {
  const updates: Update[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { Updates = [] } = JSON.parse(body || '{}') as { Updates?: Update[] };
      updates.push(...Updates);
      const Operations = Updates.map(({ Action, Payload, ...operation }) => ({
        ...operation,
        StartTimestamp: 1_800_000_000,
        Status: Action === 'SUCCEED' ? 'SUCCEEDED' : 'STARTED',
        ...(operation.Type === 'STEP' ? { StepDetails: { Result: Payload } } : {}),
        ...(operation.Type === 'CONTEXT' ? { ContextDetails: { Result: Payload } } : {}),
      }));
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ CheckpointToken: 'next', NewExecutionState: { Operations } }));
    });
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await new Promise((ready) => server.once('listening', ready));
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, updates };
}

test('the bundle isolates and checkpoints every step through the Lambda client that is bundled', async () => {
  const room = await incidentRoom(await local.newAccount());
  const service = await checkpointService();
  Object.assign(process.env, room.env, { AWS_ENDPOINT_URL_LAMBDA: service.endpoint, SECRESPONSE_MODE: 'enforce' });
  const outfile = join(scratchFolder(), 'responder.mjs');
  await buildBundle({ outfile, policiesDir: quickPoliciesDir() });
  const { handler } = (await import(pathToFileURL(outfile).href)) as {
    handler: (event: object, context: object) => Promise<{ Status: string; Result: string }>;
  };
  const { account, region } = room.world;
  const answer = await handler(
    {
      DurableExecutionArn: `arn:aws:lambda:${region}:${account}:function:responder:7/durable-execution/one/two`,
      CheckpointToken: 'first',
      InitialExecutionState: {
        Operations: [
          {
            Id: 'execution',
            Type: 'EXECUTION',
            Status: 'STARTED',
            StartTimestamp: 1_800_000_000,
            ExecutionDetails: { InputPayload: JSON.stringify(room.event()) },
          },
        ],
      },
    },
    { functionName: 'responder', getRemainingTimeInMillis: () => 60_000 },
  );
  delete process.env['AWS_ENDPOINT_URL_LAMBDA'];
  delete process.env['SECRESPONSE_MODE'];
  expect(answer.Status).toBe('SUCCEEDED');
  expect(JSON.parse(answer.Result)).toMatchObject({ incidents: [{ status: 'quarantined', failures: [] }] });
  const done = service.updates.filter(({ Action }) => Action === 'SUCCEED').map(({ Name }) => Name);
  for (const name of ['claim', 'observe', 'prepare', 'quarantine-network', 'verify', 'manifest', 'notify', 'close'])
    expect(done).toContain(name);
});
