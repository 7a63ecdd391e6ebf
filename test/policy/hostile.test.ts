/** Whatever a policy file holds: policies whose rules mean something, or problems with their places; never an exception. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parse, stringify } from 'yaml';
import { eventRules } from '../../src/policy/event-rules.ts';
import { parsePolicies } from '../../src/policy/parse.ts';
import { formatProblem } from '../../src/policy/problems.ts';
import { runPolicyTests } from '../../src/policy/run-tests.ts';
import { RESPONSES } from '../../src/policy/decision.ts';
import { changed, changes, hostileText, seeded, UNSEEN } from '../support/hostile.ts';

const files = ['policies/default.yml', 'policies/examples/strict/default.yml'].map((file) =>
  readFileSync(file, 'utf8'),
);

function expectPoliciesOrProblems(text: string): void {
  const parsed = parsePolicies([{ file: 'p.yml', text }]);
  if ('problems' in parsed) {
    expect(parsed.problems.length).toBeGreaterThan(0);
    for (const problem of parsed.problems) {
      const line = formatProblem(problem);
      expect(line).toMatch(/^[^\n]*:\d+:\d+ [^\n]+$/);
      expect(line.replaceAll('\t', '')).not.toMatch(UNSEEN);
    }
    return;
  }
  const { policies, tests } = parsed;
  for (const { respond } of policies.default.rules) expect(RESPONSES).toContain(respond);
  expect(['observe', 'enforce']).toContain(policies.default.mode);
  const { limits, collection, containment } = policies.default;
  for (const number of [
    limits.quarantinesPerHour,
    limits.reservePerHour,
    collection.budgetSeconds,
    containment.dwellSeconds,
  ])
    expect(Number.isFinite(number) && number >= 0).toBe(true);
  for (const { name } of eventRules(policies)) expect(name).toMatch(/^(guardduty|inspector)(-\d+)?$/);
  for (const failure of runPolicyTests(policies, tests)) expect(formatProblem(failure)).toMatch(/^p\.yml:\d+:\d+ /);
}

test('policies with some of their parts replaced', () => {
  const document = fc.constantFrom(...files.map((text) => parse(text) as object));
  fc.assert(
    fc.property(document, changes, (policy, given) => expectPoliciesOrProblems(stringify(changed(policy, given)))),
    seeded(40),
  );
});

test('policies with a piece of their text replaced', () => {
  const piece = fc.oneof(
    hostileText,
    fc.constantFrom('&a', '*a', '!!js/function', '<<: *a', '? ', '- - -', '"', '{[', '%YAML 9.9\n---\n'),
  );
  fc.assert(
    fc.property(fc.constantFrom(...files), fc.nat(), fc.nat(40), piece, (text, at, length, put) => {
      const from = at % text.length;
      expectPoliciesOrProblems(text.slice(0, from) + put + text.slice(from + length));
    }),
    seeded(40),
  );
});

test.each([
  ['nested lists', '['.repeat(10_000)],
  ['nested maps', '{a: '.repeat(10_000)],
  ['nested blocks', Array.from({ length: 2_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  [
    'a bomb of aliases',
    ['a0: &a0 [x, x]', ...Array.from({ length: 40 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}]`)].join(
      '\n',
    ),
  ],
  ['an alias of itself', 'version: 1\nrules: &a [*a]\n'],
  [
    'a glob of a thousand stars',
    `version: 1\nrules: [{ id: a, when: { type: "${'*a'.repeat(1_000)}" }, respond: notify }]`,
  ],
])('%s: policies or problems', (_name, text) => {
  expectPoliciesOrProblems(text);
});
