/** Which call of the sequence a request is: its operation, and what it is about where one operation does several things. */
import type { Call } from '../proxy.ts';

export interface CallKind {
  /** ec2, s3, … */
  service: string;
  /** `*`: every call of the service. */
  operation: string;
  /** What it is about; absent: whatever it is about. */
  about?: string;
}

/** `ec2:CreateSecurityGroup quarantine` */
export function nameOf({ service, operation, about }: CallKind): string {
  return `${service}:${operation}${about === undefined ? '' : ` ${about}`}`;
}

export function kindOf(call: Pick<Call, 'service' | 'operation' | 'request' | 'path'>): CallKind {
  const { service, operation } = call;
  const about = ABOUT[`${service}:${operation}`]?.(call);
  return { service, operation, ...(about === undefined ? {} : { about }) };
}

export function isOfKind(call: Pick<Call, 'service' | 'operation' | 'request' | 'path'>, kind: CallKind): boolean {
  if (call.service !== kind.service) return false;
  if (kind.operation !== '*' && call.operation !== kind.operation) return false;
  return kind.about === undefined || kindOf(call).about === kind.about;
}

/** Every call that was seen; each operation that does several things also as a whole, and each service. */
export function kindsOf(calls: readonly Call[]): { single: CallKind[]; operations: CallKind[]; services: CallKind[] } {
  const single = unique(calls.map(kindOf));
  const several = single.filter(
    (one) =>
      single.filter(({ service, operation }) => service === one.service && operation === one.operation).length > 1,
  );
  return {
    single,
    operations: unique(several.map(({ service, operation }) => ({ service, operation }))),
    services: unique(single.map(({ service }) => ({ service, operation: '*' }))),
  };
}

function unique(kinds: CallKind[]): CallKind[] {
  const byName = new Map(kinds.map((kind) => [nameOf(kind), kind]));
  return [...byName.values()].toSorted((one, other) => nameOf(one).localeCompare(nameOf(other)));
}

type About = (call: Pick<Call, 'request' | 'path'>) => string | undefined;

const first =
  (pattern: RegExp): About =>
  ({ request }) =>
    pattern
      .exec(decodeURIComponent(request.replaceAll('+', ' ')))
      ?.slice(1)
      .find(Boolean);

const ABOUT: Record<string, About> = {
  'ec2:CreateSecurityGroup': first(/GroupName=secresponse-(\w+)/),
  'ec2:DescribeSecurityGroups': ({ request }) => (request.includes('GroupId.1=') ? 'by id' : 'by filter'),
  'ec2:ModifyNetworkInterfaceAttribute': ({ request }) =>
    request.includes('SecurityGroupId') ? 'groups' : 'idle times',
  'ec2:DescribeInstanceAttribute': ({ request }) => (request.includes('userData') ? 'user data' : 'protection'),
  'ec2:ModifyInstanceAttribute': first(/(DisableApi\w+|InstanceInitiatedShutdownBehavior|BlockDeviceMapping)/),
  's3:PutObject': ({ path }) => (path.includes('/evidence/') ? fileOf(path) : 'drop box'),
  's3:GetObject': ({ path }) => (path.includes('/evidence/') ? fileOf(path) : 'drop box'),
  'dynamodb:UpdateItem': ({ request }) => ledgerEntry(request),
};

/** What has a place of its own in the sequence; the files of all collectors are one. */
function fileOf(path: string): string {
  const file = new URL(path, 'http://local').pathname.split('/').at(-1) ?? '';
  return /^(plan|os-triage|manifest|report|notification)/.exec(file)?.[0] ?? 'evidence';
}

function ledgerEntry(request: string): string {
  if (request.includes('#result')) return 'result';
  if (request.includes('fromNetwork')) return 'state of the network';
  if (request.includes('#from')) return 'state of the rest';
  if (request.includes('leaseUntil = :lease') || request.includes('REMOVE leaseUntil')) return 'claim';
  return 'end of the claim';
}
