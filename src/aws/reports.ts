/** The reports of an incident in the vault, for people. Reads only. */
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { clientConfig, underDeadline, type ClientSettings } from './client.ts';

export function reportsGateway(bucket: string, settings: ClientSettings) {
  const client = new S3Client({
    ...clientConfig(settings),
    // An emulator has no host name per bucket.
    forcePathStyle: Boolean(settings.endpoint ?? process.env['AWS_ENDPOINT_URL']),
  });
  return {
    /** The report of the last run: `report.html`, `report.2.html` and so on. Null where there is none. */
    async newest(prefix: string): Promise<{ key: string; html: Uint8Array } | null> {
      const { Contents = [] } = await client.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix: `${prefix}report` }),
        underDeadline(),
      );
      const keys = Contents.flatMap(({ Key = '' }) => (runOf(prefix, Key) === null ? [] : [Key]));
      const [key] = keys.sort((a, b) => (runOf(prefix, b) ?? 0) - (runOf(prefix, a) ?? 0));
      if (key === undefined) return null;
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }), underDeadline());
      return { key, html: (await Body?.transformToByteArray()) ?? new Uint8Array() };
    },
  };
}

function runOf(prefix: string, key: string): number | null {
  const found = /^report(?:\.(\d+))?\.html$/.exec(key.slice(prefix.length));
  return found ? Number(found[1] ?? 1) : null;
}
