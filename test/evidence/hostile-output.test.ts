/** What a hostile host answers through Run Command is data, and what it is told is of the forms that the document takes. */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { answerOf, PARAMETERS, parametersOf, pieceOf, scriptText, type Order } from '../../src/evidence/os/orders.ts';
import { hostileId, hostileText, mostly, seeded } from '../support/hostile.ts';

const hash = 'a'.repeat(64);
const word = fc.oneof(
  fc.constantFrom(
    'secresponse-os',
    '1',
    'gz',
    'plain',
    '0',
    '7',
    '2500',
    '2501',
    '9999',
    '9999999999',
    '-1',
    '1e3',
    hash,
    '-',
  ),
  fc.constantFrom('none', 'done', 'failed', 'no-curl', '../..', `${hash}\u0000`, ''),
  hostileText,
);
const header = fc.oneof(
  fc.array(word, { maxLength: 9 }).map((words) => words.join(' ')),
  fc
    .record({ bytes: word, sha: word, pieces: word, upload: word, place: word })
    .map(({ bytes, sha, pieces, upload, place }) => `secresponse-os 1 gz ${bytes} ${sha} ${pieces} ${upload} ${place}`),
  fc
    .tuple(fc.nat(20), fc.nat(3_000), fc.nat(9))
    .map(([bytes, pieces, place]) => `secresponse-os 1 plain ${bytes} - ${pieces} none ${place}`),
);
const output = fc
  .tuple(header, fc.constantFrom('\n', '\r\n', ''), fc.oneof(hostileText, fc.base64String()), hostileText)
  .map(([first, end, data, rest]) => `${first}${end}${data}${end}${rest}`);

test('standard output: an answer within its form, or none', () => {
  fc.assert(
    fc.property(output, (stdout) => {
      const answer = answerOf(stdout);
      if (answer === null) return;
      const { format, bytes, sha256, pieces, upload, place, first } = answer;
      expect(['gz', 'plain']).toContain(format);
      expect(['none', 'done', 'failed', 'no-curl']).toContain(upload);
      expect(Number.isInteger(pieces) && pieces >= 0 && pieces <= 2_500).toBe(true);
      expect(Number.isInteger(place) && place >= 0 && place <= 9).toBe(true);
      expect(bytes === null ? place === 0 : Number.isInteger(bytes) && bytes >= 0).toBe(true);
      expect(sha256 ?? hash).toMatch(/^[0-9a-f]{64}$/);
      expect(first.length).toBeLessThanOrEqual(stdout.length);
      // What is ordered next can be ordered.
      if (pieces > 1 && place > 0) parametersOf({ do: 'read', token: 'a'.repeat(32), place, at: pieces, limit: 30 });
    }),
    seeded(1_000),
  );
});

test('a piece: bytes, whatever was sent', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      expect(pieceOf(text).length).toBeLessThanOrEqual(text.length);
    }),
    seeded(500),
  );
});

test('orders: nothing but the forms of the parameters reaches a shell, and no quote is closed', () => {
  const text = fc.oneof(
    hostileText,
    hostileId,
    fc.constantFrom(
      "'; rm -rf /; '",
      '$(id)',
      '`id`',
      "a'b",
      'https://a/b?c=d',
      "https://a/b'$(id)'",
      'https://a/`id`',
    ),
  );
  const number = fc.oneof(fc.integer(), fc.double());
  const order = fc.record({
    do: mostly(fc.constantFrom('collect', 'read', 'last', 'remove'), text),
    token: mostly(fc.constant('0'.repeat(32)), text),
    place: mostly(fc.constantFrom(1, 9), number),
    at: mostly(fc.constantFrom(1, 2_500), number),
    limit: mostly(fc.constantFrom(30), number),
    url: mostly(fc.constantFrom('', 'https://bucket.s3.amazonaws.com/key?X-Amz-Expires=60'), text),
  });
  let passed = 0;
  fc.assert(
    fc.property(order, (given) => {
      let values;
      try {
        values = parametersOf(given as Order);
      } catch (error) {
        expect((error as Error).message).toMatch(/^the order's \w+ is malformed$/);
        return;
      }
      passed += 1;
      for (const [name, { pattern }] of Object.entries(PARAMETERS))
        expect(values[name as keyof typeof values]).toMatch(new RegExp(pattern));
      const [settings = ''] = scriptText('Linux', values).split('\n#', 1);
      for (const line of settings.split('\n').slice(0, 6)) expect(line).toMatch(/^SR_[A-Z]+='[^'\s`$\\]*'$/);
    }),
    seeded(1_000),
  );
  expect(passed).toBeGreaterThan(100);
});
