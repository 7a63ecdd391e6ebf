/**
 * Findings that are only to be told come together, in one message an hour: the first one opens the digest, waits, and sends
 * it; the others leave their entry in it. A wait costs a durable execution nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt, type Attempt } from '../aws/deadline.ts';
import { digestEntry, digestMessage, type DigestEntry } from '../notify/digest.ts';
import type { NotificationResult } from './incident.ts';
import type { IncidentContext } from './runbook.ts';

/** How long a digest is open after its time before another run takes over what its opener left. */
const GRACE_MS = 600_000;

/** Tells the finding in the digest. @returns what became of it; `failed` only where nobody will be told. */
export async function tellInDigest(ctx: DurableContext, incident: IncidentContext): Promise<NotificationResult> {
  const { aws, target, finding, deps } = incident;
  const entry: DigestEntry = digestEntry({
    findingId: finding.id,
    type: finding.type,
    severity: finding.severity.label,
    title: finding.title,
    account: target.account,
    region: target.region,
    instanceId: target.instanceId,
    at: finding.updatedAt ?? new Date(deps.startedAt).toISOString(),
    ...(finding.consoleUrl === undefined ? {} : { consoleUrl: finding.consoleUrl }),
  });
  // A person who runs it here waits for no digest.
  if (deps.local) return send(ctx, incident, [entry]);

  const waitMs = deps.budgets.digestSeconds * 1000;
  const joined = await ctx.step('digest', () =>
    attempt(deps.budgets.claimMs, 'the digest', () =>
      aws.digests.join({
        account: target.account,
        holder: deps.executionArn,
        entry,
        now: deps.now(),
        waitMs,
        graceMs: GRACE_MS,
      }),
    ),
  );
  // Nobody else can be relied on to tell it then.
  if (!joined.ok) return send(ctx, incident, [entry]);
  if (joined.value.role === 'guest') {
    return { status: 'skipped', reason: `it is told in the digest of ${new Date(joined.value.until).toISOString()}` };
  }
  await ctx.wait('the hour of the digest', { seconds: deps.budgets.digestSeconds });
  const taken = await ctx.step('digest-take', () =>
    attempt(deps.budgets.closeMs, 'the digest', () => aws.digests.take(target.account, deps.executionArn)),
  );
  const entries = taken.ok ? taken.value : [];
  return send(ctx, incident, entries.length > 0 ? entries : [entry]);
}

async function send(
  ctx: DurableContext,
  { aws, target, deps }: IncidentContext,
  entries: readonly DigestEntry[],
): Promise<NotificationResult> {
  const message = digestMessage(entries, deps.modeCeiling ?? deps.policy(target.account).mode);
  const sent = await ctx.step('notify', async (): Promise<Attempt<string>> => {
    let last: Attempt<string> = { ok: false, error: 'not tried', code: '' };
    for (let count = 1; count <= deps.budgets.notifyAttempts; count += 1) {
      if (count > 1) await sleep(deps.budgets.verifyPauseMs * count);
      last = await attempt(deps.budgets.closeMs, 'the notification', () =>
        aws.topic.publish(message.subject, message.message, message.attributes),
      );
      if (last.ok) break;
    }
    return last;
  });
  return sent.ok ? { status: 'done', messageId: sent.value } : { status: 'failed', reason: sent.error };
}
