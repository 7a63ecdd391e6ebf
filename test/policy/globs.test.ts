import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { findTag, globMatches, remainders } from '../../src/policy/globs.ts';

test.each<[string, string, boolean]>([
  ['*', '', true],
  ['a', 'a', true],
  ['a', 'ab', false],
  ['a*', 'ab', true],
  ['*b', 'ab', true],
  ['a*a', 'a', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'acb', false],
  ['*ab*ab', 'ab', false],
  ['A*', 'ab', false],
  ['a.c', 'abc', false],
])('%s matches %j: %s', (glob, text, expected) => {
  expect(globMatches(glob, text)).toBe(expected);
});

test('globs agree with regular expressions', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
  fc.assert(
    fc.property(word, word, (glob, text) => {
      const expression = new RegExp(`^${glob.replaceAll('*', '.*')}$`);
      expect(globMatches(glob, text)).toBe(expression.test(text));
    }),
  );
});

test('what is left of a glob after a prefix matches what is left of the text, and nothing else', () => {
  const glob = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
  fc.assert(
    fc.property(glob, text, text, (pattern, prefix, rest) => {
      const left = remainders(pattern, prefix).some((remainder) => globMatches(remainder, rest));
      expect(left).toBe(globMatches(pattern, prefix + rest));
    }),
    { numRuns: 500 },
  );
});

test('a tag is found by key, or by key and value', () => {
  const tags = { Name: 'web-1', tier: 'a=b' };
  expect(findTag(['x', 'Na*'], tags)).toEqual({ glob: 'Na*', tag: 'Name=web-1' });
  expect(findTag(['tier=a=*'], tags)).toEqual({ glob: 'tier=a=*', tag: 'tier=a=b' });
  expect(findTag(['Name=api-*', 'web-1'], tags)).toBeUndefined();
});
