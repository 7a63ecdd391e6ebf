/** The end of a run: seal the evidence, write the report, tell people. Nothing here can undo or block anything. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt, errorLine, type Attempt } from '../aws/deadline.ts';
import { manifest, numbered, type Manifest } from '../evidence/manifest.ts';
import { notificationFor, type Notification } from '../notify/message.ts';
import { reportHtml } from '../notify/report.ts';
import type { IncidentResult, NotificationResult } from './incident.ts';
import { releaseHint } from './release-hint.ts';
import type { IncidentContext, RunbookDeps } from './runbook.ts';

/** Where a seal is put, and by which clock and limits. */
export type SealPlace = Pick<IncidentContext, 'aws' | 'prefix'> & { deps: Pick<RunbookDeps, 'budgets' | 'now'> };

/** What a seal is put on. */
export type Sealed = Pick<IncidentResult, 'incidentId' | 'evidence' | 'snapshots' | 'manifest' | 'failures'>;

/** The manifest over all evidence; `result.manifest` names it, or `result.failures` says why there is none. */
export async function seal(
  ctx: DurableContext,
  incident: SealPlace,
  result: Sealed,
  prior: Pick<IncidentResult, 'manifest'> | null,
): Promise<void> {
  if (result.evidence.length === 0) return;
  const { aws, deps, prefix } = incident;
  const outcome = await ctx.step('manifest', () =>
    attempt(deps.budgets.closeMs, 'the manifest', async () => {
      let previous = prior?.manifest;
      for (let number = previous ? sealNumber(previous.key) + 1 : 1; ; number += 1) {
        const document = manifest({
          incidentId: result.incidentId,
          sealedAt: new Date(deps.now()).toISOString(),
          evidence: result.evidence,
          snapshots: result.snapshots,
          ...(previous ? { previous } : {}),
        });
        const stored = await aws.vault.put(
          prefix + numbered('manifest.json', number),
          text(document),
          'application/json',
        );
        const seal = { key: stored.key, sha256: stored.sha256 };
        // A seal is written once. One that is there already was made by a try of this step that died, or by a run that did.
        if (!stored.earlier || (await sealsTheSame(incident, stored.key, document))) return seal;
        previous = seal;
      }
    }),
  );
  if (outcome.ok) result.manifest = outcome.value;
  else result.failures.push(`the manifest could not be stored: ${outcome.error}`);
}

/** Report into the vault, and the notification. */
export async function announce(ctx: DurableContext, incident: IncidentContext, result: IncidentResult): Promise<void> {
  const told = { ...result };
  const [report] = await Promise.all([
    result.decision.dryRun ? null : ctx.step('report', () => storeReport(incident, told)),
    publish(ctx, incident, result),
  ]);
  if (report && !report.ok) result.failures.push(`the report could not be stored: ${report.error}`);
}

/** Sends the notification; `result.notification` says what came of it. */
async function publish(ctx: DurableContext, incident: IncidentContext, result: IncidentResult): Promise<void> {
  const { aws, deps } = incident;
  const message = composed(incident, result);
  const keeping = ctx.step('notification-text', () =>
    attempt(deps.budgets.closeMs, 'the text of the notification', () =>
      aws.vault.put(
        incident.prefix + numbered('notification.txt', incident.run),
        `Subject: ${message.subject}\n\n${message.text}`,
        'text/plain; charset=utf-8',
      ),
    ),
  );
  const [outcome] = await Promise.all([send(ctx, incident, message), keeping]);
  result.notification = outcome;
}

/** SQS takes 256 KiB, and one character may take six bytes there. */
const LETTER_CHARACTERS = 40_000;

/** Publishes one message, trying more than once. What cannot be sent goes to the dead letters, which have an alarm. */
export async function send(
  ctx: DurableContext,
  { aws, deps }: SealPlace,
  message: Pick<Notification, 'subject' | 'message' | 'attributes'>,
): Promise<NotificationResult> {
  const outcome = await ctx.step('notify', async (): Promise<Attempt<string>> => {
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
  if (outcome.ok) return { status: 'done', messageId: outcome.value };
  const { deadLetters } = aws;
  if (!deadLetters) return { status: 'failed', reason: outcome.error };
  const kept = await ctx.step('dead-letter', () =>
    attempt(deps.budgets.closeMs, 'the dead letter', () =>
      deadLetters.put({
        undelivered: 'notification',
        topic: aws.topic.topicArn,
        reason: outcome.error,
        subject: message.subject,
        attributes: message.attributes,
        message: message.message.slice(0, LETTER_CHARACTERS),
      }),
    ),
  );
  const where = kept.ok
    ? 'the message is in the queue of dead letters'
    : `the queue of dead letters did not take it either: ${kept.error}`;
  return { status: 'failed', reason: `${outcome.error}; ${where}` };
}

export function noteContext(
  incident: IncidentContext,
  result: IncidentResult,
): { mode: string; releaseCommand: string } {
  const { deps, target } = incident;
  return {
    mode: deps.modeCeiling ?? deps.policy(target.account).mode,
    releaseCommand: releaseHint(result),
  };
}

/** A text that cannot be composed must not keep people from being told, nor end the execution before the ledger is closed. */
function composed(
  incident: IncidentContext,
  result: IncidentResult,
): Pick<Notification, 'subject' | 'text' | 'message' | 'attributes'> {
  try {
    return notificationFor(result, noteContext(incident, result));
  } catch (error) {
    result.failures.push(`the notification could not be composed: ${errorLine(error)}`);
    const { account, region, instanceId } = result.target;
    const subject = `[${result.status.toUpperCase()}] ${instanceId} in ${account}, ${region}`;
    const text = `${subject}\n\nIncident ${result.incidentId}. The full text could not be composed; the evidence is in s3://${result.vault}/${result.evidencePrefix}\n`;
    const attributes = { status: result.status, response: result.decision.response, account, region };
    return { subject, text, message: JSON.stringify({ default: text }), attributes };
  }
}

function storeReport(incident: IncidentContext, result: IncidentResult): Promise<Attempt<string>> {
  const { aws, deps, prefix, run } = incident;
  return attempt(deps.budgets.closeMs, 'the report', async () => {
    const picture = result.evidence
      .flatMap(({ artifacts }) => artifacts)
      .find(({ collector }) => collector === 'console-screenshot');
    const jpeg = picture ? await aws.vault.get(picture.key).catch(() => null) : null;
    const html = reportHtml(result, {
      ...noteContext(incident, result),
      ...(jpeg ? { screenshot: { jpegBase64: Buffer.from(jpeg).toString('base64') } } : {}),
    });
    return (await aws.vault.put(prefix + numbered('report.html', run), html, 'text/html; charset=utf-8')).key;
  });
}

async function sealsTheSame(incident: SealPlace, key: string, document: Manifest): Promise<boolean> {
  const there = JSON.parse(Buffer.from(await incident.aws.vault.get(key)).toString()) as Manifest;
  return JSON.stringify({ ...there, sealedAt: document.sealedAt }) === JSON.stringify(document);
}

function sealNumber(key: string): number {
  return Number(/manifest\.(\d+)\.json$/.exec(key)?.[1] ?? 1);
}

function text(document: unknown): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
