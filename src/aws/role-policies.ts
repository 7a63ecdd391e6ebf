/** IAM: the inline policy that denies sessions. The only place that writes it, for the function and for a person's command. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteRolePolicyCommand, GetRolePolicyCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  denialOf,
  parseDenials,
  POLICY_NAME,
  renderDenials,
  withDenial,
  type Denial,
  type Denials,
} from '../containment/session-policy.ts';
import { clientConfig, errorName, underDeadline, type ClientSettings } from './client.ts';
import { deadlineSignal } from './deadline.ts';

export interface RolePolicies {
  /** @throws where somebody has altered the policy so that it is not understood. */
  denial(roleName: string, instanceArn: string): Promise<Denial | 'partly'>;
  /**
   * Sets the entry of one instance and leaves those of others; the policy goes with its last entry.
   * @returns what a later reading shows.
   * @throws where that is not what was asked for.
   */
  setDenial(roleName: string, instanceArn: string, deny: Denial): Promise<Denial>;
}

/** Writings of one entry that others have overwritten, before it is given up. */
const ROUNDS = 12;
/** Around this long others get to overwrite an entry before it is believed. */
const SETTLE_MS = 600;
/** What no further try can change. */
const FINAL =
  /^(AccessDenied|NoSuchEntity|LimitExceeded|MalformedPolicy|UnmodifiableEntity|InvalidInput|ValidationError)/;

export function rolePolicies(settings: ClientSettings, settleMs = SETTLE_MS): RolePolicies {
  const client = new IAMClient(clientConfig(settings));
  // The SDK's own second try would write what was read long ago.
  const once = new IAMClient(clientConfig(settings, 1));

  async function denials(roleName: string): Promise<Denials> {
    const document = await policyDocument(roleName);
    try {
      return document === null ? { arns: {}, ids: {} } : parseDenials(document);
    } catch (error) {
      const what = `${POLICY_NAME} of role ${roleName} was altered and cannot be read (${(error as Error).message})`;
      throw new Error(`the policy ${what}: it is left as it is until a person puts it in order or deletes it`, {
        cause: error,
      });
    }
  }

  async function policyDocument(roleName: string): Promise<string | null> {
    try {
      const asked = { RoleName: roleName, PolicyName: POLICY_NAME };
      const { PolicyDocument = '' } = await client.send(new GetRolePolicyCommand(asked), underDeadline());
      return decodeURIComponent(PolicyDocument);
    } catch (error) {
      if (/^NoSuchEntity/.test(errorName(error))) return null;
      throw error;
    }
  }

  /** Writes the whole policy; one that is gone already needs no deleting. */
  async function write(roleName: string, denied: Denials): Promise<void> {
    const asked = { RoleName: roleName, PolicyName: POLICY_NAME };
    const PolicyDocument = renderDenials(denied);
    if (PolicyDocument !== null) {
      await once.send(new PutRolePolicyCommand({ ...asked, PolicyDocument }), underDeadline());
      return;
    }
    await once.send(new DeleteRolePolicyCommand(asked), underDeadline()).catch((error: unknown) => {
      if (!/^NoSuchEntity/.test(errorName(error))) throw error;
    });
  }

  return {
    async denial(roleName, instanceArn) {
      return denialOf(await denials(roleName), instanceArn);
    },

    async setDenial(roleName, instanceArn, deny) {
      let failure = new Error(`other writers of the policy of role ${roleName} have overwritten it every time`);
      for (let round = 0; round <= ROUNDS; round += 1) {
        const startedAt = performance.now();
        const there = await denials(roleName);
        if (denialOf(there, instanceArn) === deny) return deny;
        if (round === ROUNDS) break;
        try {
          await write(roleName, withDenial(there, instanceArn, deny));
        } catch (error) {
          deadlineSignal()?.throwIfAborted();
          if (/^LimitExceeded/.test(errorName(error))) throw roleIsFull(roleName, instanceArn, error);
          if (FINAL.test(errorName(error))) throw error;
          // Throttled, or the answer was lost: what became of it shows in the next reading.
          failure = error as Error;
        }
        // IAM has no conditional write: one who read before this write may replace it with what they read. Their writing
        // is waited for, at different lengths so that two do not meet again, and then the policy is read again.
        const writing = performance.now() - startedAt;
        await sleep(Math.max(settleMs / 2, 2 * writing) + Math.random() * settleMs, undefined, signalOption());
      }
      throw new Error(`the entry of ${instanceArn} could not be written: ${failure.message}`, { cause: failure });
    },
  };
}

function roleIsFull(roleName: string, instanceArn: string, cause: unknown): Error {
  return new Error(
    `role ${roleName} is full: its inline policies may have 10,240 characters in all, and the entry of ${instanceArn} does not fit any more`,
    { cause },
  );
}

function signalOption(): { signal?: AbortSignal } {
  const signal = deadlineSignal();
  return signal ? { signal } : {};
}
