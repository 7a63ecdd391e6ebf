/** The API on this machine, end to end: over HTTP to the responder on the local AWS, and the ledger's word of it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { requestsGateway } from '../../src/aws/requests.ts';
import { responderStarter } from '../../src/aws/starter.ts';
import { createApi } from '../../src/handlers/api.ts';
import { createResponder } from '../../src/handlers/responder.ts';
import { localStart, serveApi } from '../../src/lab/api-server.ts';
import type { DurableHandler } from '../../src/runbook/engine.ts';
import { incidentRoom, isIsolated, patientBudgets } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { quickPolicies } from '../support/quick-policies.ts';

const aws = useLocalAws();

test('a request is accepted, isolates the instance, and can be followed; the next one joins it', async () => {
  const room = await incidentRoom(await aws.newAccount());
  Object.assign(process.env, room.env);
  const { account, region, instanceId } = room.world;
  const policies = quickPolicies();
  const handler = createResponder({ policies, budgets: patientBudgets, env: room.env }) as unknown as DurableHandler;
  let ended: (outcome: unknown) => void = () => {};
  const requests = requestsGateway(room.deployment.table, { region, budgets: patientBudgets });
  const start = localStart({ handler, account, region, onEnd: (outcome) => ended(outcome) });
  const server = await serveApi(createApi({ account, region, start, requests }));

  const post = async (body: object) => {
    const end = new Promise((resolve) => (ended = resolve));
    const answer = await fetch(`${server.url}/secresponse`, { method: 'POST', body: JSON.stringify(body) });
    const said = { status: answer.status, body: (await answer.json()) as { incidentId: string } };
    return { ...said, place: new URL(answer.headers.get('location') ?? '', answer.url).href, end: await end };
  };
  const get = async (place: string) => (await (await fetch(place)).json()) as Record<string, unknown>;

  try {
    const first = await post({ instance_id: instanceId });
    expect(first.status).toBe(202);
    expect(await get(first.place)).toMatchObject({
      incidentId: first.body.incidentId,
      status: 'quarantined',
      target: { account, region, instanceId },
      decision: { response: 'quarantine', dryRun: false },
      isolation: { verified: true },
      changes: expect.arrayContaining([expect.objectContaining({ action: 'quarantine-network', status: 'done' })]),
    });
    expect(isIsolated(await room.reading(), room.world)).toBe(true);
    expect(first.end).toMatchObject({ result: { incidents: [{ incidentId: first.body.incidentId }] } });

    const second = await post({ instance_id: instanceId });
    expect(second.body.incidentId).not.toBe(first.body.incidentId);
    expect(await get(second.place)).toMatchObject({ status: 'joined', joined: first.body.incidentId });

    const dry = await post({ instance_id: instanceId, dryRun: true });
    expect(await get(dry.place)).toMatchObject({ status: 'notified', decision: { dryRun: true } });
    expect(await get(first.place)).toMatchObject({ status: 'quarantined' });

    const unknown = await fetch(`${server.url}/secresponse/inc-0000000000000000`);
    expect({ status: unknown.status, type: unknown.headers.get('content-type') }).toEqual({
      status: 404,
      type: 'application/problem+json',
    });
  } finally {
    await server.stop();
  }
});

test("Lambda is asked to start the alias's execution, once for a name, without waiting", async () => {
  const seen: object[] = [];
  const record = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method, url, headers } = request;
    seen.push({
      method,
      url: decodeURIComponent(url ?? ''),
      type: headers['x-amz-invocation-type'],
      name: headers['x-amz-durable-execution-name'],
      body: await text(request),
    });
    response.writeHead(202).end();
  };
  const lambda = createServer((request, response) => void record(request, response));
  await new Promise<void>((resolve) => lambda.listen(0, '127.0.0.1', resolve));
  try {
    const alias = 'arn:aws:lambda:eu-central-1:111122223333:function:secresponse-dev-responder:durable';
    const start = responderStarter(alias, {
      region: 'eu-central-1',
      budgets: patientBudgets,
      endpoint: `http://127.0.0.1:${(lambda.address() as AddressInfo).port}`,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    await start('inc-0123456789abcdef', { instance_id: 'i-0123456789abcdef0' });
  } finally {
    lambda.close();
    lambda.closeAllConnections();
  }
  expect(seen).toEqual([
    {
      method: 'POST',
      url: '/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:secresponse-dev-responder:durable/invocations',
      type: 'Event',
      name: 'inc-0123456789abcdef',
      body: '{"instance_id":"i-0123456789abcdef0"}',
    },
  ]);
});
