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
import * as z from 'zod';
import { accountId, consoleHost, instanceId, regionName, textLike } from './ids.ts';
import type { Finding, FindingTarget, SeverityLabel } from './finding.ts';
import { FindingError } from './finding.ts';
import { show } from './names.ts';
import { isoTime } from './time.ts';
import type { PathOf } from './validate.ts';
import { isObject, validate } from './validate.ts';

/** Resource types whose findings name the instance that is meant: itself, or the node that a container runs on. */
export const TARGET_RESOURCE_TYPES = [
  'Instance',
  'EKSCluster',
  'KubernetesCluster',
  'ECSCluster',
  'Container',
] as const;

/** The lower end of each label's band; the numbers are GuardDuty's. */
export const SEVERITY_BANDS: readonly { label: SeverityLabel; from: number }[] = [
  { label: 'CRITICAL', from: 9 },
  { label: 'HIGH', from: 7 },
  { label: 'MEDIUM', from: 4 },
  { label: 'LOW', from: 1 },
  { label: 'INFORMATIONAL', from: 0 },
];

const severityNumber = z
  .number({ error: 'a number from 0 to 10' })
  .min(0, { error: 'a number from 0 to 10' })
  .max(10, { error: 'a number from 0 to 10' });
const word = (expectation: string): z.ZodString => textLike(/^[^\s\p{Cc}]{1,300}$/u, expectation);
const shownText = z.string().nullish().catch(undefined);

const instanceDetails = z.looseObject({
  instanceId: z.unknown().optional(),
  tags: z
    .array(z.object({ key: z.string(), value: z.string().nullish() }))
    .nullish()
    .catch(undefined),
  networkInterfaces: z
    .array(z.object({ vpcId: z.string().nullish() }))
    .nullish()
    .catch(undefined),
});

const detailSchema = z.object(
  {
    id: word('a finding id'),
    arn: shownText,
    accountId,
    region: regionName,
    type: word('a finding type such as Backdoor:EC2/C&CActivity.B!DNS'),
    severity: severityNumber,
    title: shownText,
    description: shownText,
    createdAt: z.unknown().optional(),
    updatedAt: z.unknown().optional(),
    resource: z.object(
      {
        resourceType: word('a resource type such as Instance'),
        instanceDetails: instanceDetails.nullish().catch(undefined),
      },
      { error: 'the resource that the finding is about' },
    ),
    service: z
      .object(
        {
          archived: z.boolean({ error: 'true or false' }).nullish(),
          count: z.number().nullish().catch(undefined),
          resourceRole: z.enum(['TARGET', 'ACTOR']).nullish().catch(undefined),
          additionalInfo: z.unknown().optional(),
        },
        { error: 'an object' },
      )
      .nullish(),
  },
  { error: 'a GuardDuty finding' },
);
type Detail = z.output<typeof detailSchema>;

/** Does this look like a GuardDuty finding, however broken? Cheap and generous: the schema says what is wrong with it. */
export function isGuardDutyDetail(input: Record<string, unknown>): boolean {
  return isObject(input['resource']) && ('accountId' in input || 'severity' in input || isObject(input['service']));
}

export function parseGuardDuty(input: unknown, pathOf: PathOf): Finding {
  const detail = validate(detailSchema, input, pathOf);
  const { target, noTarget } = findTarget(detail, pathOf);
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
    resourceType: detail.resource.resourceType,
    archived: detail.service?.archived === true,
    sample: isSample(detail.service?.additionalInfo),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(updatedAt === undefined ? {} : { updatedAt }),
    ...(typeof detail.service?.count === 'number' ? { count: detail.service.count } : {}),
    targets: target === undefined ? [] : [target],
    refused: [],
    ...(noTarget === undefined ? {} : { noTarget }),
    ...(url === undefined ? {} : { consoleUrl: url }),
  };
}

export function severityLabel(score: number): SeverityLabel {
  return SEVERITY_BANDS.find((band) => score >= band.from)?.label ?? 'INFORMATIONAL';
}

function findTarget(detail: Detail, pathOf: PathOf): { target?: FindingTarget; noTarget?: string } {
  const noTarget = whyNoTarget(detail);
  if (noTarget !== undefined) return { noTarget };
  const details = detail.resource.instanceDetails;
  const path = ['resource', 'instanceDetails', 'instanceId'];
  if (!details) throw new FindingError(pathOf(path), `resourceType is Instance, but no instance is named`);
  const id = instanceId.safeParse(details.instanceId);
  if (!id.success) {
    const expectation = id.error.issues[0]?.message ?? 'an instance id';
    throw new FindingError(pathOf(path), `expected ${expectation}, found ${show(details.instanceId)}`);
  }
  const tags = details.tags && Object.fromEntries(details.tags.map((tag) => [tag.key, tag.value ?? '']));
  const vpcs = [...new Set((details.networkInterfaces ?? []).flatMap(({ vpcId }) => (vpcId ? [vpcId] : [])))];
  return {
    target: {
      account: detail.accountId,
      region: detail.region,
      instanceId: id.data,
      facts: { ...(tags ? { tags } : {}), ...(vpcs.length > 0 ? { vpcs } : {}) },
    },
  };
}

/** The instance in instanceDetails is not always the one to act on: some findings only mention whose call or copy it was. */
function whyNoTarget({ type, resource }: Detail): string | undefined {
  const { resourceType } = resource;
  if (resourceType === 'AttackSequence' || type.startsWith('AttackSequence:')) {
    return 'An attack sequence lists its instances among its resources; these are not read yet.';
  }
  if (type.startsWith('Execution:EC2/MaliciousFile!')) {
    return `${type} is about a copy of a disk (snapshot, image or recovery point), not about a running instance.`;
  }
  if (type.startsWith('UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration')) {
    return "An instance's credentials are used elsewhere: such findings are not acted upon yet. Consider a manual request for the instance.";
  }
  if (!TARGET_RESOURCE_TYPES.some((known) => known === resourceType)) {
    return `The finding is about a resource of type ${resourceType}, not about an EC2 instance.`;
  }
  if (resourceType !== 'Instance' && !resource.instanceDetails?.instanceId) {
    return `The finding is about a resource of type ${resourceType} and names no EC2 instance (Fargate and cluster-wide findings have none).`;
  }
  return undefined;
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
  const search = encodeURIComponent(`id=${detail.id}`);
  return `https://${host}/guardduty/home?region=${detail.region}#/findings?search=${search}`;
}
