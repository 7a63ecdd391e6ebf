/** What may come in from outside and means no good, at random; the same every time. */
import * as fc from 'fast-check';

/** A run of a property: seeded, so that a failure is everybody's. */
export const seeded = (numRuns: number) => ({ seed: 20_261_124, numRuns });

/** As it should be, three times in four. */
export const mostly = <Value>(good: fc.Arbitrary<Value>, bad: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 3, arbitrary: good }, { weight: 1, arbitrary: bad });

/** What a terminal obeys, a reader does not see, or ends a line. */
export const UNSEEN = /[\p{Cf}\p{Co}\p{Cs}\u2028\u2029]|(?!\n)\p{Cc}/u;

const tricks = fc.constantFrom(
  '\u001B[2J\u001B[H',
  '\u009B31m',
  '\u001B]0;title\u0007',
  '\r  ✓ verified',
  '\nISOLATED  i-0123456789abcdef0\n',
  '\u0085next line',
  '\u2028next line',
  '\u202Etxet desrever\u202C',
  '\u200B',
  '\u0000',
  '\uD800',
  '\u{E0001}',
  '__proto__',
  'constructor',
  'x'.repeat(5_000),
);

export const hostileText = fc.oneof(
  tricks,
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.array(fc.oneof(tricks, fc.string({ maxLength: 10 })), { maxLength: 3 }).map((parts) => parts.join('')),
);

const ID = 'i-0123456789abcdef0';

/** Names of AWS that are not what they look like, or somebody else's. */
export const hostileId = fc.constantFrom(
  ID,
  '444455556666',
  'us-east-1',
  `${ID}\n`,
  `${ID}\u0000`,
  `${ID}/../../../444455556666/us-east-1/i-0abc12345def67890`,
  '../../etc/passwd',
  '..',
  '%2e%2e%2f',
  `arn:aws:ec2:eu-west-1:444455556666:instance/${ID}`,
  `arn:aws:ec2:eu-west-1:444455556666:instance/${ID}/../x`,
  `arn:aws:ec2:../..:444455556666:instance/${ID}`,
  'I-0123456789ABCDEF0',
  '１１１１２２２２３３３３',
  '111122223333 ',
  '111122223333#eu-west-1',
  'eu-west-1/../..',
  'target#111122223333',
);

export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  hostileId,
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(null, NaN, Infinity, -1, 1e308, [], {}, true),
);

interface Place {
  parent: object;
  key: string;
}

/** Every place in a document where something can be put in place of what is there. */
function placesIn(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [{ parent: value, key }, ...placesIn(inner)]);
}

export interface Change {
  at: number;
  value: unknown;
}

export const changes: fc.Arbitrary<Change[]> = fc.array(fc.record({ at: fc.nat(), value: hostileValue }), {
  minLength: 1,
  maxLength: 3,
});

/** A copy of the document with some of its parts replaced. */
export function changed<Document>(document: Document, given: readonly Change[]): Document {
  const copy = structuredClone(document);
  for (const { at, value } of given) {
    const places = placesIn(copy);
    const place = places[at % places.length];
    if (place) Reflect.set(place.parent, place.key, value);
  }
  return copy;
}
