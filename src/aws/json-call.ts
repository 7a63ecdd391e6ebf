/** A signed call in AWS's JSON protocol: for services of which a reading or two is needed, and no client is a dependency. */
import { STSClient } from '@aws-sdk/client-sts';
import { SignatureV4 } from '@smithy/signature-v4';
import { clientConfig, type ClientSettings } from './client.ts';
import { deadlineSignal } from './deadline.ts';

/** `name`: of the host and of the signature. `endpoint`: the SDK's own variable for another one. */
const SERVICES = {
  kms: { name: 'kms', target: 'TrentService', version: '1.1', endpoint: 'AWS_ENDPOINT_URL_KMS' },
  cloudwatch: {
    name: 'monitoring',
    target: 'GraniteServiceVersion20100801',
    version: '1.0',
    endpoint: 'AWS_ENDPOINT_URL_CLOUDWATCH',
  },
} as const;

export type JsonService = keyof typeof SERVICES;

/** @throws Error named as AWS names it */
export type JsonCall = (operation: string, input: object) => Promise<unknown>;

export function jsonCalls(service: JsonService, settings: ClientSettings): JsonCall {
  const { name } = SERVICES[service];
  // Any client knows whose credentials are in use.
  const { credentials, sha256 } = new STSClient(clientConfig(settings)).config;
  const signer = new SignatureV4({ service: name, region: settings.region, credentials, sha256 });
  return (operation, input) => send(service, operation, JSON.stringify(input), signer, settings);
}

async function send(
  service: JsonService,
  operation: string,
  body: string,
  signer: SignatureV4,
  settings: ClientSettings,
): Promise<unknown> {
  const { target, version } = SERVICES[service];
  const url = new URL(endpointOf(service, settings));
  const signed = await signer.sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    headers: {
      host: url.host,
      'content-type': `application/x-amz-json-${version}`,
      'x-amz-target': `${target}.${operation}`,
    },
    body,
  });
  const { host: _, ...headers } = signed.headers;
  const outer = deadlineSignal();
  const own = AbortSignal.timeout(settings.budgets.callTimeoutMs);
  const signal = outer ? AbortSignal.any([outer, own]) : own;
  const answer = await fetch(url, { method: 'POST', headers, body, signal }).catch((error: unknown) =>
    unanswered(service, error),
  );
  const text = await answer.text();
  if (!answer.ok) throw errorOf(answer, text);
  return text === '' ? {} : JSON.parse(text);
}

function endpointOf(service: JsonService, { endpoint, region }: ClientSettings): string {
  const { name, endpoint: own } = SERVICES[service];
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return endpoint ?? process.env[own] ?? process.env['AWS_ENDPOINT_URL'] ?? `https://${name}.${region}.${suffix}/`;
}

/** What `fetch` has to say is in the cause. */
function unanswered(service: JsonService, error: unknown): never {
  const { message, cause } = error as { message: string; cause?: { message?: string } };
  throw new Error(`${service} does not answer: ${cause?.message || message}`, { cause: error });
}

function errorOf({ status, headers }: Response, text: string): Error {
  const body = parsed(text);
  const error = new Error(body['message'] ?? body['Message'] ?? `AWS answers ${status}`);
  // `com.amazonaws.kms#NotFoundException`, and a link behind a colon in the header.
  const name = body['__type'] ?? headers.get('x-amzn-errortype') ?? (status === 403 ? 'AccessDenied' : `Http${status}`);
  error.name = name.replace(/^.*#/, '').replace(/:.*$/, '');
  return error;
}

function parsed(text: string): Record<string, string> {
  try {
    return JSON.parse(text) as Record<string, string>;
  } catch {
    return {};
  }
}
