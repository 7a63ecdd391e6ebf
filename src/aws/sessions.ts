/** Credentials that an instance's role has given out: for which instances the role denies them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GetInstanceProfileCommand, IAMClient } from '@aws-sdk/client-iam';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Denial } from '../containment/session-policy.ts';
import { clientConfig, errorName, underDeadline, type ClientSettings } from './client.ts';
import { deadlineSignal } from './deadline.ts';
import { rolePolicies } from './role-policies.ts';

/** Who writes the denial: the one function that may, the caller with permissions of its own, or nobody. */
export type SessionWriter = { kind: 'function'; name: string } | { kind: 'direct' } | { kind: 'off' };

export type Sessions = ReturnType<typeof sessionsGateway>;

/** `home`: the region of the function. IAM is the same in every region, but not in every partition. */
export function sessionsGateway(writer: SessionWriter, target: ClientSettings, home: ClientSettings) {
  const iam = new IAMClient(clientConfig(target));
  const policies = rolePolicies(target);
  const deny = writer.kind === 'function' ? denierFunction(writer.name, home) : null;

  return {
    mode: writer.kind,

    /** Null where the profile holds no role, or is not there any more. A profile need not be named as its role. */
    async roleOfProfile(profileArn: string): Promise<string | null> {
      const InstanceProfileName = profileArn.slice(profileArn.lastIndexOf('/') + 1);
      try {
        const answer = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName }), underDeadline());
        return answer.InstanceProfile?.Roles?.[0]?.RoleName ?? null;
      } catch (error) {
        if (/^NoSuchEntity/.test(errorName(error))) return null;
        throw error;
      }
    },

    /** `partly`: somebody has altered the entry. @throws where the whole policy was altered beyond understanding. */
    read: (roleName: string, instanceArn: string): Promise<Denial | 'partly'> => policies.denial(roleName, instanceArn),

    /** Idempotent; it has been read back when this returns. */
    async write(roleName: string, instanceArn: string, denial: Denial): Promise<void> {
      if (writer.kind === 'off') throw new Error('session denial is switched off (parameter sessionDenial)');
      if (deny) await deny(roleName, instanceArn, denial);
      else await policies.setDenial(roleName, instanceArn, denial);
    },
  };
}

/** The function works on one request at a time, so that it may be busy for a while. */
const BUSY_TRIES = 40;
const BUSY_PAUSE_MS = 500;

function denierFunction(name: string, settings: ClientSettings) {
  // It reads back what it wrote before it answers, which takes longer than one call of AWS.
  const { callTimeoutMs, ...budgets } = settings.budgets;
  const client = new LambdaClient(
    clientConfig({ ...settings, budgets: { ...budgets, callTimeoutMs: 4 * callTimeoutMs } }),
  );

  async function invoke(payload: object): Promise<unknown> {
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await client.send(
          new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(payload)) }),
          underDeadline(),
        );
        const said = JSON.parse(Buffer.from(answer.Payload ?? []).toString() || 'null') as unknown;
        if (answer.FunctionError === undefined) return said;
        const { errorMessage = answer.FunctionError } = (said ?? {}) as { errorMessage?: string };
        throw new Error(`${name}: ${errorMessage}`);
      } catch (error) {
        if (errorName(error) !== 'TooManyRequestsException' || tries >= BUSY_TRIES) throw error;
      }
      const signal = deadlineSignal();
      await sleep(BUSY_PAUSE_MS * (0.5 + Math.random()), undefined, signal ? { signal } : {});
    }
  }

  return async (roleName: string, instanceArn: string, deny: Denial): Promise<void> => {
    const said = (await invoke({ roleName, instanceArn, deny })) as { deny?: unknown } | null;
    if (said?.deny !== deny) throw new Error(`${name} has read back ${JSON.stringify(said?.deny)}, not ${deny}`);
  };
}
