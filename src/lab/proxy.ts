/** A proxy in front of an AWS endpoint that records calls and plays faults and latency. */
import {
  Agent,
  createServer,
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { faultAnswer } from './fault-answers.ts';
import { operationOf, type Operation } from './operation.ts';

/**
 * throttle, error (500), denied: answered without asking upstream. hang: no answer at all. reset: the connection drops
 * before the call is made. lost-response: the call is made, then the connection drops.
 */
export type FaultKind = 'throttle' | 'error' | 'denied' | 'hang' | 'reset' | 'lost-response';

/** Which calls a fault or a delay is for. */
interface Scope {
  /** As in the signature's credential scope: ec2, s3, sns, dynamodb … Default: any. */
  service?: string;
  /** The operation's name; `*` stands for any characters. */
  operation?: string;
}

interface Fault extends Scope {
  operation: string;
  kind: FaultKind;
  /** How many calls it strikes. Default: all. */
  times?: number;
  /** How many calls pass before it strikes. */
  skip?: number;
  /** Only calls whose body has this in it. */
  including?: string;
  /** Only calls of which this is true. */
  matching?: (call: Call) => boolean;
  /** Awaited before the caller sees anything of it: of a lost response, when the call has been made. */
  onStrike?: () => void | Promise<void>;
}

export interface Call {
  seq: number;
  service: string;
  operation: string;
  /** Milliseconds of performance.now(). */
  startedAt: number;
  /** Infinity while the call has no end. */
  endedAt: number;
  /** What the caller was answered; null where it was answered nothing. */
  status: number | null;
  /** The body, at most 1 MiB of it: a notification is that long as a form. */
  request: string;
  path: string;
  method: string;
  headers: IncomingHttpHeaders;
}

export interface Proxy {
  endpoint: string;
  /** Every call in the order of arrival. */
  calls: Call[];
  /** Adds a fault; where several fit, the one added last strikes. @returns a function that removes it. */
  fault: (fault: Fault) => () => void;
  /** Removes every fault and every delay, and forgets the calls. */
  clear: () => void;
  /** Delays calls; the latest entry that fits a call counts. */
  latency: (ms: number, only?: Scope) => void;
  /** Waits for what has gone on upstream, also for callers that are not there any more. */
  idle: () => Promise<void>;
  stop: () => Promise<void>;
}

export interface ProxyOptions {
  upstream: string;
  /** Sent as x-moto-account-id: the local AWS keeps accounts apart. */
  account?: string;
  latencyMs?: number;
  /**
   * The latency is what a call takes in all, the local AWS's own time in it, instead of being added: as between Lambda and
   * AWS, where many calls at once do not wait for one another.
   */
  inAll?: boolean;
}

const KEPT_REQUEST_BYTES = 1024 * 1024;

export async function startProxy({ upstream, account, latencyMs = 0, inAll = false }: ProxyOptions): Promise<Proxy> {
  const target = new URL(upstream);
  const agent = new Agent({ keepAlive: true });
  const calls: Call[] = [];
  const faults = new Set<{ fault: Fault; seen: number; struck: number }>();
  let delays: { ms: number; only: Scope }[] = latencyMs > 0 ? [{ ms: latencyMs, only: {} }] : [];
  const stopped = new AbortController();
  const sockets = new Set<Socket>();
  const upstreamCalls = new Set<Promise<unknown>>();
  let seq = 0;

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => incoming.socket.destroy());
  });
  server.keepAliveTimeout = 30_000;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const endpoint = await listen(server);

  return {
    endpoint,
    calls,
    fault(fault) {
      const entry = { fault, seen: 0, struck: 0 };
      faults.add(entry);
      return () => void faults.delete(entry);
    },
    clear() {
      faults.clear();
      delays = [];
      calls.length = 0;
    },
    latency(ms, only = {}) {
      delays.push({ ms, only });
    },
    async idle() {
      await Promise.allSettled(upstreamCalls);
    },
    async stop() {
      stopped.abort();
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const body = await readAll(incoming);
    const method = incoming.method ?? 'GET';
    const path = incoming.url ?? '/';
    const text = body.toString('utf8', 0, KEPT_REQUEST_BYTES);
    const operation = operationOf({ method, path, headers: incoming.headers, body: text });
    const call: Call = {
      seq: (seq += 1),
      service: operation.service,
      operation: operation.operation,
      startedAt,
      endedAt: Infinity,
      status: null,
      request: text,
      path,
      method,
      headers: incoming.headers,
    };
    calls.push(call);
    response.once('close', () => ended(call));
    const fault = strike(operation, call);
    const struck = fault?.kind ?? null;
    const delay = delays.findLast(({ only }) => fits(only, operation))?.ms ?? 0;
    if (delay > 0 && !inAll) await pause(delay, stopped.signal);
    if (fault?.onStrike && struck !== 'lost-response') await fault.onStrike();

    switch (struck) {
      case 'hang':
        return;
      case 'reset':
        incoming.socket.destroy();
        return;
      case 'throttle':
      case 'error':
      case 'denied': {
        const answer = faultAnswer(struck, operation);
        answered(call, answer.status);
        response.writeHead(answer.status, answer.headers).end(method === 'HEAD' ? undefined : answer.body);
        return;
      }
      case 'lost-response':
      case null: {
        const forwarded = forward(incoming, body);
        upstreamCalls.add(forwarded);
        const answer = await forwarded.finally(() => upstreamCalls.delete(forwarded));
        const left = startedAt + delay - performance.now();
        if (inAll && left > 0) await pause(left, stopped.signal);
        if (struck === 'lost-response') {
          await fault?.onStrike?.();
          incoming.socket.destroy();
          return;
        }
        answered(call, answer.status);
        response.writeHead(answer.status, answer.headers).end(answer.body);
      }
    }
  }

  function strike(operation: Operation, call: Call): Fault | null {
    for (const entry of [...faults].toReversed()) {
      const { fault } = entry;
      if (!fits(fault, operation) || !call.request.includes(fault.including ?? '')) continue;
      if (fault.matching?.(call) === false || entry.struck >= (fault.times ?? Infinity)) continue;
      entry.seen += 1;
      if (entry.seen <= (fault.skip ?? 0)) continue;
      entry.struck += 1;
      return fault;
    }
    return null;
  }

  function forward(
    incoming: IncomingMessage,
    body: Buffer,
  ): Promise<{ status: number; headers: string[]; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const headers: Record<string, string | string[] | undefined> = { ...incoming.headers };
      // The body is whole here, so it goes on with its length instead of in chunks.
      delete headers['transfer-encoding'];
      // Both ends of a hop speak for themselves.
      delete headers.connection;
      delete headers['expect'];
      headers['content-length'] = `${body.length}`;
      if (account) headers['x-moto-account-id'] = account;
      const { hostname, port } = target;
      const options = { hostname, port, method: incoming.method, path: incoming.url, headers, agent };
      const onward = request(options, (answer) => {
        readAll(answer).then(
          (whole) => resolve({ status: answer.statusCode ?? 502, headers: passedOn(answer), body: whole }),
          reject,
        );
      });
      onward.once('error', reject);
      onward.end(body);
    });
  }
}

function answered(call: Call, status: number): void {
  call.status = status;
  ended(call);
}

function ended(call: Call): void {
  if (call.endedAt === Infinity) call.endedAt = performance.now();
}

function passedOn(answer: IncomingMessage): string[] {
  const headers: string[] = [];
  for (let at = 0; at < answer.rawHeaders.length; at += 2) {
    const name = answer.rawHeaders[at] ?? '';
    if (!/^(connection|transfer-encoding|keep-alive)$/i.test(name)) headers.push(name, answer.rawHeaders[at + 1] ?? '');
  }
  return headers;
}

function fits(scope: Scope, { service, operation }: Operation): boolean {
  if (scope.service !== undefined && scope.service !== service) return false;
  return scope.operation === undefined || matches(scope.operation, operation);
}

function matches(pattern: string, text: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`).test(text);
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Ends early, without an error, when the proxy stops. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}
