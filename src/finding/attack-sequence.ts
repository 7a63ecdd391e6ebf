/**
 * The instances of an attack sequence: each is a target of its own, in its own account and Region.
 *
 * ```json
 * { "uid": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0", "resourceType": "EC2_INSTANCE",
 *   "accountId": "111122223333", "region": "eu-west-1", "tags": [{ "key": "Name", "value": "web-1" }],
 *   "data": { "ec2Instance": { "ec2NetworkInterfaceUids": ["eni-…"] } } }
 * ```
 * `uid` is the ARN or the bare id. Networks are resources of their own that the instance refers to.
 */
import * as z from 'zod/mini';
import type { FindingTarget, RefusedTarget, TargetFacts } from './finding.ts';
import { FindingError } from './finding.ts';
import type { Detail } from './guardduty-detail.ts';
import { tagList } from './guardduty-detail.ts';
import { accountId, instanceId, instancePlace, lenient, regionName } from './ids.ts';
import { show } from './names.ts';
import type { PathOf } from './validate.ts';
import { validate } from './validate.ts';

const texts = lenient(z.array(z.string()));
const resourceSchema = z.object(
  {
    uid: z.optional(z.unknown()),
    resourceType: z.optional(z.unknown()),
    accountId: z.optional(z.unknown()),
    region: z.optional(z.unknown()),
    tags: tagList,
    data: lenient(
      z.object({
        ec2Instance: lenient(z.object({ ec2NetworkInterfaceUids: texts })),
        ec2NetworkInterface: lenient(z.object({ vpcId: z.nullish(z.string()) })),
      }),
    ),
  },
  { error: 'a resource of the sequence' },
);
type Resource = z.output<typeof resourceSchema>;

const EXPECTATION = 'the sequence with its resources';
const detectionSchema = z.object(
  {
    sequence: z.object(
      { resources: z.array(resourceSchema, { error: 'a list of resources' }) },
      { error: EXPECTATION },
    ),
  },
  { error: EXPECTATION },
);

export function sequenceTargets(
  detail: Detail,
  pathOf: PathOf,
): { targets: FindingTarget[]; refused: RefusedTarget[]; noTarget?: string } {
  const path = ['service', 'detection'];
  const { resources } = validate(detectionSchema, detail.service?.detection, (inside) =>
    pathOf([...path, ...inside]),
  ).sequence;
  const targets = new Map<string, FindingTarget>();
  const refused: RefusedTarget[] = [];
  let firstBad: FindingError | undefined;
  for (const [index, resource] of resources.entries()) {
    if (resource.resourceType !== 'EC2_INSTANCE') continue;
    const at = pathOf([...path, 'sequence', 'resources', index]);
    try {
      const target = { ...placeOf(resource, detail, at), facts: factsOf(resource, resources) };
      const name = `${target.account} ${target.region} ${target.instanceId}`;
      if (!targets.has(name)) targets.set(name, target);
    } catch (error) {
      if (!(error instanceof FindingError)) throw error;
      firstBad ??= error;
      refused.push({ ...shown(resource, detail), reason: error.message });
    }
  }
  // One entry that cannot be read must not save the instances beside it.
  if (targets.size === 0 && firstBad !== undefined) throw firstBad;
  const noTarget = targets.size === 0 ? `${detail.type} lists no EC2 instance among its resources.` : undefined;
  return { targets: [...targets.values()], refused, ...(noTarget === undefined ? {} : { noTarget }) };
}

function placeOf(resource: Resource, detail: Detail, at: string): Omit<FindingTarget, 'facts'> {
  const named = instancePlace(resource.uid);
  return {
    account: checked(accountId, resource.accountId ?? named.account ?? detail.accountId, `${at}.accountId`),
    region: checked(regionName, resource.region ?? named.region ?? detail.region, `${at}.region`),
    instanceId: checked(instanceId, named.instanceId, `${at}.uid`),
  };
}

function checked(schema: z.ZodMiniString, value: unknown, path: string): string {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new FindingError(path, `expected ${result.error.issues[0]?.message}, found ${show(value)}`);
}

/** For people: what cannot be read, as it stands there. */
function shown({ uid, accountId: account, region }: Resource, detail: Detail): Omit<RefusedTarget, 'reason'> {
  const text = (value: unknown, otherwise: string): string => (value === undefined ? otherwise : show(value));
  return {
    account: text(account, detail.accountId),
    region: text(region, detail.region),
    instanceId: show(uid),
  };
}

function factsOf({ tags, data }: Resource, resources: readonly Resource[]): TargetFacts {
  const uids = data?.ec2Instance?.ec2NetworkInterfaceUids ?? [];
  const own = resources.filter(({ uid }) => typeof uid === 'string' && uids.includes(uid));
  const vpcs = [
    ...new Set(
      own.flatMap((resource) => {
        const vpcId = resource.data?.ec2NetworkInterface?.vpcId;
        return vpcId ? [vpcId] : [];
      }),
    ),
  ];
  return {
    // An empty list is what sequences have where nothing has read the tags.
    ...(tags && tags.length > 0 ? { tags: Object.fromEntries(tags.map(({ key, value }) => [key, value ?? ''])) } : {}),
    ...(vpcs.length > 0 ? { vpcs } : {}),
  };
}
