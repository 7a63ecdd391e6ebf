/**
 * What a running system shows of itself, taken through Systems Manager before it is cut off. The only evidence for which
 * something runs on the host, so it is for hosts that are to be quarantined; it stands outside the registry of collectors
 * because its place is between the preparation and the changes.
 */
import { createHash } from 'node:crypto';
import { constants, gunzipSync } from 'node:zlib';
import type { Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { Budgets } from '../runbook/budgets.ts';
import { jsonObject, type Collected, type CollectorContext, type Taken } from './collector.ts';
import { bringPieces, runOrder, sendOrder, type Channel, type CommandRecord } from './os/channel.ts';
import { isCollectionDocument } from './os/document.ts';
import { answerOf, type Answer, type Platform } from './os/orders.ts';
import { leaveProfile, takeOver, type TakenOver } from './os/profile.ts';

export const osTriage = {
  name: 'os-triage',
  title: 'Triage of the running system',
  permissions: [
    'ssm:DescribeInstanceInformation',
    'ssm:SendCommand',
    'ssm:GetCommandInvocation',
    'ssm:CancelCommand',
    'ssm:GetDocument',
    'ec2:DescribeIamInstanceProfileAssociations',
    'ec2:AssociateIamInstanceProfile',
    'ec2:ReplaceIamInstanceProfileAssociation',
    'ec2:DisassociateIamInstanceProfile',
    'iam:PassRole',
  ],
} as const;

export interface TriageRequest extends CollectorContext {
  platform: Platform;
  agentVersion: string;
  /** 32 random hexadecimal digits. */
  token: string;
  budgets: Budgets;
  /** From the first command on. */
  budgetSeconds: number;
  /** Whether the host can reach the drop box. */
  upload: boolean;
  /** Milliseconds since 1970; nothing that isolation waits for goes on after it. */
  until: number;
  now: () => number;
  /** Called once isolation need not wait any longer. */
  onDone: () => void;
}

/** A host may say what it likes, of any size; more than this is not taken over. */
const LIMIT_BYTES = 40 * 1024 * 1024;
/** Part of the budget that the host gets for taking; the rest is for bringing it back. */
const TAKING = 0.6;
const TIDY_MS = 5_000;

/** What is known of the collection at any moment: it may be cut short at any moment. */
interface Progress {
  commands: CommandRecord[];
  pieces: Uint8Array[];
  answer?: Answer;
  uploaded?: Uint8Array;
  profile?: TakenOver;
  document?: { name: string; version: string };
  problems: string[];
}

export async function triage(aws: Aws, request: TriageRequest): Promise<Collected> {
  const progress: Progress = { commands: [], pieces: [], problems: [] };
  const left = (): number => Math.max(1, request.until - request.now());
  const outcome = await attempt(left(), 'the collection from the host', () => collectInTime(aws, request, progress));
  if (!outcome.ok) progress.problems.push(outcome.error);
  const { profile } = progress;
  if (profile?.associated !== undefined) {
    const { associated } = profile;
    const gone = await attempt(request.budgets.profileMs, 'taking the collection profile off', () =>
      leaveProfile(aws, associated),
    );
    // The action that takes profiles away looks again, and finds it.
    if (!gone.ok) progress.problems.push(`the collection profile could not be taken off: ${gone.error}`);
  }
  request.onDone();
  if (!outcome.ok) await tidyUp(aws, request, progress);
  return collected(request, progress);
}

async function collectInTime(aws: Aws, request: TriageRequest, progress: Progress): Promise<void> {
  const { budgets, platform, token } = request;
  const [swap, document] = await Promise.all([
    attempt(budgets.profileMs, 'putting the collection profile in place', () =>
      takeOver(aws, request.target.instanceId),
    ),
    attempt(budgets.profileMs, 'reading the document', () => ownDocument(aws)),
  ]);
  if (swap.ok && swap.value) progress.profile = swap.value;
  if (!swap.ok) progress.problems.push(`the collection profile could not be put in place: ${swap.error}`);
  if (!document.ok) throw new Error(document.error);
  if (document.value) progress.document = document.value;

  const channel = channelTo(aws, request, progress);
  const signed = await attempt(budgets.profileMs, 'signing the link for the upload', () => uploadLink(aws, request));
  if (!signed.ok) progress.problems.push(`there is no link for an upload: ${signed.error}`);
  const link = signed.ok ? signed.value : null;
  const start = request.now();
  const milliseconds = Math.max(1, Math.min(request.budgetSeconds * 1000, request.until - start));
  const inTime = await attempt(milliseconds, 'the collection from the host', async () => {
    const limit = Math.max(1, Math.ceil(milliseconds / 1000));
    const stdout = await runOrder(channel, {
      do: 'collect',
      token,
      seconds: Math.max(1, Math.floor((milliseconds / 1000) * TAKING)),
      limit,
      ...(link ? { url: link.url } : {}),
    });
    const answer = answerOf(stdout);
    if (!answer) throw new Error(`the ${platform} host answered something else than the collection's result`);
    progress.answer = answer;
    if (answer.upload === 'done' && link && aws.dropBox) {
      progress.uploaded = await aws.dropBox.take(link.key, LIMIT_BYTES);
      return;
    }
    progress.pieces[0] = answer.first;
    await bringPieces(channel, token, answer, progress.pieces);
  });
  if (!inTime.ok) throw new Error(inTime.error);
}

function channelTo(aws: Aws, request: TriageRequest, progress: Progress): Channel {
  return {
    ssm: aws.ssm,
    instanceId: request.target.instanceId,
    incidentId: request.incidentId,
    platform: request.platform,
    ...(progress.document ? { document: progress.document } : {}),
    deliveryMs: request.budgets.deliveryMs,
    pollMs: request.budgets.commandPollMs,
    now: request.now,
    commands: progress.commands,
  };
}

/** @throws Error where the stack's document is not the one of this version: what it would run is not known. */
async function ownDocument(aws: Aws): Promise<{ name: string; version: string } | null> {
  const name = aws.collection.document;
  if (name === undefined) return null;
  const { content, version } = await aws.ssm.document(name);
  if (!isCollectionDocument(content))
    throw new Error(`the document ${name} (version ${version}) is not the one of this version of secresponse`);
  return { name, version };
}

/** The link is in the command's history for ever: it is good for one object, once, and not for long. */
async function uploadLink(aws: Aws, { target, incidentId, token, budgetSeconds, upload }: TriageRequest) {
  if (!aws.dropBox || !upload) return null;
  const key = `${target.account}/${target.region}/${target.instanceId}/${incidentId}/${token}`;
  return { key, url: await aws.dropBox.uploadLink(key, budgetSeconds + 60) };
}

/** Best effort, beside isolation: what still runs is to end, what lies on the host to go. */
async function tidyUp(aws: Aws, request: TriageRequest, progress: Progress): Promise<void> {
  const channel = channelTo(aws, request, progress);
  await attempt(TIDY_MS, 'ending the commands', async () => {
    const running = progress.commands.filter(({ status }) => /^(Pending|Delayed|InProgress)$/.test(status));
    await Promise.allSettled(running.map(({ commandId }) => aws.ssm.cancel(channel.instanceId, commandId)));
    if (progress.commands.length > 0) await sendOrder(channel, { do: 'remove', token: request.token, limit: 30 });
  });
}

function collected(request: TriageRequest, progress: Progress): Collected {
  const { answer, problems } = progress;
  const brought = progress.uploaded ?? Buffer.concat(upToGap(progress.pieces));
  const sha256 = createHash('sha256').update(brought).digest('hex');
  const whole = answer !== undefined && (answer.bytes === null || answer.bytes === brought.length);
  if (answer && !whole) problems.push(`${brought.length} of ${answer.bytes} bytes arrived`);
  if (whole && brought.length === 0) problems.push('the host says that it has nothing');
  if (answer?.sha256 && whole && answer.sha256 !== sha256)
    problems.push('what arrived has another SHA-256 than the host said');
  const text = answer?.format === 'gz' ? unpacked(brought) : { body: brought, cut: false };
  if (answer?.bytes === null && text?.cut)
    problems.push('the host has no place for a file: one answer was all it could give');

  const taken: Taken[] = [];
  if (brought.length > 0 && answer?.format === 'gz')
    taken.push({ name: 'os-triage.txt.gz', body: brought, contentType: 'application/gzip' });
  if (brought.length > 0 && text) taken.push({ name: 'os-triage.txt', body: text.body, contentType: 'text/plain' });
  taken.push(
    jsonObject('os-triage.json', {
      platform: request.platform,
      agentVersion: request.agentVersion,
      document: progress.document ?? null,
      profile: progress.profile ?? null,
      commands: progress.commands,
      upload: answer?.upload ?? null,
      bytes: brought.length,
      sha256,
      saidByHost: answer ? { bytes: answer.bytes, sha256: answer.sha256, pieces: answer.pieces } : null,
      problems,
    }),
  );
  return { taken, missing: problems };
}

function upToGap(pieces: (Uint8Array | undefined)[]): Uint8Array[] {
  const gap = Array.from(pieces).indexOf(undefined);
  return pieces.slice(0, gap < 0 ? pieces.length : gap) as Uint8Array[];
}

/** The text of what may have been cut off; null where it is no such thing, or would be too much. */
function unpacked(bytes: Uint8Array): { body: Uint8Array; cut: boolean } | null {
  try {
    return { body: gunzipSync(bytes, { maxOutputLength: LIMIT_BYTES }), cut: false };
  } catch {
    try {
      const body = gunzipSync(bytes, { maxOutputLength: LIMIT_BYTES, finishFlush: constants.Z_SYNC_FLUSH });
      return { body, cut: true };
    } catch {
      return null;
    }
  }
}
