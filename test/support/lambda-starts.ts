/** Lambda's Invoke as whoever starts functions sees it: keeps what was started, and runs nothing. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll } from '@jest/globals';

export interface Started {
  function: string;
  /** Of the execution. */
  name: string;
  type: string;
  payload: unknown;
}

export interface LambdaStarts {
  started: Started[];
  /** Executions whose names match are refused. */
  refuse: RegExp | null;
}

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  delete process.env['AWS_ENDPOINT_URL_LAMBDA'];
});

/** Where the SDK finds it, until the end of the file. */
export async function lambdaStarts(): Promise<LambdaStarts> {
  const kept: LambdaStarts = { started: [], refuse: null };
  const server = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const [, name = ''] = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(request.url ?? '') ?? [];
      const header = (key: string) => String(request.headers[key] ?? '');
      const execution = header('x-amz-durable-execution-name');
      if (kept.refuse?.test(execution)) {
        response.writeHead(403, { 'x-amzn-errortype': 'AccessDeniedException' }).end('{}');
        return;
      }
      kept.started.push({
        function: decodeURIComponent(name),
        name: execution,
        type: header('x-amz-invocation-type'),
        payload: JSON.parse(body),
      });
      response.writeHead(202).end();
    })();
  });
  server.listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  servers.push(server);
  process.env['AWS_ENDPOINT_URL_LAMBDA'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return kept;
}
