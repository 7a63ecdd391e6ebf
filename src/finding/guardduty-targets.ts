/**
 * Which instances a GuardDuty finding is about. The instance that a finding mentions is not always the one to act on: some
 * only say whose call or copy it was.
 */
import type { FindingTarget, RefusedTarget, TargetFacts } from './finding.ts';
import { FindingError } from './finding.ts';
import type { Detail } from './guardduty-detail.ts';
import { tagList } from './guardduty-detail.ts';
import { instanceId } from './ids.ts';
import { show } from './names.ts';
import { sequenceTargets } from './attack-sequence.ts';
import type { PathOf } from './validate.ts';

export interface Targets {
  targets: FindingTarget[];
  refused: RefusedTarget[];
  /** Why `targets` is empty. */
  noTarget?: string;
}

/** A kind of finding that names instances which may be acted on. */
interface TargetedKind {
  /** As `resource.resourceType` says it. */
  resourceType: string;
  /** What the finding type begins with. */
  typePrefix: string;
  /** What it is to a policy: a sequence of signals from one instance group counts as what it is about. */
  countsAs: string;
  /** Which findings of that resource type; absent: all. */
  applies?: (detail: Detail) => boolean;
  read: (detail: Detail, pathOf: PathOf) => Targets;
}

export const ATTACK_SEQUENCE = 'AttackSequence';

/** Everything else has no target. The rules on EventBridge are made from the same table. */
export const TARGETED: readonly TargetedKind[] = [
  // Some findings about a container give the node as an instance: it is the node of what they name.
  ...(
    [
      ['EKSCluster', 'eksClusterDetails'],
      ['ECSCluster', 'ecsClusterDetails'],
      ['Container', 'containerDetails'],
    ] as const
  ).map(([countsAs, key]) => ({
    resourceType: 'Instance',
    typePrefix: '',
    countsAs,
    applies: ({ type, resource }: Detail) =>
      isNamed(resource[key]) || (countsAs === 'Container' && type.startsWith('Execution:Container/')),
    read: namedInstance,
  })),
  { resourceType: 'Instance', typePrefix: '', countsAs: 'Instance', read: namedInstance },
  ...['EKSCluster', 'KubernetesCluster', 'ECSCluster', 'Container'].map((resourceType) => ({
    resourceType,
    typePrefix: '',
    countsAs: resourceType,
    read: nodeInstance,
  })),
  // The instances of a cluster's sequence are its worker nodes, not proven compromised.
  ...(
    [
      ['AttackSequence:EC2/', 'Instance'],
      ['AttackSequence:EKS/', 'EKSCluster'],
      ['AttackSequence:ECS/', 'ECSCluster'],
    ] as const
  ).map(([typePrefix, countsAs]) => ({
    resourceType: ATTACK_SEQUENCE,
    typePrefix,
    countsAs,
    read: sequenceTargets,
  })),
  {
    resourceType: 'AccessKey',
    typePrefix: 'UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration',
    countsAs: 'AccessKey',
    read: credentialsOwner,
  },
];

export function targetsOf(detail: Detail, pathOf: PathOf): Targets & { resourceType: string } {
  const { resourceType } = detail.resource;
  if (detail.type.startsWith('Execution:EC2/MaliciousFile!')) {
    const noTarget = `${detail.type} is about a copy of a disk (snapshot, image or recovery point), not about a running instance.`;
    return { resourceType, ...none(noTarget) };
  }
  const kind = TARGETED.find(
    (known) =>
      known.resourceType === resourceType &&
      detail.type.startsWith(known.typePrefix) &&
      (known.applies?.(detail) ?? true),
  );
  if (kind !== undefined) return { resourceType: kind.countsAs, ...kind.read(detail, pathOf) };
  if (resourceType === ATTACK_SEQUENCE) {
    const noTarget = `${detail.type} is an attack sequence against other things than instances; instances that it lists are not shown to be compromised.`;
    return { resourceType, ...none(noTarget) };
  }
  return {
    resourceType,
    ...none(`The finding is about a resource of type ${resourceType}, not about an EC2 instance.`),
  };
}

function isNamed(details: Detail['resource']['containerDetails']): boolean {
  return Boolean(details?.id || details?.name || details?.arn);
}

function none(noTarget: string): Targets {
  return { targets: [], refused: [], noTarget };
}

function namedInstance(detail: Detail, pathOf: PathOf): Targets {
  const path = ['resource', 'instanceDetails', 'instanceId'];
  const details = detail.resource.instanceDetails;
  if (!details) throw new FindingError(pathOf(path), 'resourceType is Instance, but no instance is named');
  return only(detail, checkedId(details.instanceId, pathOf(path)), factsOf(details));
}

function nodeInstance(detail: Detail, pathOf: PathOf): Targets {
  if (detail.resource.instanceDetails?.instanceId) return namedInstance(detail, pathOf);
  return none(
    `The finding is about a resource of type ${detail.resource.resourceType} and names no EC2 instance (Fargate and cluster-wide findings have none).`,
  );
}

/**
 * Credentials of an instance's role are used elsewhere: the instance that they were given to is the target. It is surely
 * the session's name, after the colon in `AROA…:i-…`; instanceDetails is the second source.
 */
function credentialsOwner(detail: Detail, pathOf: PathOf): Targets {
  const { accessKeyDetails, instanceDetails } = detail.resource;
  const principal = accessKeyDetails?.principalId;
  const session = typeof principal === 'string' ? principal.slice(principal.indexOf(':') + 1) : undefined;
  const owner = instanceId.safeParse(session);
  if (owner.success) {
    return only(detail, owner.data, instanceDetails?.instanceId === owner.data ? factsOf(instanceDetails) : {});
  }
  if (instanceDetails?.instanceId) return namedInstance(detail, pathOf);
  const path = pathOf(['resource', 'accessKeyDetails', 'principalId']);
  throw new FindingError(path, `expected the role's id and the instance (AROA…:i-…), found ${show(principal)}`);
}

function only({ accountId: account, region }: Detail, id: string, facts: TargetFacts): Targets {
  return { targets: [{ account, region, instanceId: id, facts }], refused: [] };
}

function checkedId(value: unknown, path: string): string {
  const id = instanceId.safeParse(value);
  if (id.success) return id.data;
  const expectation = id.error.issues[0]?.message ?? 'an instance id';
  throw new FindingError(path, `expected ${expectation}, found ${show(value)}`);
}

function factsOf({ tags, networkInterfaces }: NonNullable<Detail['resource']['instanceDetails']>): TargetFacts {
  const vpcs = [...new Set((networkInterfaces ?? []).flatMap(({ vpcId }) => (vpcId ? [vpcId] : [])))];
  return { ...tagFacts(tags), ...(vpcs.length > 0 ? { vpcs } : {}) };
}

function tagFacts(tags: ReturnType<(typeof tagList)['parse']>): TargetFacts {
  return tags ? { tags: Object.fromEntries(tags.map(({ key, value }) => [key, value ?? ''])) } : {};
}
