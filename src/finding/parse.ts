/** From whatever arrived to a Finding: finds out what it is, hands it to the parser for it, and says whom to believe. */
import type { Finding, FindingTarget, RefusedTarget } from './finding.ts';
import { FindingError } from './finding.ts';
import { isGuardDutyDetail, parseGuardDuty } from './guardduty.ts';
import { accountId } from './ids.ts';
import { isInspectorDetail, parseInspector } from './inspector.ts';
import { isManualRequest, parseManual } from './manual.ts';
import { describeDocument, describeEvent } from './strangers.ts';
import type { PathOf } from './validate.ts';
import { isObject, plainPath, validate } from './validate.ts';

export interface ParseOptions {
  /** Without an envelope: the account that is believed (the caller's, or what a person names); else the finding's own. */
  account?: string;
  /** Region of a manual request or a bare finding that names none. */
  region?: string;
  /** Accounts whose envelopes may name other accounts' targets: delegated administrators. */
  administrators?: string[];
  /** What the person asked for who named the finding by its id (request.ts). */
  request?: NonNullable<Finding['request']>;
}

/** How a kind of finding is recognised and read, once any envelope is off. */
interface Kind {
  source: string;
  detailType: string;
  /** Names in a bare detail: of the account, and where it has one of the Region. */
  placeKeys: { account: string; region?: string };
  recognises: (detail: Record<string, unknown>) => boolean;
  parse: (detail: unknown, pathOf: PathOf) => Finding;
}

/** Source and detail-type both count: GuardDuty's source also sends CloudTrail events. */
const KINDS: readonly Kind[] = [
  {
    source: 'aws.guardduty',
    detailType: 'GuardDuty Finding',
    placeKeys: { account: 'accountId', region: 'region' },
    recognises: isGuardDutyDetail,
    parse: parseGuardDuty,
  },
  {
    source: 'aws.inspector2',
    detailType: 'Inspector2 Finding',
    placeKeys: { account: 'awsAccountId' },
    recognises: isInspectorDetail,
    parse: parseInspector,
  },
];

/**
 * Understands one event, finding or manual request.
 * @throws FindingError saying what cannot be understood and where
 */
export function parseFinding(input: unknown, options: ParseOptions): Finding {
  const finding = understand(input, options);
  return options.request === undefined ? finding : { ...finding, request: options.request };
}

function understand(input: unknown, options: ParseOptions): Finding {
  if (!isObject(input)) throw new FindingError('', describeDocument(input));
  if (isObject(input['detail']) && ('detail-type' in input || 'source' in input)) return parseEvent(input, options);
  if (isManualRequest(input)) return believe(parseManual(input, options), options.account, options);
  return parseBare(input, options);
}

function parseEvent(event: Record<string, unknown>, options: ParseOptions): Finding {
  const source = event['source'];
  const detailType = event['detail-type'];
  const kind = KINDS.find((known) => known.source === source && known.detailType === detailType);
  if (kind === undefined) throw new FindingError('', describeEvent(source, detailType));
  const envelopeAccount = validate(accountId, event['account'], () => 'account');
  const finding = kind.parse(event['detail'], (segments) => plainPath(['detail', ...segments]));
  return believe(finding, envelopeAccount, options);
}

/** A detail without its envelope, or an API's answer: alone or the one element of a list, in either case of letters. */
function parseBare(input: Record<string, unknown>, options: ParseOptions): Finding {
  const listKey = ['Findings', 'findings'].find((key) => Array.isArray(input[key]));
  const list = (listKey === undefined ? [input] : input[listKey]) as unknown[];
  const [first] = list;
  const plain = kindOf(first);
  const detail = plain === undefined ? camelCase(first) : first;
  const kind = plain ?? kindOf(detail);
  if (!isObject(detail) || kind === undefined) throw new FindingError('', describeDocument(input));
  if (listKey !== undefined && list.length !== 1) {
    throw new FindingError(listKey, `holds ${list.length} findings; give one at a time`);
  }
  const asWritten = (segment: PropertyKey): string =>
    plain === undefined ? pascalCase(String(segment)) : String(segment);
  const prefix = listKey === undefined ? [] : [listKey, 0];
  const pathOf: PathOf = (segments) => plainPath([...prefix, ...segments.map(asWritten)]);
  return believe(kind.parse(withPlace(detail, kind, options), pathOf), options.account, options);
}

function kindOf(detail: unknown): Kind | undefined {
  return isObject(detail) ? KINDS.find(({ recognises }) => recognises(detail)) : undefined;
}

/** Bare details are sometimes kept without the account and Region that the envelope had. */
function withPlace(
  detail: Record<string, unknown>,
  { placeKeys }: Kind,
  { account, region }: ParseOptions,
): Record<string, unknown> {
  const isLost = (key: string | undefined): key is string => key !== undefined && detail[key] === undefined;
  return {
    ...detail,
    ...(isLost(placeKeys.account) && account !== undefined ? { [placeKeys.account]: account } : {}),
    ...(isLost(placeKeys.region) && region !== undefined ? { [placeKeys.region]: region } : {}),
  };
}

/** Moves the targets that nobody vouches for from `targets` to `refused`. */
function believe(finding: Finding, vouching: string | undefined, { administrators = [] }: ParseOptions): Finding {
  if (vouching === undefined || administrators.includes(vouching)) return finding;
  const isVouchedFor = (target: FindingTarget): boolean => target.account === vouching;
  const refused = finding.targets.filter((target) => !isVouchedFor(target)).map((target) => refuse(target, vouching));
  return { ...finding, targets: finding.targets.filter(isVouchedFor), refused: [...finding.refused, ...refused] };
}

function refuse({ account, region, instanceId }: FindingTarget, vouching: string): RefusedTarget {
  const reason = `The event comes from account ${vouching}, which may not speak for account ${account}; list it under administrators if it may.`;
  return { account, region, instanceId, reason };
}

/** Deep enough for every field that is used; a bound, so that a hostile document cannot exhaust the stack. */
const DEPTH = 10;

export function camelCase(value: unknown, depth = 0): unknown {
  if (depth > DEPTH) return value;
  if (Array.isArray(value)) return value.map((item) => camelCase(item, depth + 1));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key.charAt(0).toLowerCase() + key.slice(1),
      // The keys of a map of tags are somebody's own.
      key.toLowerCase() === 'tags' && isObject(item) ? item : camelCase(item, depth + 1),
    ]),
  );
}

function pascalCase(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
