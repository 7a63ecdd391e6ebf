/** Lambda's Invoke for one function that runs in this process: one request at a time, as with a reserved concurrency of 1. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll } from '@jest/globals';

export interface FakeLambda {
  endpoint: string;
  /** What was answered, in order: 200, or 429 while the function was busy. */
  answers: number[];
}

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

/** Stopped at the end of the file. */
export async function fakeLambda(name: string, run: (event: unknown) => Promise<unknown>): Promise<FakeLambda> {
  const answers: number[] = [];
  let busy = false;
  const answer = async (path: string | undefined, body: string): Promise<Answer> => {
    if (path !== `/2015-03-31/functions/${name}/invocations`) return refusal(404, 'ResourceNotFoundException');
    if (busy) return refusal(429, 'TooManyRequestsException');
    busy = true;
    try {
      return { status: 200, headers: {}, body: await run(JSON.parse(body)) };
    } catch (error) {
      const { name: errorType, message: errorMessage } = error as Error;
      return { status: 200, headers: { 'x-amz-function-error': 'Unhandled' }, body: { errorType, errorMessage } };
    } finally {
      busy = false;
    }
  };
  const server = createServer((request, response) => {
    void (async () => {
      const { status, headers, body } = await answer(request.url, await text(request));
      answers.push(status);
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    })();
  });
  server.listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  servers.push(server);
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, answers };
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

function refusal(status: number, error: string): Answer {
  return { status, headers: { 'x-amzn-errortype': error }, body: { Message: error } };
}
