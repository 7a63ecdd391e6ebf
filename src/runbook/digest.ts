/**
 * Findings that are only to be told come together, in one message an hour: the first one opens the digest, waits, and sends
 * it; the others leave their entry in it. A wait costs a durable execution nothing.
 */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt } from '../aws/deadline.ts';
import { digestEntry, digestMessage, type DigestEntry } from '../notify/digest.ts';
import { send } from './close.ts';
import type { NotificationResult } from './incident.ts';
import type { IncidentContext } from './runbook.ts';

/** How long a digest is open after its time before another run takes over what its opener left. */
const GRACE_MS = 600_000;

/** Tells the finding in the digest. `note`: what became of it, where that is not nothing. @returns what became of it; `failed` only where nobody will be told. */
export async function tellInDigest(
  ctx: DurableContext,
  incident: IncidentContext,
  note?: string,
): Promise<NotificationResult> {
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
    ...(note === undefined ? {} : { note }),
    ...(finding.consoleUrl === undefined ? {} : { consoleUrl: finding.consoleUrl }),
  });
  // A person who runs it here waits for no digest.
  if (deps.local) return sendDigest(ctx, incident, [entry]);

  const waitMs = deps.budgets.digestSeconds * 1000;
  const joined = await ctx.step('digest', () =>
    attempt(deps.budgets.claimMs, 'the digest', () =>
      aws.digests.join({
        account: target.account,
        holder: holderOf(incident),
        entry,
        now: deps.now(),
        waitMs,
        graceMs: GRACE_MS,
      }),
    ),
  );
  // Nobody else can be relied on to tell it then.
  if (!joined.ok) return sendDigest(ctx, incident, [entry]);
  if (joined.value.role === 'guest') {
    return { status: 'skipped', reason: `it is told in the digest of ${new Date(joined.value.until).toISOString()}` };
  }
  await ctx.wait('the hour of the digest', { seconds: deps.budgets.digestSeconds });
  const taken = await ctx.step('digest-take', () =>
    attempt(deps.budgets.closeMs, 'the digest', () => aws.digests.take(target.account, holderOf(incident))),
  );
  const { entries, omitted } = taken.ok ? taken.value : { entries: [], omitted: 0 };
  return sendDigest(ctx, incident, entries.length > 0 ? entries : [entry], omitted);
}

function sendDigest(
  ctx: DurableContext,
  incident: IncidentContext,
  entries: readonly DigestEntry[],
  omitted = 0,
): Promise<NotificationResult> {
  const { target, deps } = incident;
  return send(ctx, incident, digestMessage(entries, deps.modeCeiling ?? deps.policy(target.account).mode, omitted));
}

/** One execution may tell of several instances: each has an entry, and one of them the digest. */
function holderOf({ deps, target }: IncidentContext): string {
  return `${deps.executionArn}#${target.instanceId}`;
}
