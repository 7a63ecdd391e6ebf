import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parsePolicies } from '../../src/policy/parse.ts';
import { BASE, policyFor } from '../../src/policy/policy.ts';
import { runPolicyTests } from '../../src/policy/run-tests.ts';
import { policyJsonSchema } from '../../src/policy/schema.ts';
import { defaultText, parsed, problemsOf } from './policies.ts';

const ACCOUNT = '444455556666';

/** Problems of a default.yml; the first line is the version. */
function problems(text: string): string[] {
  return problemsOf({ file: 'p.yml', text: `version: 1\n${text}` });
}

function rule(text: string): string {
  return `rules:\n  - { id: it, respond: notify, ${text} }`;
}

test('the default policy is sound, and its own tests pass', () => {
  const { policies, tests } = parsed([{ file: 'default.yml', text: defaultText }]);
  expect(policies.default.mode).toBe('enforce');
  expect(tests.length).toBeGreaterThan(10);
  expect(runPolicyTests(policies, tests)).toEqual([]);
});

test('resolved policies survive JSON', () => {
  const { policies } = parsed([{ file: 'default.yml', text: defaultText }]);
  expect(JSON.parse(JSON.stringify(policies))).toEqual(policies);
});

test('the committed JSON Schema is the current one (npx secresponse policy schema)', () => {
  const file = new URL('../../policies/policy.schema.json', import.meta.url);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(policyJsonSchema())));
  expect(defaultText).toMatch(/^# yaml-language-server: \$schema=\.\/policy\.schema\.json\n/);
});

test.each<[string, string, string]>([
  ['broken YAML', 'rules: {', 'p.yml:2:9 Flow map'],
  ['a key given twice', 'rules: []\nrules: []', 'p.yml:3:1 Map keys must be unique'],
  [
    'mistyped key',
    'ruels: []\nrules: []',
    'p.yml:2:1 found unknown key "ruels", expected version, extends, mode, rules,',
  ],
  ['its likely meaning', 'ruels: []\nrules: []', 'did you mean rules?'],
  ['no rules', 'mode: enforce', 'p.yml:1:1 rules is missing'],
  [
    'rule without response',
    'rules:\n  - id: it\n    when: {}',
    'p.yml:3:5 rules[0].respond is missing; expected ignore, notify',
  ],
  [
    'mistyped response',
    'rules: [{ id: it, when: {}, respond: quarentine }]',
    'p.yml:2:38 rules[0].respond: found "quarentine", expected ignore, notify, collect, quarantine-after-approval or quarantine; did you mean quarantine?',
  ],
  [
    'mistyped condition',
    rule('when: { severty: HIGH }'),
    'p.yml:3:40 found unknown key "severty" in rules[0].when, expected source, severity, type',
  ],
  [
    'mistyped label',
    rule('when: { severity: HGIH }'),
    'or CRITICAL, or a list, or keys with values; did you mean HIGH?',
  ],
  [
    'mistyped bound',
    rule('when: { severity: { get: 7 } }'),
    'found unknown key "get" in rules[0].when.severity, expected gte, gt, lte or lt; did you mean gte?',
  ],
  [
    'bound that is no number',
    rule('when: { severity: { gte: high } }'),
    'rules[0].when.severity.gte: found "high", expected a number from 0 to 10',
  ],
  [
    'bound that EventBridge cannot compare',
    rule('when: { severity: { gte: 6.9999999 } }'),
    'rules[0].when.severity.gte: found 6.9999999, expected a number of at most six decimals',
  ],
  [
    'condition that the source does not know',
    rule('when: { source: guardduty, exploitAvailable: true }'),
    'p.yml:3:77 no finding of guardduty has exploitAvailable, so the rule never matches; expected a source that has: inspector',
  ],
  [
    'number where the source gives labels',
    rule('when: { source: [inspector, manual], severity: { gte: 9 } }'),
    'no finding of inspector or manual has severity as a number',
  ],
  [
    'test that no finding is like',
    'rules: []\ntests: [{ finding: { source: inspector, severity: 9 }, expect: ignore }]',
    'p.yml:3:51 found 9, expected a label such as CRITICAL: findings of inspector have no number',
  ],
  [
    'mistyped fact of a test',
    'rules: []\ntests: [{ finding: { source: inspector, exploitAvailble: true }, expect: ignore }]',
    'found unknown key "exploitAvailble" in tests[0].finding',
  ],
  [
    'range without bound',
    rule('when: { severity: {} }'),
    'rules[0].when.severity: found an object, expected at least one of gte, gt, lte and lt',
  ],
  [
    'range that cannot hold',
    rule('when: { severity: { gte: 7, lt: 7 } }'),
    'found { gte: 7, lt: 7 }, which no number meets',
  ],
  [
    'mistyped entry of a list',
    rule('when: { source: [guardduty, inspektor] }'),
    'rules[0].when.source[1]: found "inspektor"',
  ],
  [
    'account as a number',
    rule('when: { account: 111122223333 }'),
    'rules[0].when.account: found 111122223333, expected an account id of 12 digits',
  ],
  [
    'rule ids given twice',
    'rules: [{ id: a, when: { severity: 1 }, respond: notify }, { id: a, when: {}, respond: notify }]',
    'found a again (as in rules[0])',
  ],
  [
    'rule that is never reached',
    'rules: [{ id: a, when: {}, respond: notify }, { id: b, when: {}, respond: notify }]',
    'rule b is never reached',
  ],
  [
    'reserved rule id',
    'rules: [{ id: default, when: {}, respond: notify }]',
    'expected another name: default and archived have a meaning',
  ],
  [
    'malformed protected id',
    'rules: []\nprotect: { instances: [i-12] }',
    'p.yml:3:24 protect.instances[0]: found "i-12"',
  ],
  ['extends in the default', 'extends: default', 'p.yml:2:10 default.yml extends nothing'],
  [
    'unknown access',
    'rules: []\ncontainment: { access: { cidr: here } }',
    'containment.access.cidr: found "here", expected an address range',
  ],
])('problem with its place: %s', (_, text, message) => {
  expect(problems(text)).toContainEqual(expect.stringContaining(message));
});

