import type { Aws } from '../aws/connect.ts';
import { defineAction, type ActionContext } from './action.ts';
import { tryAll } from './parts.ts';

/** Seconds after which AWS forgets an idle flow, and lets it through no more. */
type IdleTimes = {
  /** Null: the instance type's own, 5 days of most types. */
  tcp: number | null;
  udpStream: number;
  udp: number;
  /** Who manages the interface: nobody else can change it. Absent: nobody. */
  requester?: string;
};

interface TrackingState {
  [interfaceId: string]: IdleTimes;
}

/** The shortest that AWS takes. */
const SHORTEST: IdleTimes = { tcp: 60, udpStream: 60, udp: 30 };
/** Where nothing is set, of every type. */
const DEFAULT_UDP = { udpStream: 180, udp: 30 };
/** Where AWS tells none of the type: it documents this one of all types but the newest, of which it tells. */
const DEFAULT_TCP = 432_000;

/** Flows that were established before, and are silent, end after a minute instead of days. */
export const connectionTracking = defineAction<TrackingState>({
  name: 'connection-tracking',
  title: 'Let silent flows end soon',
  reversible: true,
  when: 'at-once',
  permissions: [
    'ec2:DescribeInstances',
    'ec2:DescribeInstanceTypes',
    'ec2:DescribeNetworkInterfaces',
    'ec2:ModifyNetworkInterfaceAttribute',
  ],

  async read(aws, context) {
    const { readings } = await aws.ec2.interfaces(context.target.instanceId);
    const isSet = readings.some(({ tracking }) => !isShortestOrUnset(tracking?.tcpEstablished));
    // AWS has no call that unsets: what equals the type's own is as good as not set.
    const own = isSet ? await typesOwn(aws, context) : null;
    return Object.fromEntries(
      readings.map(({ interfaceId, tracking = {}, requester }) => {
        const { tcpEstablished = null, udpStream = DEFAULT_UDP.udpStream, udpTimeout = DEFAULT_UDP.udp } = tracking;
        const tcp = own === tcpEstablished ? null : tcpEstablished;
        return [interfaceId, { tcp, udpStream, udp: udpTimeout, ...(requester === undefined ? {} : { requester }) }];
      }),
    );
  },

  desired: (reading) =>
    Object.fromEntries(Object.entries(reading).map(([id, times]) => [id, times.requester ? times : SHORTEST])),

  async write(aws, context, from, to) {
    const changes = Object.entries(to).filter(([id, times]) => !times.requester && !areSame(from[id], times));
    const own = changes.some(([, { tcp }]) => tcp === null) ? await typesOwn(aws, context) : DEFAULT_TCP;
    await tryAll(
      changes.map(([id, { tcp, udpStream, udp }]) => ({
        name: id,
        run: () => aws.ec2.setTracking(id, { tcpEstablished: tcp ?? own, udpStream, udpTimeout: udp }),
      })),
    );
  },

  keep(stored, reading) {
    if (stored === undefined) return reading;
    // An interface that came later and has our times already got them from us: what it had before was not written down.
    const others = Object.entries(reading).filter(([id, times]) => !stored[id] && !areSame(times, SHORTEST));
    return { ...Object.fromEntries(others), ...stored };
  },

  restore(from, reading, { contained }) {
    const to: TrackingState = {};
    const left: string[] = [];
    const lost: string[] = [];
    for (const [id, present] of Object.entries(reading)) {
      const before = from?.[id];
      const isOurs = !present.requester && areSame(present, SHORTEST);
      to[id] = isOurs && before && !before.requester ? before : present;
      if (isOurs && !before && contained?.[id]) lost.push(`${id} keeps short idle times: those before are not known`);
      if (!isOurs && before && !present.requester && !areSame(before, present))
        left.push(`${id} is left with ${words(present)}: somebody has changed its idle times since`);
    }
    const gone = Object.keys(from ?? {}).filter((id) => reading[id] === undefined);
    left.push(...gone.map((id) => `${id} is not attached to the instance any more`));
    return { to, left, lost };
  },

  same: (a, b) => canonical(a) === canonical(b),

  idle(reading) {
    const interfaces = Object.values(reading);
    if (interfaces.length === 0) return 'the instance has no network interface';
    if (interfaces.every(({ requester }) => requester)) return 'AWS services manage all of its network interfaces';
    return interfaces.every((times) => times.requester || areSame(times, SHORTEST))
      ? 'the idle times were the shortest already'
      : null;
  },

  risks: (_from, to) =>
    Object.entries(to).flatMap(([id, { requester }]) =>
      requester ? [`${id} is managed by ${requester}: silent flows through it may stay for days.`] : [],
    ),

  describe(from, to) {
    const lines = Object.entries(to).map(([id, times]) => {
      if (times.requester) return `${id}: left as it is, ${times.requester} manages it`;
      const before = from?.[id];
      return `${id}: ${before ? words(before) : 'not known'} → ${words(times)}`;
    });
    return `idle times of TCP, UDP streams, UDP: ${lines.join('; ') || 'no interface'}`;
  },
});

/** @throws where AWS does not say what type the instance is */
async function typesOwn(aws: Aws, { target }: ActionContext): Promise<number> {
  const type = (await aws.ec2.instance(target.instanceId))?.instanceType;
  if (type === undefined) throw new Error('AWS does not show the type of the instance');
  return (await aws.ec2.tcpIdleDefault(type)) ?? DEFAULT_TCP;
}

function isShortestOrUnset(seconds: number | undefined): boolean {
  return seconds === undefined || seconds === SHORTEST.tcp;
}

function areSame(a: IdleTimes | undefined, b: IdleTimes): boolean {
  return a?.tcp === b.tcp && a.udpStream === b.udpStream && a.udp === b.udp;
}

function canonical(state: TrackingState): string {
  return JSON.stringify(
    Object.entries(state)
      .map(([id, times]) => (times.requester ? `${id} managed` : `${id} ${words(times)}`))
      .toSorted(),
  );
}

function words({ tcp, udpStream, udp }: IdleTimes): string {
  return `${tcp ?? 'default'}, ${udpStream}, ${udp} s`;
}
