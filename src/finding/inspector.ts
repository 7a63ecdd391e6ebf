/**
 * Inspector findings: the `detail` of an EventBridge event of source `aws.inspector2` and detail-type `Inspector2 Finding`,
 * and the same tree from the API.
 *
 * ```json
 * { "findingArn": "arn:aws:inspector2:eu-west-1:111122223333:finding/0123…", "awsAccountId": "111122223333",
 *   "type": "PACKAGE_VULNERABILITY", "severity": "CRITICAL", "status": "ACTIVE", "exploitAvailable": "YES", "inspectorScore": 9.8,
 *   "resources": [{ "type": "AWS_EC2_INSTANCE", "id": "i-0123456789abcdef0", "region": "eu-west-1", "tags": { "Name": "web-1" },
 *                   "details": { "awsEc2Instance": { "vpcId": "vpc-…" } } }],
 *   "firstObservedAt": "Thu Sep 05 13:06:56.334 UTC 2024" }
 * ```
 * A vulnerability says what could be done to an instance, not that it was: policies should quarantine on it with care.
 */
import * as z from 'zod/mini';
import type { Finding, FindingTarget } from './finding.ts';
import { FindingError } from './finding.ts';
import { accountId, consoleHost, instanceId, instancePlace, lenient, regionName, textLike } from './ids.ts';
import { either, show } from './names.ts';
import { isoTime } from './time.ts';
import type { PathOf } from './validate.ts';
import { validate } from './validate.ts';

/** The only resource that is acted on; container images, functions and repositories are not instances. */
export const INSPECTOR_INSTANCE = 'AWS_EC2_INSTANCE';
/** The type of the findings that say whether there is a way in. */
export const NETWORK_FINDING = 'NETWORK_REACHABILITY';

const SEVERITIES = ['INFORMATIONAL', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'UNTRIAGED'] as const;
const STATUSES = ['ACTIVE', 'SUPPRESSED', 'CLOSED'] as const;
const INTERNET_GATEWAY = 'AWS::EC2::InternetGateway';
const SCORE = 'a number from 0 to 10';

const shownText = lenient(z.string());

const resourceSchema = z.looseObject(
  {
    type: textLike(/^[A-Z0-9_]{1,100}$/, 'a resource type such as AWS_EC2_INSTANCE'),
    id: z.optional(z.unknown()),
    region: z.optional(z.unknown()),
    tags: lenient(z.record(z.string(), z.string())),
    details: lenient(z.object({ awsEc2Instance: lenient(z.object({ vpcId: z.nullish(z.string()) })) })),
  },
  { error: 'a resource' },
);
type Resource = z.output<typeof resourceSchema>;

const networkDetails = lenient(
  z.object({
    networkPath: z.object({ steps: z.array(z.object({ componentType: z.nullish(z.string()) })) }),
  }),
);

const detailSchema = z.object(
  {
    findingArn: textLike(/^[^\s\p{Cc}]{1,400}$/u, 'the ARN of a finding'),
    awsAccountId: accountId,
    type: textLike(/^[^\s\p{Cc}]{1,100}$/u, 'a kind of finding such as PACKAGE_VULNERABILITY'),
    severity: z.enum(SEVERITIES, { error: either(SEVERITIES) }),
    status: z.enum(STATUSES, { error: either(STATUSES) }),
    title: shownText,
    description: shownText,
    exploitAvailable: z.nullish(z.enum(['YES', 'NO'], { error: 'YES or NO' })),
    inspectorScore: z.nullish(
      z.number({ error: SCORE }).check(z.minimum(0, { error: SCORE }), z.maximum(10, { error: SCORE })),
    ),
    networkReachabilityDetails: networkDetails,
    resources: z.array(resourceSchema, { error: 'a list of resources' }),
    firstObservedAt: z.optional(z.unknown()),
    lastObservedAt: z.optional(z.unknown()),
    updatedAt: z.optional(z.unknown()),
  },
  { error: 'an Inspector finding' },
);
type Detail = z.output<typeof detailSchema>;