test('every problem is reported, in the order of the file', () => {
  const found = problems('mode: real\nrules: [{ id: "?", when: {}, respond: shout }]');
  expect(found.map((line) => line.split(' ')[0])).toEqual(['p.yml:2:7', 'p.yml:3:15', 'p.yml:3:39']);
});

test.each([
  ['', 'p.yml:1:1 the file is empty; expected keys with values'],
  ['- 1', 'p.yml:1:1 the policy: found a list, expected keys with values'],
  ['version: 2\nrules: []', 'p.yml:1:10 version: found 2, expected 1, the only version'],
])('not a policy: %j', (text, message) => {
  expect(problemsOf({ file: 'p.yml', text })).toEqual([message]);
});

test('a folder without a default is a problem', () => {
  expect(problemsOf()).toEqual(['default.yml:1:1 is missing; expected the policy for all accounts']);
});

test('an account extends the default: its settings replace, its rules come first, protections add up', () => {
  const base = [
    'version: 1',
    'mode: enforce',
    'rules: [{ id: high, when: { severity: { gte: 7 } }, respond: quarantine }, { id: rest, when: {}, respond: ignore }]',
    'protect: { tags: [base] }',
    'limits: { quarantinesPerHour: 9 }',
  ].join('\n');
  const account = [
    'version: 1',
    'extends: default',
    'mode: observe',
    'rules: [{ id: first, when: { type: X }, respond: notify }, { id: high, when: { severity: { gte: 9 } }, respond: quarantine }]',
    'protect: { tags: [own] }',
    'limits: { groupShare: 10 }',
  ].join('\n');
  const { policies } = parsed([
    { file: 'default.yml', text: base },
    { file: 'a.yml', text: account, account: ACCOUNT },
  ]);
  const own = policyFor(policies, ACCOUNT);
  expect(own).toMatchObject({
    mode: 'observe',
    rules: [{ id: 'first' }, { id: 'high', when: { severity: { gte: 9 } } }, { id: 'rest' }],
    protect: { tags: ['base', 'own'] },
    limits: { quarantinesPerHour: 9, groupShare: 10, reservePerHour: 2 },
  });
  expect(policyFor(policies, '111122223333')).toBe(policies.default);
  expect(policyFor(policies, 'constructor')).toBe(policies.default);
});

test('an account that does not extend stands alone', () => {
  const { policies } = parsed([
    { file: 'default.yml', text: defaultText },
    { file: 'a.yml', text: 'version: 1\nrules: []', account: ACCOUNT },
  ]);
  expect(policyFor(policies, ACCOUNT)).toEqual(BASE);
});

test('administrators belong in the default only', () => {
  const text = 'version: 1\nextends: default\nadministrators: ["111122223333"]';
  expect(problemsOf({ file: 'default.yml', text: defaultText }, { file: 'a.yml', text, account: ACCOUNT })).toEqual([
    expect.stringContaining('a.yml:3:17 administrators belongs in default.yml'),
  ]);
});

test('a failing test in a policy is reported at its place, with the decision', () => {
  const text = 'version: 1\nrules: []\ntests:\n  - { name: hopes, finding: { severity: 9 }, expect: quarantine }';
  const { policies, tests } = parsed([{ file: 'p.yml', text }]);
  const message =
    'hopes: expected quarantine, decided ignore by rule default. No rule of the policy matches. Dry run: the policy observes only.';
  expect(runPolicyTests(policies, tests)).toEqual([{ file: 'p.yml', line: 4, column: 5, message }]);
});

test('arbitrary text gives policies or problems, never an exception', () => {
  const lines = defaultText.split('\n');
  fc.assert(fc.property(fc.string(), (text) => void parsePolicies([{ file: 'p.yml', text }])));
  fc.assert(
    fc.property(fc.nat(lines.length - 1), fc.string(), (index, line) => {
      parsePolicies([{ file: 'p.yml', text: lines.toSpliced(index, 1, line).join('\n') }]);
    }),
    { numRuns: 30 },
  );
});
