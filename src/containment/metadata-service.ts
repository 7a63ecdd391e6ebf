import type { MetadataOptions } from '../aws/ec2-readings.ts';
import { defineAction } from './action.ts';
import { tryAll } from './parts.ts';

type MetadataState = {
  /** enabled or disabled. */
  endpoint: string;
  /** required or optional. */
  tokens: string;
  hopLimit: number;
  /** A running instance has not taken them yet, whatever they say. Absent: it has. */
  pending?: true;
};

/** Nothing behind the host, and nothing that is only tricked into asking, gets an answer. */
const GUARDED = { tokens: 'required', hopLimit: 1 };
const OFF = { endpoint: 'disabled', ...GUARDED };

/** The instance hands out no credentials any more, to whoever is on it. */
export const metadataService = defineAction<MetadataState>({
  name: 'metadata-service',
  title: 'Switch the metadata service off',
  reversible: true,
  // The agent that collects from the host gets its own credentials there.
  when: 'after-collection',
  permissions: ['ec2:DescribeInstances', 'ec2:ModifyInstanceMetadataOptions'],

  async read(aws, { target }) {
    const instance = await aws.ec2.instance(target.instanceId);
    if (instance === null) throw new Error('AWS knows no such instance');
    if (instance.metadata === null) throw new Error('AWS shows no options of the metadata service');
    const { pending, ...options } = instance.metadata;
    // A stopped instance takes them when it starts, and asks for nothing until then.
    return pending && instance.state === 'running' ? { ...options, pending } : options;
  },

  // Off already: AWS takes no other option then, and none matters.
  desired: (reading) => (reading.endpoint === 'disabled' ? settled(reading) : OFF),

  meanwhile: (reading) =>
    reading.endpoint === 'disabled' ? settled(reading) : { endpoint: reading.endpoint, ...GUARDED },

  async write(aws, { target }, from, to) {
    const guards: Partial<MetadataOptions> = {
      ...(from.tokens === to.tokens ? {} : { tokens: to.tokens }),
      ...(from.hopLimit === to.hopLimit ? {} : { hopLimit: to.hopLimit }),
    };
    const set = (name: string, options: Partial<MetadataOptions>) => ({
      name,
      run: () => aws.ec2.setMetadataOptions(target.instanceId, options),
    });
    const guarding = Object.keys(guards).length > 0 ? [set('tokens and hop limit', guards)] : [];
    const switching = from.endpoint === to.endpoint ? [] : [set('endpoint', { endpoint: to.endpoint })];
    // AWS takes tokens and hop limit while the endpoint is enabled only.
    const parts = to.endpoint === 'enabled' ? [...switching, ...guarding] : [...guarding, ...switching];
    await tryAll(parts, 'one by one');
  },

  keep: (stored, reading) => stored ?? settled(reading),

  restore(from, reading, { contained }) {
    const present = settled(reading);
    if (from === null) {
      const isOurs = contained !== null && sameOptions(present, contained);
      return { to: present, left: [], lost: isOurs ? ['the options before are not known'] : [] };
    }
    const ours = contained ?? OFF;
    const left: string[] = [];
    const back = <Value>(what: string, now: Value, before: Value, our: Value): Value => {
      if (now === before || now === our) return before;
      left.push(`${what} of the metadata service is left at ${String(now)}: somebody has changed it since`);
      return now;
    };
    const to = {
      endpoint: back('the endpoint', present.endpoint, from.endpoint, ours.endpoint),
      tokens: back('the token setting', present.tokens, from.tokens, ours.tokens),
      hopLimit: back('the hop limit', present.hopLimit, from.hopLimit, ours.hopLimit),
    };
    return { to, left, lost: [] };
  },

  same: (a, b) => sameOptions(a, b) && a.pending === b.pending,

  idle: (reading) =>
    reading.endpoint === 'disabled' && !reading.pending ? 'the metadata service was off already' : null,

  describe: (from, to) => `metadata service: ${from ? words(from) : 'not known'} → ${words(to)}`,
});

function settled({ endpoint, tokens, hopLimit }: MetadataState): MetadataState {
  return { endpoint, tokens, hopLimit };
}

function sameOptions(a: MetadataState, b: MetadataState): boolean {
  return a.endpoint === b.endpoint && a.tokens === b.tokens && a.hopLimit === b.hopLimit;
}

function words({ endpoint, tokens, hopLimit, pending }: MetadataState): string {
  return `${endpoint}, tokens ${tokens}, hop limit ${hopLimit}${pending ? ' (not taken by the instance yet)' : ''}`;
}
