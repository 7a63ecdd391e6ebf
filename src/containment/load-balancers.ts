import type { Aws } from '../aws/connect.ts';
import { attempt, errorLine, type Attempt } from '../aws/deadline.ts';
import { defineAction, type ActionContext } from './action.ts';
import { restoreRegistrations } from './load-balancers-restore.ts';
import {
  difference,
  holds,
  isNone,
  LISTS,
  nameOf,
  same,
  sorted,
  union,
  unreadLines,
  words,
  type Registrations,
  type Target,
} from './load-balancers-state.ts';

/** How many calls are under way at once: a region may have hundreds of target groups, and AWS throttles. */
const AT_ONCE = 8;

/** No load balancer sends the host another request. Draining is not waited for: isolation ends what is under way. */
export const loadBalancers = defineAction<Registrations>({
  name: 'load-balancers',
  title: 'Take the instance out of every target group and classic load balancer',
  reversible: true,
  when: 'at-once',
  permissions: [
    'ec2:DescribeNetworkInterfaces',
    'elasticloadbalancing:DeregisterInstancesFromLoadBalancer',
    'elasticloadbalancing:DeregisterTargets',
    'elasticloadbalancing:DescribeLoadBalancers',
    'elasticloadbalancing:DescribeTargetGroups',
    'elasticloadbalancing:DescribeTargetHealth',
  ],
  releasePermissions: [
    'elasticloadbalancing:RegisterInstancesWithLoadBalancer',
    'elasticloadbalancing:RegisterTargets',
  ],

  read: (aws, context, known) => readRegistrations(aws, context, known),

  // Nothing unread: what cannot be read is not shown to be gone.
  desired: (reading) => ({ ...reading, targets: {}, classic: [], unread: {} }),

  async write(aws, { target }, from, to) {
    const { instanceId } = target;
    const failed: string[] = [];
    const change = (what: string, call: () => Promise<void>) => async (): Promise<void> => {
      const error = await call().then(() => null, errorLine);
      if (error !== null) failed.push(`${what}: ${error}`);
    };
    const work = [
      ...difference(to, from).targets.map(([arn, missing]) =>
        change(nameOf(arn), () => aws.loadBalancers.register(arn, missing)),
      ),
      ...difference(to, from).classic.map((name) =>
        change(`classic ${name}`, () => aws.loadBalancers.registerClassic(name, instanceId)),
      ),
    ];
    if (!to.adding) {
      work.push(
        ...difference(from, to).targets.map(([arn, gone]) =>
          change(nameOf(arn), () => aws.loadBalancers.deregister(arn, gone)),
        ),
        ...difference(from, to).classic.map((name) =>
          change(`classic ${name}`, () => aws.loadBalancers.deregisterClassic(name, instanceId)),
        ),
      );
      // Nothing is taken away that no record holds: nobody could put it back.
      failed.push(...unreadLines(from));
    }
    // All of them are tried: one target group that refuses must not keep the host in the others.
    await severalAtOnce(work);
    if (failed.length > 0) throw new Error(failed.join('; '));
  },

  // A registration that came after the record is somebody's, too.
  keep: (stored, reading) => (stored ? merge(stored, reading) : reading),

  same,

  restore: (from, reading, { contained }) => restoreRegistrations(from, reading, contained),

  idle: (reading) =>
    isNone(reading) && Object.keys(reading.unread).length === 0
      ? 'the instance is in no target group and in no classic load balancer'
      : null,

  risks(from, to) {
    const unread = unreadLines(to);
    const draining = from !== null && !isNone(from) && isNone(to);
    return draining
      ? [...unread, 'requests that a load balancer has sent already may end within its draining time']
      : unread;
  },

  describe(from, to) {
    const [before, after] = [from ? words(from) : 'not known', words(to)];
    return `load balancers: ${before === after ? `${after} (unchanged)` : `${before} → ${after}`}`;
  },
});

/** What is stored, and beside it what is registered now. */
function merge(stored: Registrations, reading: Registrations): Registrations {
  const arns = [...new Set([...Object.keys(stored.targets), ...Object.keys(reading.targets)])];
  return {
    ...stored,
    targets: Object.fromEntries(arns.map((arn) => [arn, union(stored.targets[arn], reading.targets[arn])])),
    classic: [...new Set([...stored.classic, ...reading.classic])].sort(),
    // What could not be read then may be known by now.
    unread: reading.unread,
  };
}

/** @throws where neither generation of load balancers can be listed. */
async function readRegistrations(
  aws: Aws,
  { target, readMs }: ActionContext,
  known: Registrations | null,
): Promise<Registrations> {
  const { instanceId } = target;
  const ms = readMs * 0.9;
  const [addresses, groups, classic] = await Promise.all([
    attempt(ms * 0.5, 'reading the addresses', () => aws.loadBalancers.addresses(instanceId)),
    attempt(ms * 0.5, 'listing the target groups', () => aws.loadBalancers.targetGroups()),
    attempt(ms * 0.5, 'listing the classic load balancers', () => aws.loadBalancers.classic()),
  ]);
  if (!groups.ok && !classic.ok) throw new Error(`${groups.error}; ${classic.error}`);
  const state: Registrations = {
    targets: {},
    classic: [],
    addresses: addresses.ok ? addresses.value : {},
    gone: [],
    unread: {},
  };
  if (!addresses.ok) state.unread[LISTS.addresses] = addresses.error;
  if (classic.ok) {
    const names = new Set(classic.value.map(({ name }) => name));
    state.classic = classic.value.filter(({ instanceIds }) => instanceIds.includes(instanceId)).map(({ name }) => name);
    state.gone.push(...(known?.classic ?? []).filter((name) => !names.has(name)));
  } else state.unread[LISTS.classic] = classic.error;
  if (!groups.ok) return { ...state, unread: { ...state.unread, [LISTS.groups]: groups.error } };

  const arns = new Set(groups.value.map(({ arn }) => arn));
  state.gone.push(...Object.keys(known?.targets ?? {}).filter((arn) => !arns.has(arn)));
  const vpcs = Object.keys(state.addresses);
  const candidates = groups.value.filter(({ type, vpcId }) =>
    type === 'instance' || type === 'ip' ? vpcId === null || vpcs.length === 0 || vpcs.includes(vpcId) : false,
  );
  const found = new Map<string, Attempt<Target[] | null>>();
  const reading = candidates.map(({ arn }) => async () => {
    found.set(arn, await attempt(ms * 0.25, 'reading its targets', () => aws.loadBalancers.targets(arn)));
  });
  const all = await attempt(ms * 0.5, 'reading all target groups', () => severalAtOnce(reading));
  for (const { arn, type, vpcId } of candidates) {
    const targets = found.get(arn) ?? all;
    if (!targets.ok) state.unread[arn] = targets.error;
    // An address means nothing in another VPC: there it is somebody else's.
    const own = vpcId === null ? Object.values(state.addresses).flat() : (state.addresses[vpcId] ?? []);
    const isOurs = ({ id }: Target): boolean => (type === 'ip' ? holds(own, id) : id === instanceId);
    const ours = targets.ok ? (targets.value ?? []).filter(isOurs) : [];
    if (ours.length > 0) state.targets[arn] = sorted(ours);
  }
  return { ...state, classic: state.classic.sort(), gone: state.gone.sort() };
}

/** Runs all, a few at a time. */
async function severalAtOnce(work: (() => Promise<void>)[]): Promise<void> {
  const waiting = work.values();
  const lane = async (): Promise<void> => {
    for (const next of waiting) await next();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}
