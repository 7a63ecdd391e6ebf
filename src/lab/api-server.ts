/** The API's two routes on this machine: what API Gateway does for the deployed one, without keys and signatures. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Start } from '../aws/starter.ts';
import type { Api, ApiEvent } from '../handlers/api.ts';
import { execute, memoryStore, type DurableHandler, type Progress } from '../runbook/engine.ts';

export interface ApiServer {
  /** `http://127.0.0.1:…`. */
  url: string;
  stop: () => Promise<void>;
}

/** `port` 0: any that is free. Reachable from this machine only. */
export async function serveApi(api: Api, port = 0): Promise<ApiServer> {
  const server = createServer((request, response) => {
    void apiEvent(request)
      .then(api)
      .then(({ statusCode, headers, body }) => response.writeHead(statusCode, headers).end(`${body}\n`))
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function apiEvent(request: IncomingMessage): Promise<ApiEvent> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const [, incidentId] = /^\/secresponse\/([^/]+)$/.exec(pathname) ?? [];
  return {
    httpMethod: request.method ?? 'GET',
    resource: incidentId === undefined ? pathname : '/secresponse/{incidentId}',
    pathParameters: incidentId === undefined ? null : { incidentId },
    body: await text(request),
  };
}

export interface LocalRuns {
  handler: DurableHandler;
  account: string;
  region: string;
  onProgress?: (progress: Progress) => void;
  /** `error`: why the run ended without a result. */
  onEnd?: (outcome: { result: unknown } | { error: string }) => void;
}

/** Starts the responder in this process, as Lambda starts it asynchronously: the caller does not wait. */
export function localStart({ handler, account, region, onProgress, onEnd }: LocalRuns): Start {
  return (name, payload) => {
    const run = execute(handler, payload, {
      store: memoryStore(),
      name,
      account,
      region,
      ...(onProgress ? { onProgress } : {}),
    });
    void run.then(
      (result) => onEnd?.({ result }),
      (error: Error) => onEnd?.({ error: error.message }),
    );
    return Promise.resolve();
  };
}
