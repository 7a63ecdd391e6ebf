/**
 * What a run of the bundle, as Lambda runs it, lets be seen from outside: every line of its output and every event. The
 * process is a child's, so that nothing of it is missed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { stateEventJsonSchema, stateEventSchema } from '../../src/notify/state-event-schema.ts';
import { buildBundle } from '../../src/stack/esbuild.ts';
import { checkpointService } from '../support/checkpoint-service.ts';
import { incidentRoom, isIsolated, type IncidentRoom } from '../support/incident-room.ts';
import { listen } from '../support/listen.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { scratchFolder } from '../support/scratch.ts';

const local = useLocalAws();
const folder = scratchFolder();
const bundle = join(folder, 'responder.mjs');
beforeAll(() => buildBundle({ outfile: bundle, policiesDir: 'policies' }), 60_000);

type Line = Record<string, unknown> & { incidentId?: string };

interface Run {
  incidents: { incidentId: string; status: string }[];
  lines: Line[];
  output: string;
}

/** One invocation; `operations` are those of the invocations before it. */
async function invoke(
  room: IncidentRoom,
  input: unknown,
  given: { endpoint: string; operations?: object[]; env?: Record<string, string> },
): Promise<Run> {
  const { account, region } = room.world;
  const event = {
    DurableExecutionArn: `arn:aws:lambda:${region}:${account}:function:responder:7/durable-execution/one/two`,
    CheckpointToken: 'first',
    InitialExecutionState: {
      Operations: [
        {
          Id: 'execution',
          Type: 'EXECUTION',
          Status: 'STARTED',
          StartTimestamp: 1_800_000_000,
          ExecutionDetails: { InputPayload: JSON.stringify(input) },
        },
        ...(given.operations ?? []),
      ],
    },
  };
  const [inFile, outFile] = [join(folder, 'in.json'), join(folder, 'out.json')];
  await writeFile(inFile, JSON.stringify({ event, context: { functionName: 'responder' } }));
  const child = spawn(process.execPath, ['test/support/run-bundle.mjs', bundle, inFile, outFile], {
    env: {
      ...room.env,
      AWS_ENDPOINT_URL_LAMBDA: given.endpoint,
      SECRESPONSE_MODE: 'enforce',
      AWS_LAMBDA_FUNCTION_NAME: 'secresponse-dev-responder',
      POWERTOOLS_SERVICE_NAME: 'secresponse-dev',
      ...given.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`the bundle ended with ${code}: ${output}`);
  const { Status, Result } = JSON.parse(readFileSync(outFile, 'utf8')) as { Status: string; Result: string };
  expect(Status).toBe('SUCCEEDED');
  const lines = output.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]));
  return { ...(JSON.parse(Result) as Pick<Run, 'incidents'>), lines, output };
}

/** What the log must not have: each is in the event, in a tag, on the host or in the function's environment. */
const SECRETS = [
  'hush-title',
  'hush-description',
  'hush-domain',
  'test-secret-key',
  'X-Amz-Signature',
  '#!/bin/',
  'cloud-config',
];

function telling(room: IncidentRoom) {
  return room.event((event) => {
    Object.assign(event.detail, { title: 'hush-title', description: 'hush-description' });
    Object.assign(event.detail.service, { additionalInfo: { domain: 'hush-domain' } });
  });
}

const metricsOf = (lines: Line[]): Record<string, unknown> =>
  Object.assign({}, ...lines.filter((line) => '_aws' in line)) as Record<string, unknown>;

