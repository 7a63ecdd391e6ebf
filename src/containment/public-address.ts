import type { Aws } from '../aws/connect.ts';
import type { AddressReading } from '../aws/ec2-addresses.ts';
import { defineAction, type ActionContext } from './action.ts';
import { tryAll } from './parts.ts';

type Place = { interfaceId: string; privateIp: string };

/** An Elastic IP address that is at the instance, or was when containment came. */
type Elastic = {
  publicIp: string;
  /** Where at the instance; null where it is not there now. */
  at: Place | null;
  /** What has become of it in other hands. Absent: nothing. */
  since?: string;
};

type AddressState = {
  /** By allocation id. */
  elastic: { [allocationId: string]: Elastic };
  /** Addresses that AWS gave by itself, by interface: nobody can take them off. */
  automatic: { [interfaceId: string]: string };
  /** Private addresses of each interface that is attached. */
  interfaces: { [interfaceId: string]: string[] };
};

/** Nobody reaches the host from outside, nor does it get out, by the addresses that can be taken off. */
export const publicAddress = defineAction<AddressState>({
  name: 'public-address',
  title: 'Take the Elastic IP addresses off',
  reversible: true,
  // Without a public address the agent may not get out with what it collects.
  when: 'after-collection',
  permissions: ['ec2:DescribeAddresses', 'ec2:DescribeNetworkInterfaces', 'ec2:DisassociateAddress'],
  releasePermissions: ['ec2:AssociateAddress'],

  read: (aws, context, known) => readAddresses(aws, context, known),

  desired: (reading, _prepared, { containment }) =>
    whyKept(containment) === null
      ? { ...reading, elastic: mapValues(reading.elastic, (address) => ({ ...address, at: null })) }
      : reading,

  async write(aws, _context, from, to) {
    const changes = Object.entries(to.elastic).filter(([id, { at }]) => !isSamePlace(from.elastic[id]?.at ?? null, at));
    if (changes.length === 0) return;
    const targets = changes.flatMap(([, { at }]) => at?.interfaceId ?? []);
    // Read again: an association has another id, and maybe another holder, whenever somebody moves the address.
    const [now, there] = await Promise.all([
      aws.ec2.addresses(
        'allocation-id',
        changes.map(([id]) => id),
      ),
      targets.length > 0 ? aws.ec2.addresses('network-interface-id', targets) : [],
    ]);
    await tryAll(
      changes.map(([id, { publicIp, at }]) => ({
        name: `${publicIp} (${id})`,
        async run() {
          const present = now.find(({ allocationId }) => allocationId === id);
          if (at !== null) await giveBack(aws, id, at, present, there);
          else if (present?.association && isSamePlace(present.association, from.elastic[id]?.at ?? null))
            await aws.ec2.disassociateAddress(present.association.id);
        },
      })),
    );
  },

  keep(stored, reading) {
    // One that is not at the instance is what somebody, or an earlier run, made of it.
    const original = Object.entries(reading.elastic).filter(([, { at }]) => at !== null);
    return { ...(stored ?? reading), elastic: { ...Object.fromEntries(original), ...stored?.elastic } };
  },

  restore(from, reading, { contained }) {
    const elastic = { ...reading.elastic };
    const left: string[] = [];
    for (const [id, before] of Object.entries(from?.elastic ?? {})) {
      const present = reading.elastic[id];
      const why = whyLeft(before, present, contained?.elastic[id], reading);
      if (why !== null) left.push(`${before.publicIp} (${id}) is left: ${why}`);
      else if (before.at !== null) elastic[id] = { publicIp: before.publicIp, at: before.at };
    }
    return { to: { ...reading, elastic }, left, lost: [] };
  },

  same: (a, b) => places(a) === places(b),

  idle(reading, { containment }) {
    if (!Object.values(reading.elastic).some(({ at }) => at !== null)) return 'the instance has no Elastic IP address';
    return whyKept(containment);
  },

  risks: (_from, to) => [
    ...Object.values(to.elastic).flatMap(({ publicIp, at }) =>
      at === null
        ? []
        : [`${at.interfaceId} keeps its public address ${publicIp}: only its security groups protect it.`],
    ),
    ...Object.entries(to.automatic).map(
      ([id, ip]) =>
        `${id} keeps its public address ${ip}: AWS gave it by itself, and nobody can take it off a running host.`,
    ),
  ],

  describe(from, to) {
    const lines = Object.entries(to.elastic).map(([id, { publicIp, at, since }]) => {
      const before = from?.elastic[id];
      return `${publicIp}: ${before ? where(before) : 'not known'} → ${where({ at, ...(since ? { since } : {}) })}`;
    });
    return `Elastic IP addresses: ${lines.join('; ') || 'none'}`;
  },
});

