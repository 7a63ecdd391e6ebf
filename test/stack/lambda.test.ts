/** The bundle as Lambda runs it: no engine of ours, the durable SDK's own client, checkpoints over HTTP. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { buildBundle } from '../../src/stack/esbuild.ts';
import { checkpointService } from '../support/checkpoint-service.ts';
import { incidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { quickPoliciesDir } from '../support/quick-policies.ts';
import { scratchFolder } from '../support/scratch.ts';

const local = useLocalAws();
test('the bundle isolates and checkpoints every step through the Lambda client that is bundled', async () => {
  const room = await incidentRoom(await local.newAccount());
  const service = await checkpointService();
  Object.assign(process.env, room.env, {
    AWS_ENDPOINT_URL_LAMBDA: service.endpoint,
    SECRESPONSE_MODE: 'enforce',
    // What it says is looked at in seen.test.ts.
    POWERTOOLS_LOG_LEVEL: 'SILENT',
    POWERTOOLS_METRICS_DISABLED: 'true',
  });
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
  service.stop();
  delete process.env['AWS_ENDPOINT_URL_LAMBDA'];
  delete process.env['SECRESPONSE_MODE'];
  expect(answer.Status).toBe('SUCCEEDED');
  expect(JSON.parse(answer.Result)).toMatchObject({ incidents: [{ status: 'quarantined' }] });
  const done = service.updates.filter(({ Action }) => Action === 'SUCCEED').map(({ Name }) => Name);
  for (const name of ['claim', 'observe', 'prepare', 'quarantine-network', 'verify', 'manifest', 'notify', 'close'])
    expect(done).toContain(name);
}, 60_000);
