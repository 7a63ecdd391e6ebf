/**
 * Compiles policies to EventBridge patterns that admit every event that some policy would act on. A pattern is a filter
 * and the function the judge: what only the judge can know (tags, VPC) is taken as true, and protections are left to it.
 */
import { SEVERITY_BANDS, TARGET_RESOURCE_TYPES } from '../finding/guardduty.ts';
import { findMatch, globMatches } from './globs.ts';
import type { Intervals } from './intervals.ts';
import { EVERYTHING, contains, exactly, fromRange, toPattern, union } from './intervals.ts';
import type { Policies } from './policy.ts';
import type { Rule, When } from './schema.ts';

export interface EventRule {
  name: string;
  pattern: object;
}

/** EventBridge's limit. */
const PATTERN_CHARACTERS = 2048;

/** Names with `*`; null: any. */
type Names = readonly string[] | null;

/** The findings that one rule may act on: everything that lies within all of these. */
interface Box {
  severity: Intervals;
  type: Names;
  role: Names;
  resourceType: Names;
  account: Names;
  region: Names;
}

const NAME_KEYS = ['type', 'role', 'resourceType', 'account', 'region'] as const;

export function eventRules(policies: Policies): EventRule[] {
  const everywhere = policies.default.rules.flatMap((rule) => guardDutyBox(rule, null));
  const perAccount = Object.entries(policies.accounts).flatMap(([account, policy]) =>
    policy.rules.flatMap((rule) => guardDutyBox(rule, [account])),
  );
  const patterns = simplify([...everywhere, ...perAccount]).flatMap(fittingPatterns);
  return patterns.map((pattern, index) => ({ name: index === 0 ? 'guardduty' : `guardduty-${index + 1}`, pattern }));
}

/** At most one box; none where the rule does nothing or cannot match a GuardDuty finding about an instance. */
function guardDutyBox({ when, respond }: Rule, account: Names): Box[] {
  if (respond === 'ignore') return [];
  if (when.source !== undefined && !when.source.includes('guardduty')) return [];
  if (when.exploitAvailable !== undefined || when.score !== undefined || when.reachable !== undefined) return [];
  if (account !== null && when.account !== undefined && !account.every((id) => when.account?.includes(id))) return [];
  const box: Box = {
    severity: severities(when.severity),
    type: when.type ?? null,
    role: when.role === undefined ? null : [when.role],
    resourceType: TARGET_RESOURCE_TYPES.filter(
      (type) => when.resourceType === undefined || findMatch(when.resourceType, [type]),
    ),
    account: account ?? when.account ?? null,
    region: when.region ?? null,
  };
  const isEmpty = box.severity.length === 0 || box.resourceType?.length === 0;
  return isEmpty ? [] : [box];
}

function severities(severity: When['severity']): Intervals {
  if (severity === undefined) return EVERYTHING;
  if (typeof severity === 'number') return exactly(severity);
  if (!Array.isArray(severity)) return fromRange(severity);
  return severity.map(band).reduce(union, []);
}

function band(label: string): Intervals {
  const index = SEVERITY_BANDS.findIndex((candidate) => candidate.label === label);
  const found = SEVERITY_BANDS[index];
  if (found === undefined) return [];
  const next = SEVERITY_BANDS[index - 1];
  return fromRange({ gte: found.from, lt: next?.from });
}

/** Leaves out what lies within another box and joins what differs in one respect only, until nothing changes. */
function simplify(boxes: readonly Box[]): Box[] {
  const result: Box[] = [];
  for (const box of boxes) {
    let joined = box;
    for (let index = 0; index < result.length; index += 1) {
      const merged = join(result[index] ?? joined, joined);
      if (merged === undefined) continue;
      joined = merged;
      result.splice(index, 1);
      index = -1;
    }
    result.push(joined);
  }
  return result;
}

function join(a: Box, b: Box): Box | undefined {
  const differing = (['severity', ...NAME_KEYS] as const).filter((key) => !equal(a, b, key));
  if (differing.every((key) => holds(a, b, key))) return a;
  if (differing.every((key) => holds(b, a, key))) return b;
  if (differing.length > 1) return undefined;
  return {
    severity: union(a.severity, b.severity),
    ...(Object.fromEntries(NAME_KEYS.map((key) => [key, joinNames(a[key], b[key])])) as Pick<
      Box,
      (typeof NAME_KEYS)[number]
    >),
  };
}

function equal(a: Box, b: Box, key: keyof Box): boolean {
  return holds(a, b, key) && holds(b, a, key);
}

/** Is everything that `inner` admits in this respect admitted by `outer`? */
function holds(outer: Box, inner: Box, key: keyof Box): boolean {
  if (key === 'severity') return contains(outer.severity, inner.severity);
  const within = outer[key];
  if (within === null) return true;
  // A glob that matches another glob's text matches everything that the other matches.
  return inner[key]?.every((name) => within.some((glob) => globMatches(glob, name))) ?? false;
}

function joinNames(a: Names, b: Names): Names {
  return a === null || b === null ? null : [...new Set([...a, ...b])];
}

/** One pattern, or several where the lists are too long for one. */
function fittingPatterns(box: Box): object[] {
  const pattern = toEventPattern(box);
  if (JSON.stringify(pattern).length <= PATTERN_CHARACTERS) return [pattern];
  const longest = NAME_KEYS.reduce((best, key) => (textLength(box[key]) > textLength(box[best]) ? key : best));
  const names = box[longest] ?? [];
  // A single name that is too long for a pattern: admit more rather than less.
  if (names.length < 2) return fittingPatterns({ ...box, [longest]: null });
  const half = Math.ceil(names.length / 2);
  return [names.slice(0, half), names.slice(half)].flatMap((part) => fittingPatterns({ ...box, [longest]: part }));
}

function textLength(names: Names): number {
  return JSON.stringify(names ?? []).length;
}

function toEventPattern({ severity, type, role, resourceType, account, region }: Box): object {
  const numbers = toPattern(severity);
  return {
    source: ['aws.guardduty'],
    'detail-type': ['GuardDuty Finding'],
    detail: {
      ...(numbers === undefined ? {} : { severity: numbers }),
      ...(type === null ? {} : { type: type.map(nameMatcher) }),
      ...(account === null ? {} : { accountId: account }),
      ...(region === null ? {} : { region: region.map(nameMatcher) }),
      ...(resourceType === null ? {} : { resource: { resourceType } }),
      // `archived` may be absent, which a plain `false` would not match.
      service: { archived: [false, { exists: false }], ...(role === null ? {} : { resourceRole: role }) },
    },
  };
}

/** The cheapest matcher that says the same: EventBridge refuses patterns with too many wildcards. */
function nameMatcher(glob: string): string | object {
  const text = glob.replaceAll(/\*+/g, '*');
  const stars = text.split('*').length - 1;
  if (stars === 0) return text;
  if (text === '*') return { exists: true };
  if (stars === 1 && text.endsWith('*')) return { prefix: text.slice(0, -1) };
  if (stars === 1 && text.startsWith('*')) return { suffix: text.slice(1) };
  return { wildcard: text.replaceAll('\\', '\\\\') };
}
