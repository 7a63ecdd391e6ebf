/** What a schema cannot say: one function for each rule that ties several keys or files together. */
import { either } from '../finding/names.ts';
import type { PolicyFile, Range, When } from './schema.ts';

export interface Complaint {
  path: (string | number)[];
  message: string;
}

/** Complaints about one file; `account` is set for a file in accounts/. */
export function checkPolicyFile(file: PolicyFile, account: string | undefined): Complaint[] {
  return [
    ...rulesAreGiven(file),
    ...ruleIdsAreUnique(file),
    ...rulesCanBeReached(file),
    ...rangesCanHold(file),
    ...sourcesKnowTheConditions(file),
    ...examplesAreLikeTheirSource(file),
    ...onlyAccountsExtend(file, account),
    ...onlyTheDefaultNamesAdministrators(file, account),
  ];
}

function rulesAreGiven({ rules, extends: base }: PolicyFile): Complaint[] {
  if (rules !== undefined || base !== undefined) return [];
  return [{ path: [], message: 'rules is missing; expected a list of rules' }];
}

function ruleIdsAreUnique({ rules = [] }: PolicyFile): Complaint[] {
  return rules.flatMap(({ id }, index) => {
    const first = rules.findIndex((rule) => rule.id === id);
    if (first === index) return [];
    return [
      { path: ['rules', index, 'id'], message: `found ${id} again (as in rules[${first}]), expected an id of its own` },
    ];
  });
}

function rulesCanBeReached({ rules = [] }: PolicyFile): Complaint[] {
  const all = rules.findIndex(({ when }) => Object.keys(when).length === 0);
  const next = rules[all + 1];
  if (all < 0 || next === undefined) return [];
  const message = `rule ${next.id} is never reached: ${rules[all]?.id} before it has no condition and matches everything`;
  return [{ path: ['rules', all + 1, 'id'], message }];
}

function rangesCanHold({ rules = [] }: PolicyFile): Complaint[] {
  return rules.flatMap(({ when }, index) =>
    (['severity', 'score'] as const).flatMap((key) => {
      const range = when[key];
      if (typeof range !== 'object' || Array.isArray(range)) return [];
      return canHold(range) ? [] : [{ path: ['rules', index, 'when', key], message: emptyRange(range) }];
    }),
  );
}

type SourceName = NonNullable<When['source']>[number];

/** Conditions that only some sources' findings can meet. */
const KNOWN_TO: readonly { key: keyof When; sources: readonly SourceName[] }[] = [
  { key: 'role', sources: ['guardduty'] },
  { key: 'exploitAvailable', sources: ['inspector'] },
  { key: 'score', sources: ['inspector'] },
  { key: 'reachable', sources: ['inspector'] },
];
/** Inspector gives labels only, and a person none at all. */
const NUMBERED: readonly SourceName[] = ['guardduty', 'security-hub'];

/** A rule that no finding can meet would be believed in and not be in force. */
function sourcesKnowTheConditions({ rules = [] }: PolicyFile): Complaint[] {
  return rules.flatMap(({ when }, index) => {
    const { source = [], severity } = when;
    if (source.length === 0) return [];
    const asked = KNOWN_TO.filter(({ key }) => when[key] !== undefined);
    if (severity !== undefined && !Array.isArray(severity)) asked.push({ key: 'severity', sources: NUMBERED });
    return asked.flatMap(({ key, sources }) => {
      if (source.some((name) => sources.includes(name))) return [];
      const what = key === 'severity' ? 'severity as a number' : key;
      const message = `no finding of ${either(source)} has ${what}, so the rule never matches; expected a source that has: ${either(sources)}`;
      return [{ path: ['rules', index, 'when', key], message }];
    });
  });
}

function examplesAreLikeTheirSource({ tests = [] }: PolicyFile): Complaint[] {
  return tests.flatMap(({ finding: { source = 'guardduty', severity } }, index) => {
    if (typeof severity !== 'number' || NUMBERED.includes(source)) return [];
    const message = `found ${severity}, expected a label such as CRITICAL: findings of ${source} have no number`;
    return [{ path: ['tests', index, 'finding', 'severity'], message }];
  });
}

function canHold({ gte, gt, lte, lt }: Range): boolean {
  const from = Math.max(gte ?? -Infinity, gt ?? -Infinity);
  const to = Math.min(lte ?? Infinity, lt ?? Infinity);
  return from < to || (from === to && gt !== from && lt !== to);
}

function emptyRange(range: Range): string {
  const bounds = Object.entries(range).map(([name, bound]) => `${name}: ${bound}`);
  return `found { ${bounds.join(', ')} }, which no number meets; expected a lower bound below the upper one`;
}

function onlyAccountsExtend(file: PolicyFile, account: string | undefined): Complaint[] {
  if (file.extends === undefined || account !== undefined) return [];
  return [{ path: ['extends'], message: 'default.yml extends nothing; only accounts/<account id>.yml can' }];
}

function onlyTheDefaultNamesAdministrators(file: PolicyFile, account: string | undefined): Complaint[] {
  if (file.administrators === undefined || account === undefined) return [];
  const message = 'administrators belongs in default.yml: whom to believe is decided before the account is known';
  return [{ path: ['administrators'], message }];
}
