/** From whatever arrived to a Finding: finds out what it is, hands it to the parser for it, and says whom to believe. */
import type { Finding, FindingTarget, RefusedTarget } from './finding.ts';
import { FindingError } from './finding.ts';
import { isGuardDutyDetail, parseGuardDuty } from './guardduty.ts';
import { accountId } from './ids.ts';
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
}

/** Parsers of events with an envelope. Source and detail-type both count: GuardDuty's source also sends CloudTrail events. */
const EVENTS: readonly { source: string; detailType: string; parse: (detail: unknown, pathOf: PathOf) => Finding }[] = [
  { source: 'aws.guardduty', detailType: 'GuardDuty Finding', parse: parseGuardDuty },
];

/**
 * Understands one event, finding or manual request.
 * @throws FindingError saying what cannot be understood and where
 */
export function parseFinding(input: unknown, options: ParseOptions): Finding {
  if (!isObject(input)) throw new FindingError('', describeDocument(input));
  if (isObject(input['detail']) && ('detail-type' in input || 'source' in input)) return parseEvent(input, options);
  if (isManualRequest(input)) return parseManual(input, options);
  if (isGuardDutyDetail(input))
    return believe(parseGuardDuty(withPlace(input, options), plainPath), options.account, options);
  return parseApiFinding(input, options);
}

function parseEvent(event: Record<string, unknown>, options: ParseOptions): Finding {
  const source = event['source'];
  const detailType = event['detail-type'];
  const parser = EVENTS.find((known) => known.source === source && known.detailType === detailType);
  if (parser === undefined) throw new FindingError('', describeEvent(source, detailType));
  const envelopeAccount = validate(accountId, event['account'], () => 'account');
  const finding = parser.parse(event['detail'], (segments) => plainPath(['detail', ...segments]));
  return believe(finding, envelopeAccount, options);
}

/** The API writes the same tree in PascalCase, alone or as the one element of a GetFindings answer. */
function parseApiFinding(input: Record<string, unknown>, options: ParseOptions): Finding {
  const list = input['Findings'];
  const prefix = Array.isArray(list) ? ['Findings', 0] : [];
  const candidate = camelCase(Array.isArray(list) ? list[0] : input);
  if (!isObject(candidate) || !isGuardDutyDetail(candidate)) throw new FindingError('', describeDocument(input));
  if (Array.isArray(list) && list.length !== 1) {
    throw new FindingError('Findings', `holds ${list.length} findings; give one at a time`);
  }
  const pathOf: PathOf = (segments) =>
    plainPath([...prefix, ...segments.map((segment) => pascalCase(String(segment)))]);
  return believe(parseGuardDuty(withPlace(candidate, options), pathOf), options.account, options);
}

/** Bare details are sometimes kept without the account and Region that the envelope had. */
function withPlace(detail: Record<string, unknown>, { account, region }: ParseOptions): Record<string, unknown> {
  return {
    ...detail,
    ...(detail['accountId'] === undefined && account !== undefined ? { accountId: account } : {}),
    ...(detail['region'] === undefined && region !== undefined ? { region } : {}),
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
      camelCase(item, depth + 1),
    ]),
  );
}

function pascalCase(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
