/**
 * GuardDuty findings: the `detail` of an EventBridge event of source `aws.guardduty` and detail-type `GuardDuty Finding`.
 *
 * ```json
 * { "id": "5ab1…", "accountId": "111122223333", "region": "eu-west-1", "type": "Backdoor:EC2/C&CActivity.B!DNS", "severity": 8,
 *   "resource": { "resourceType": "Instance", "instanceDetails": { "instanceId": "i-0123456789abcdef0", "tags": [] } },
 *   "service": { "archived": false, "resourceRole": "ACTOR", "count": 1, "additionalInfo": { "value": "{}" } } }
 * ```
 * Only what is used is looked at. What decides is checked; what is only shown or is read again from AWS (titles, dates,
 * tags, networks) is dropped where it is strange, so that it cannot keep an instance from being isolated.
 */
import { consoleHost } from './ids.ts';
import type { Finding, SeverityLabel } from './finding.ts';
import type { Detail } from './guardduty-detail.ts';
import { detailSchema } from './guardduty-detail.ts';
import { targetsOf } from './guardduty-targets.ts';
import { isoTime } from './time.ts';
import type { PathOf } from './validate.ts';
import { isObject, validate } from './validate.ts';

/** The lower end of each label's band; the numbers are GuardDuty's. */
export const SEVERITY_BANDS: readonly { label: SeverityLabel; from: number }[] = [
  { label: 'CRITICAL', from: 9 },
  { label: 'HIGH', from: 7 },
  { label: 'MEDIUM', from: 4 },
  { label: 'LOW', from: 1 },
  { label: 'INFORMATIONAL', from: 0 },
];

/** Does this look like a GuardDuty finding, however broken? Cheap and generous: the schema says what is wrong with it. */
export function isGuardDutyDetail(input: Record<string, unknown>): boolean {
  return isObject(input['resource']) && ('accountId' in input || 'severity' in input || isObject(input['service']));
}

export function parseGuardDuty(input: unknown, pathOf: PathOf): Finding {
  const detail = validate(detailSchema, input, pathOf);
  const { resourceType, targets, refused, noTarget } = targetsOf(detail, pathOf);
  const createdAt = isoTime(detail.createdAt);
  const updatedAt = isoTime(detail.updatedAt);
  const url = consoleUrl(detail);
  return {
    source: 'guardduty',
    id: detail.id,
    ...(detail.arn ? { arn: detail.arn } : {}),
    account: detail.accountId,
    region: detail.region,
    type: detail.type,
    severity: { score: detail.severity, label: severityLabel(detail.severity) },
    title: detail.title || detail.type,
    description: detail.description ?? '',
    ...(detail.service?.resourceRole ? { role: detail.service.resourceRole } : {}),
    resourceType,
    archived: detail.service?.archived === true,
    sample: isSample(detail.service?.additionalInfo),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(updatedAt === undefined ? {} : { updatedAt }),
    ...(typeof detail.service?.count === 'number' ? { count: detail.service.count } : {}),
    targets,
    refused,
    ...(noTarget === undefined ? {} : { noTarget }),
    ...(url === undefined ? {} : { consoleUrl: url }),
  };
}

export function severityLabel(score: number): SeverityLabel {
  return SEVERITY_BANDS.find((band) => score >= band.from)?.label ?? 'INFORMATIONAL';
}

/** Newer findings say so in a JSON text inside `value`, older ones beside it. */
function isSample(additionalInfo: unknown): boolean {
  if (!isObject(additionalInfo)) return false;
  if (additionalInfo['sample'] === true) return true;
  const { value } = additionalInfo;
  if (typeof value !== 'string') return false;
  try {
    const parsed: unknown = JSON.parse(value);
    return isObject(parsed) && parsed['sample'] === true;
  } catch {
    return false;
  }
}

function consoleUrl(detail: Detail): string | undefined {
  const host = consoleHost(detail.region);
  if (host === null) return undefined;
  const search = encodeURIComponent(`id=${detail.id.toWellFormed()}`);
  return `https://${host}/guardduty/home?region=${detail.region}#/findings?search=${search}`;
}