/** Does this look like an Inspector finding, however broken? */
export function isInspectorDetail(input: Record<string, unknown>): boolean {
  return 'findingArn' in input && !('productArn' in input);
}

export function parseInspector(input: unknown, pathOf: PathOf): Finding {
  const detail = validate(detailSchema, input, pathOf);
  const targets = targetsOf(detail, pathOf);
  const region = targets[0]?.region ?? regionOf(detail, detail.resources[0], pathOf, 0);
  const createdAt = isoTime(detail.firstObservedAt);
  const updatedAt = isoTime(detail.updatedAt) ?? isoTime(detail.lastObservedAt);
  const { exploitAvailable, inspectorScore } = detail;
  const isReachable = reachable(detail);
  const host = consoleHost(region);
  return {
    source: 'inspector',
    id: detail.findingArn.slice(detail.findingArn.lastIndexOf('/') + 1),
    arn: detail.findingArn,
    account: detail.awsAccountId,
    region,
    type: detail.type,
    severity: { score: null, label: detail.severity },
    title: detail.title || detail.type,
    description: detail.description ?? '',
    resourceType: targets.length > 0 ? INSPECTOR_INSTANCE : (detail.resources[0]?.type ?? 'None'),
    archived: detail.status !== 'ACTIVE',
    sample: false,
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(updatedAt === undefined ? {} : { updatedAt }),
    ...(exploitAvailable ? { exploitAvailable: exploitAvailable === 'YES' } : {}),
    ...(typeof inspectorScore === 'number' ? { score: inspectorScore } : {}),
    ...(isReachable === undefined ? {} : { reachable: isReachable }),
    targets,
    refused: [],
    ...(targets.length === 0 ? { noTarget: whyNoTarget(detail) } : {}),
    ...(host === null ? {} : { consoleUrl: `https://${host}/inspector/v2/home?region=${region}#/findings` }),
  };
}

function targetsOf(detail: Detail, pathOf: PathOf): FindingTarget[] {
  return detail.resources.flatMap((resource, index) => {
    if (resource.type !== INSPECTOR_INSTANCE) return [];
    const id = instanceId.safeParse(instancePlace(resource.id).instanceId);
    if (!id.success) {
      const expectation = id.error.issues[0]?.message ?? 'an instance id';
      throw new FindingError(pathOf(['resources', index, 'id']), `expected ${expectation}, found ${show(resource.id)}`);
    }
    const vpc = resource.details?.awsEc2Instance?.vpcId;
    const facts = { ...(resource.tags ? { tags: resource.tags } : {}), ...(vpc ? { vpcs: [vpc] } : {}) };
    const region = regionOf(detail, resource, pathOf, index);
    return [{ account: detail.awsAccountId, region, instanceId: id.data, facts }];
  });
}

/** The resource's own; else the Region in the finding's ARN, which is where Inspector has found it. */
function regionOf({ findingArn }: Detail, resource: Resource | undefined, pathOf: PathOf, index: number): string {
  const value = resource?.region ?? findingArn.split(':')[3];
  return validate(regionName, value, () => pathOf(['resources', index, 'region']));
}

/** Said by network findings only: a way through a peering or a private gateway is none from the internet. */
function reachable({ type, networkReachabilityDetails }: Detail): boolean | undefined {
  const steps = networkReachabilityDetails?.networkPath.steps ?? [];
  if (type !== NETWORK_FINDING || steps.length === 0) return undefined;
  return steps.some(({ componentType }) => componentType === INTERNET_GATEWAY);
}

function whyNoTarget({ resources }: Detail): string {
  const types = [...new Set(resources.map(({ type }) => type))];
  if (types.length === 0) return 'The finding names no resource.';
  return `The finding is about a resource of type ${types.join(', ')}, not about an EC2 instance.`;
}
