/** As much of GuardDuty's API as reading one finding and asking for a sample takes; the local AWS has detectors, but no findings. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeGuardDuty {
  endpoint: string;
  /** Method and path of each call. */
  calls: string[];
  /** Findings as GuardDuty writes them on the wire, by detector. */
  detectors: Record<string, { id: string }[]>;
  /** Samples that were asked for. */
  samples: { detector: string; types: string[] }[];
  stop(): void;
}

export async function fakeGuardDuty(detectors: FakeGuardDuty['detectors']): Promise<FakeGuardDuty> {
  const fake: FakeGuardDuty = { endpoint: '', calls: [], detectors, samples: [], stop };
  const server: Server = createServer((request, response) => {
    fake.calls.push(`${request.method} ${request.url}`);
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { status, answer } = answerTo(fake, request.url ?? '', body);
      response.writeHead(status, {
        'content-type': 'application/json',
        ...(status === 200 ? {} : { 'x-amzn-errortype': 'BadRequestException' }),
      });
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  fake.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return fake;

  function stop(): void {
    server.close();
    server.closeAllConnections();
  }
}

function answerTo(
  { detectors, samples }: FakeGuardDuty,
  url: string,
  body: string,
): { status: number; answer: object } {
  if (url.startsWith('/detector?') || url === '/detector')
    return { status: 200, answer: { detectorIds: Object.keys(detectors) } };
  const sampled = /^\/detector\/([^/]+)\/findings\/create$/.exec(url)?.[1];
  if (sampled !== undefined && Object.hasOwn(detectors, sampled)) {
    samples.push({ detector: sampled, types: (JSON.parse(body) as { findingTypes: string[] }).findingTypes });
    return { status: 200, answer: {} };
  }
  const detector = /^\/detector\/([^/]+)\/findings\/get$/.exec(url)?.[1] ?? '';
  const findings = Object.hasOwn(detectors, detector) ? detectors[detector] : undefined;
  if (findings === undefined) return { status: 400, answer: { message: 'The detector is not owned by the account.' } };
  const { findingIds } = JSON.parse(body) as { findingIds: string[] };
  return { status: 200, answer: { findings: findings.filter(({ id }) => findingIds.includes(id)) } };
}