test('a run leaves one line with its incident, its metrics and an event of each state; nothing secret; a replay repeats none', async () => {
  const room = await incidentRoom(await local.newAccount());
  const [heard, service] = [await listen(room), await checkpointService()];
  const event = telling(room);
  const env = { AWS_SECRET_ACCESS_KEY: 'test-secret-key' };
  const { incidents, lines, output } = await invoke(room, event, { endpoint: service.endpoint, env });
  const [incident] = incidents;
  expect(incident?.status).toBe('quarantined');

  expect(lines.length).toBeGreaterThan(2);
  for (const line of lines)
    expect(line).toMatchObject({ incidentId: incident?.incidentId, service: 'secresponse-dev' });
  for (const secret of SECRETS) expect(output).not.toContain(secret);
  expect(lines.filter((line) => !('_aws' in line))).toEqual([
    expect.objectContaining({
      message: 'incident quarantined',
      instanceId: room.world.instanceId,
      rule: 'high-severity',
      isolation: expect.objectContaining({ verified: true }),
      changes: expect.arrayContaining(['quarantine-network done, verified']),
      notification: 'done',
    }),
  ]);
  expect(metricsOf(lines)).toMatchObject({
    Incidents: 1,
    status: 'quarantined',
    SecondsToIsolation: expect.any(Number),
  });
  expect(metricsOf(lines)).not.toHaveProperty('UnverifiedIsolation');
  const dimensions = lines.flatMap(
    ({ _aws }) => (_aws as { CloudWatchMetrics: { Dimensions: string[][] }[] } | undefined)?.CloudWatchMetrics ?? [],
  );
  expect(JSON.stringify(dimensions)).not.toContain('incidentId');

  const events = await heard();
  expect(events.map(({ detail }) => (detail as { state: string }).state).toSorted()).toEqual(['opened', 'quarantined']);
  const told = events.find(({ detail }) => (detail as { state: string }).state === 'quarantined');
  expect(told).toMatchObject({
    source: 'secresponse',
    'detail-type': 'Incident State Change',
    resources: [`arn:aws:ec2:${room.world.region}:${room.world.account}:instance/${room.world.instanceId}`],
    detail: { state: 'quarantined', incidentId: incident?.incidentId, isolation: { verified: true } },
  });
  expect(stateEventSchema.safeParse(told?.['detail']).error).toBeUndefined();
  for (const secret of SECRETS) expect(JSON.stringify(events)).not.toContain(secret);

  const again = await invoke(room, event, { endpoint: service.endpoint, operations: service.operations() });
  expect(again.incidents).toMatchObject([{ incidentId: incident?.incidentId, status: 'quarantined' }]);
  expect(again.output).toBe('');
  expect(await heard()).toEqual([]);
  service.stop();
}, 60_000);

test('a bus that does not answer keeps nothing from being done, and is told in the log and counted', async () => {
  const room = await incidentRoom(await local.newAccount());
  const service = await checkpointService();
  const { lines } = await invoke(room, room.event(), {
    endpoint: service.endpoint,
    env: { AWS_ENDPOINT_URL_EVENTBRIDGE: 'http://127.0.0.1:9' },
  });
  service.stop();
  expect(isIsolated(await room.reading(), room.world)).toBe(true);
  expect(await room.messages()).toHaveLength(1);
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 'WARN', message: 'incident quarantined', stateEvent: expect.any(String) }),
  );
  expect(metricsOf(lines)).toMatchObject({ StateEventFailures: 1, Incidents: 1 });
}, 60_000);

test('a notification that fails and evidence that is missing are counted', async () => {
  const room = await incidentRoom(await local.newAccount());
  const service = await checkpointService();
  const { lines } = await invoke(room, room.event(), {
    endpoint: service.endpoint,
    env: {
      NOTIFICATION_TOPIC_ARN: `arn:aws:sns:${room.world.region}:${room.world.account}:gone`,
      EVIDENCE_BUCKET: 'gone-for-good',
    },
  });
  service.stop();
  const metrics = metricsOf(lines);
  expect(metrics).toMatchObject({ NotificationFailures: 1, EvidenceFailures: expect.any(Number) });
  expect(metrics['EvidenceFailures']).toBeGreaterThan(0);
}, 60_000);

test('the committed JSON Schema of the events is the current one (node src/stack/state-event-schema.js)', () => {
  const file = new URL('../../src/notify/state-event.schema.json', import.meta.url);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(stateEventJsonSchema())));
});
