/** The bucket that a suspect host may write to, by a link for one object and a short time. What lies there is no evidence yet. */
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SignatureV4 } from '@smithy/signature-v4';

import { clientConfig, underDeadline, type ClientSettings } from './client.ts';

/** AWS would take more; nobody needs a link for longer. */
const LONGEST_SECONDS = 900;

type HttpRequest = Parameters<SignatureV4['presign']>[0];

export type DropBox = ReturnType<typeof dropBoxGateway>;

export function dropBoxGateway(bucket: string, settings: ClientSettings) {
  const client = new S3Client({
    ...clientConfig(settings),
    forcePathStyle: Boolean(settings.endpoint ?? process.env['AWS_ENDPOINT_URL']),
    // By default the SDK would sign the checksum of an empty body, and S3 refuse any other.
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });

  return {
    bucket,

    /** A link for one PUT of one object that is not there yet: the host has to send `If-None-Match: *`, it is signed. */
    async uploadLink(key: string, seconds: number): Promise<string> {
      const request = await unsigned(client, new PutObjectCommand({ Bucket: bucket, Key: key, IfNoneMatch: '*' }));
      const signer = new SignatureV4({
        service: 's3',
        region: client.config.region,
        credentials: client.config.credentials,
        sha256: client.config.sha256,
        uriEscapePath: false,
        applyChecksum: false,
      });
      const headers = {
        host: request.port === undefined ? request.hostname : `${request.hostname}:${request.port}`,
        'if-none-match': '*',
        'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
      };
      const signed = await signer.presign(
        { ...request, headers, query: {}, body: undefined },
        { expiresIn: Math.min(seconds, LONGEST_SECONDS) },
      );
      const query = Object.entries(signed.query ?? {}).map(
        ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
      );
      return `${request.protocol}//${headers.host}${request.path}?${query.join('&')}`;
    },

    /** @throws Error where the object is larger than `limit` bytes: a hostile host decides how much it sends. */
    async take(key: string, limit: number): Promise<Uint8Array> {
      const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }), underDeadline());
      const size = answer.ContentLength ?? Infinity;
      if (!answer.Body) throw new Error(`s3://${bucket}/${key} has no content`);
      if (size > limit) {
        (answer.Body as { destroy?: () => void }).destroy?.();
        throw new Error(`s3://${bucket}/${key} has ${size} bytes, more than the ${limit} that are taken over`);
      }
      return answer.Body.transformToByteArray();
    },
  };
}

/** The request as the SDK would send it, unsent: only its own endpoint rules know where a bucket is. */
async function unsigned(client: S3Client, command: PutObjectCommand): Promise<HttpRequest> {
  let request: HttpRequest | undefined;
  command.middlewareStack.add(
    () => (args) => {
      request = args.request as HttpRequest;
      return Promise.resolve({ output: { $metadata: {} }, response: {} });
    },
    { step: 'build', priority: 'low', name: 'keepRequest' },
  );
  await client.send(command);
  if (!request) throw new Error('the SDK built no request');
  return request;
}
