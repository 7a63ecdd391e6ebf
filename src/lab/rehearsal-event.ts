/** Any finding as one about the local world: what EventBridge will carry. */
import { randomUUID } from 'node:crypto';
import type { Finding } from '../finding/finding.ts';
import { camelCase } from '../finding/parse.ts';
import type { BusEvent } from './event-bus.ts';
import type { World } from './world.ts';

/** The finding of a rehearsal that was given none: the victim talks to a command-and-control server. */
export function defaultEvent(world: World, now: Date): BusEvent {
  const { account, region, instanceId } = world;
  const id = randomUUID().replaceAll('-', '');
  const detail = {
    schemaVersion: '2.0',
    accountId: account,
    region,
    partition: 'aws',
    id,
    arn: `arn:aws:guardduty:${region}:${account}:detector/d0000000000000000000000000000000/finding/${id}`,
    type: 'Backdoor:EC2/C&CActivity.B!DNS',
    resource: {
      resourceType: 'Instance',
      instanceDetails: {
        instanceId,
        instanceType: 'm7i.large',
        instanceState: 'running',
        availabilityZone: `${region}a`,
        tags: [{ key: 'Name', value: world.name }],
        networkInterfaces: world.interfaceIds.map((networkInterfaceId) => ({
          networkInterfaceId,
          vpcId: world.vpcId,
          subnetId: world.subnetId,
        })),
      },
    },
    service: {
      serviceName: 'guardduty',
      action: {
        actionType: 'DNS_REQUEST',
        dnsRequestAction: { domain: 'c2.example.net', protocol: 'UDP', blocked: false },
      },
      resourceRole: 'ACTOR',
      eventFirstSeen: new Date(now.getTime() - 240_000).toISOString(),
      eventLastSeen: now.toISOString(),
      archived: false,
      count: 3,
    },
    severity: 8,
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
    title: `EC2 instance ${instanceId} is querying a command and control domain.`,
    description: `EC2 instance ${instanceId} is querying c2.example.net, a domain that is associated with a known command and control server.`,
  };
  return envelope(detail, world, now);
}

/**
 * A whole event, a bare detail or an API-shaped finding, with its instances, account and region replaced by the local ones.
 * @param victims one per target of the finding, in their order
 */
export function mappedEvent(input: object, finding: Finding, victims: readonly World[], now: Date): BusEvent {
  const [first] = victims;
  if (!first) throw new Error('there is no victim to map the finding onto');
  let text = JSON.stringify(input);
  const replace = (from: string | undefined, to: string): void => {
    if (from) text = text.replaceAll(from, to);
  };
  for (const [index, target] of finding.targets.entries())
    replace(target.instanceId, (victims[index] ?? first).instanceId);
  for (const account of new Set([finding.account, ...finding.targets.map((target) => target.account)]))
    replace(account, first.account);
  for (const region of new Set([finding.region, ...finding.targets.map((target) => target.region)]))
    replace(region, first.region);
  const mapped = JSON.parse(text) as Record<string, unknown>;
  if ('detail' in mapped && 'source' in mapped) {
    const event = mapped as unknown as BusEvent;
    return { ...event, account: first.account, region: first.region, id: randomUUID() };
  }
  const list = mapped['Findings'] ?? mapped['findings'];
  const bare = Array.isArray(list) ? (list[0] as unknown) : mapped;
  const { account, region } = first;
  const place = finding.source === 'inspector' ? { awsAccountId: account } : { accountId: account, region };
  return envelope({ ...place, ...(camelCase(bare) as object) }, first, now, finding.source);
}

function envelope(
  detail: object,
  { account, region }: World,
  now: Date,
  source: Finding['source'] = 'guardduty',
): BusEvent {
  const sender =
    source === 'inspector'
      ? { source: 'aws.inspector2', 'detail-type': 'Inspector2 Finding' }
      : { source: 'aws.guardduty', 'detail-type': 'GuardDuty Finding' };
  return {
    id: randomUUID(),
    ...sender,
    account,
    region,
    time: now.toISOString(),
    resources: [],
    detail,
  };
}