/** By the instance and by its interfaces, and of those that were there before, what they are now. */
async function readAddresses(aws: Aws, { target }: ActionContext, known: AddressState | null): Promise<AddressState> {
  const [byInstance, { readings }] = await Promise.all([
    aws.ec2.addresses('instance-id', [target.instanceId]),
    aws.ec2.interfaces(target.instanceId),
  ]);
  const ids = readings.map(({ interfaceId }) => interfaceId);
  const byInterface = ids.length > 0 ? await aws.ec2.addresses('network-interface-id', ids) : [];
  const found = new Map([...byInstance, ...byInterface].map((address) => [address.allocationId, address]));
  const elastic: AddressState['elastic'] = mapValues(Object.fromEntries(found), ({ publicIp, association }) => ({
    publicIp,
    at: association && { interfaceId: association.interfaceId, privateIp: association.privateIp },
  }));
  const away = Object.entries(known?.elastic ?? {}).filter(([id]) => !found.has(id));
  const now =
    away.length > 0
      ? await aws.ec2.addresses(
          'allocation-id',
          away.map(([id]) => id),
        )
      : [];
  for (const [id, { publicIp }] of away) {
    const present = now.find(({ allocationId }) => allocationId === id);
    const since = present
      ? present.association && `it is at ${present.association.interfaceId} now`
      : 'it was released';
    elastic[id] = { publicIp, at: null, ...(since ? { since } : {}) };
  }
  const elasticIps = new Set([...found.values()].map(({ publicIp }) => publicIp));
  const automatic = readings.flatMap(({ interfaceId, publicAddress: ip }) =>
    ip === undefined || elasticIps.has(ip) ? [] : [[interfaceId, ip] as const],
  );
  return {
    elastic,
    automatic: Object.fromEntries(automatic),
    interfaces: Object.fromEntries(
      readings.map(({ interfaceId, privateAddresses }) => [interfaceId, privateAddresses]),
    ),
  };
}

/** Why the policy has the addresses stay; null where it has them taken off. */
function whyKept({ publicAddress: wish, cutFlows }: ActionContext['containment']): string | null {
  if (wish === 'keep') return 'the policy keeps public addresses';
  if (wish === 'auto' && cutFlows === 'never')
    return 'the policy cuts no established flows, and has public addresses taken off for that only';
  return null;
}

/** Why an address is not given back; null where it is, or is there. */
function whyLeft(
  before: Elastic,
  present: Elastic | undefined,
  contained: Elastic | undefined,
  reading: AddressState,
): string | null {
  if (before.at === null || isSamePlace(before.at, present?.at ?? null)) return null;
  if (!present) return 'AWS does not show it';
  if (present.since !== undefined) return present.since;
  if (present.at !== null) return `somebody has moved it to ${present.at.interfaceId} since`;
  if (contained && contained.at !== null) return 'somebody has taken it off since';
  const { interfaceId, privateIp } = before.at;
  if (!reading.interfaces[interfaceId]) return `${interfaceId} is not attached to the instance any more`;
  if (!reading.interfaces[interfaceId].includes(privateIp)) return `${interfaceId} does not have ${privateIp} any more`;
  const other = Object.values(reading.elastic).find(({ at }) => isSamePlace(at, before.at));
  return other ? `${other.publicIp} is at its place now` : null;
}

/** @throws where the address or its place is somebody else's by now: neither is ever taken from anybody */
async function giveBack(
  aws: Aws,
  id: string,
  at: Place,
  present: AddressReading | undefined,
  there: AddressReading[],
): Promise<void> {
  if (!present) throw new Error('it was released');
  if (present.association && isSamePlace(present.association, at)) return;
  if (present.association) throw new Error(`it is at ${present.association.interfaceId} now`);
  const other = there.find(({ association }) => isSamePlace(association, at));
  if (other) throw new Error(`${other.publicIp} is at its place now`);
  await aws.ec2.associateAddress(id, at.interfaceId, at.privateIp);
}

function isSamePlace(a: Place | null, b: Place | null): boolean {
  return a?.interfaceId === b?.interfaceId && a?.privateIp === b?.privateIp;
}

function places({ elastic }: AddressState): string {
  const lines = Object.entries(elastic).flatMap(([id, { at }]) =>
    at ? [`${id} ${at.interfaceId} ${at.privateIp}`] : [],
  );
  return lines.toSorted().join();
}

function where({ at, since }: Pick<Elastic, 'at' | 'since'>): string {
  return at ? `${at.interfaceId} (${at.privateIp})` : (since ?? 'at no interface');
}

function mapValues<From, To>(values: { [key: string]: From }, map: (value: From) => To): { [key: string]: To } {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value)]));
}
