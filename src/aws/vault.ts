/** The evidence bucket. Keys are written once; what is there already is read back and hashed, never replaced. */
import { createHash } from 'node:crypto';
import { GetObjectCommand, HeadBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { clientConfig, errorName, underDeadline, type ClientSettings } from './client.ts';

export interface Stored {
  key: string;
  /** Lower-case hexadecimal, of the bytes that lie in the vault. */
  sha256: string;
  bytes: number;
  /** The key was there before, with other bytes: an earlier try of the same step left them. */
  earlier: boolean;
}

export type Vault = ReturnType<typeof vaultGateway>;

export function vaultGateway(bucket: string, settings: ClientSettings) {
  const client = new S3Client({
    ...clientConfig(settings),
    // An emulator has no host name per bucket.
    forcePathStyle: Boolean(settings.endpoint ?? process.env['AWS_ENDPOINT_URL']),
  });

  async function get(key: string): Promise<Uint8Array> {
    const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }), underDeadline());
    if (!answer.Body) throw new Error(`s3://${bucket}/${key} has no content`);
    return answer.Body.transformToByteArray();
  }

  return {
    bucket,
    get,

    async put(key: string, body: Uint8Array | string, contentType: string): Promise<Stored> {
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      const digest = createHash('sha256').update(bytes).digest();
      try {
        await client.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            Body: bytes,
            ContentType: contentType,
            ChecksumSHA256: digest.toString('base64'),
            IfNoneMatch: '*',
          }),
          underDeadline(),
        );
        return { key, sha256: digest.toString('hex'), bytes: bytes.length, earlier: false };
      } catch (error) {
        if (errorName(error) !== 'PreconditionFailed') throw error;
        const there = await get(key);
        const sha256 = createHash('sha256').update(there).digest('hex');
        return { key, sha256, bytes: there.length, earlier: sha256 !== digest.toString('hex') };
      }
    },

    /** False only where AWS says that the bucket does not exist. */
    async exists(): Promise<boolean> {
      try {
        await client.send(new HeadBucketCommand({ Bucket: bucket }), underDeadline());
        return true;
      } catch (error) {
        return !/^(NotFound|NoSuchBucket)$/.test(errorName(error));
      }
    },
  };
}
