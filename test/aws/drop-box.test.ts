/** The local AWS does not look at signatures, so they are computed here a second time, as S3 documents it. */
import { expect, test } from '@jest/globals';
import { createHash, createHmac } from 'node:crypto';
import { dropBoxGateway } from '../../src/aws/drop-box.ts';

const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const box = dropBoxGateway('drop-box', {
  region: 'eu-central-1',
  budgets: { callTimeoutMs: 1_000, attempts: 1 },
  credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: SECRET, sessionToken: 'a+token/of=the session' },
});

const encoded = (text: string) =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

function signatureOf(url: URL, headers: Record<string, string>): string {
  const query = [...url.searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .join('&');
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const names = Object.keys(headers).join(';');
  const canonical = ['PUT', url.pathname, query, lines.join(''), names, 'UNSIGNED-PAYLOAD'].join('\n');
  const date = url.searchParams.get('X-Amz-Date') ?? '';
  const scope = [date.slice(0, 8), 'eu-central-1', 's3', 'aws4_request'];
  const hash = createHash('sha256').update(canonical).digest('hex');
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), hash].join('\n');
  const key = scope.reduce<string | Buffer>(
    (at, part) => createHmac('sha256', at).update(part).digest(),
    `AWS4${SECRET}`,
  );
  return createHmac('sha256', key).update(text).digest('hex');
}

test('the link is signed for one PUT of an object that is not there yet, with no checksum in it', async () => {
  const link = new URL(await box.uploadLink('123456789012/i-1/inc-1/token', 300));
  expect(link.origin + link.pathname).toBe(
    'https://drop-box.s3.eu-central-1.amazonaws.com/123456789012/i-1/inc-1/token',
  );
  expect(link.searchParams.get('X-Amz-Expires')).toBe('300');
  expect(link.search).not.toMatch(/checksum/i);
  expect(link.searchParams.get('X-Amz-Signature')).toBe(signatureOf(link, { host: link.host, 'if-none-match': '*' }));
});

test('no link lasts longer than fifteen minutes', async () => {
  expect(new URL(await box.uploadLink('key', 4_000)).searchParams.get('X-Amz-Expires')).toBe('900');
});
