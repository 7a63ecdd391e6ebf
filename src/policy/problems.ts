/** What is wrong with a policy, in words: what was found, what would be valid, and what was probably meant. */
import type * as z from 'zod';
import { either, nearest, show } from '../finding/names.ts';
import type { Place, YamlFile } from './yaml.ts';

export interface Problem extends Place {
  file: string;
  message: string;
}

/** `file:line:column message`, which editors and terminals make clickable. */
export function formatProblem({ file, line, column, message }: Problem): string {
  return `${file}:${line}:${column} ${message}`;
}

type Issue = z.core.$ZodIssue;

const TYPES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'keys with values',
  record: 'keys with values',
  string: 'a text',
};

/** Schemas state their expectation as error text; this fills in what zod would say in its own words. */
export const expectations: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'invalid_type') return TYPES[issue.expected] ?? `a value of type ${issue.expected}`;
  if (issue.code === 'invalid_value') return either(issue.values.map(String));
  if (issue.code === 'too_small') return 'at least one entry';
  // The keys that the schema knows; unknownKey makes the sentence.
  if (issue.code === 'unrecognized_keys')
    return Object.keys((issue.inst as z.ZodObject | undefined)?.shape ?? {}).join(' ');
  return undefined;
};

export function describeIssue(issue: Issue, value: unknown, yaml: YamlFile, file: string): Problem[] {
  const picked = issue.code === 'invalid_union' ? (closestBranch(issue) ?? issue) : issue;
  if (picked !== issue) return describeIssue(picked, value, yaml, file);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, issue, yaml, file));
  const found = valueAt(value, issue.path);
  const expected = expectation(issue);
  const place = yaml.placeOf(issue.path);
  const where = pathText(issue.path);
  if (value === null) return [{ file, ...place, message: `the file is empty; expected ${expected}` }];
  if (found === undefined) return [{ file, ...place, message: `${where} is missing; expected ${expected}` }];
  const meant = typeof found === 'string' ? nearest(found, validNames(issue)) : undefined;
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return [{ file, ...place, message: `${where}: found ${show(found)}, expected ${expected}${hint}` }];
}

function unknownKey(key: string, { path, message }: Issue, yaml: YamlFile, file: string): Problem {
  const known = message.split(' ');
  const meant = nearest(key, known);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  const where = path.length === 0 ? '' : ` in ${pathText(path)}`;
  return {
    file,
    ...yaml.placeOfKey(path, key),
    message: `found unknown key ${show(key)}${where}, expected ${either(known)}${hint}`,
  };
}

/** Where one alternative was clearly meant (the value has its outer form), only what is wrong inside it is said. */
function closestBranch(issue: z.core.$ZodIssueInvalidUnion): Issue | undefined {
  for (const [first] of issue.errors) {
    if (first === undefined) continue;
    const inside = first.path.length > 0 || first.code === 'unrecognized_keys' || first.code === 'custom';
    if (inside) return { ...first, path: [...issue.path, ...first.path] };
  }
  return undefined;
}

function expectation(issue: Issue): string {
  if (issue.code !== 'invalid_union') return issue.message;
  return [...new Set(issue.errors.flatMap(([first]) => (first === undefined ? [] : [expectation(first)])))].join(
    ', or ',
  );
}

function validNames(issue: Issue): string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  if (issue.code !== 'invalid_union') return [];
  return issue.errors.flatMap((branch) => branch.flatMap(validNames));
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const segment of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = Reflect.get(current, segment);
  }
  return current;
}

/** `rules[2].when.severity` */
export function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the policy';
  return path
    .map((segment, index) =>
      typeof segment === 'number' ? `[${segment}]` : `${index > 0 ? '.' : ''}${String(segment)}`,
    )
    .join('');
}
