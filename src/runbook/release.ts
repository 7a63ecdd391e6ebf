/**
 * Release: claim → look → undo in reverse order → record and seal → close the incident → tell. A decision of a person, never
 * made by itself. Each undo stands alone: one that is refused is told, and the rest goes on. Steps never reject, always have
 * a time limit, and read again before they write: they may run twice, and somebody may have been there in between.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import type { Aws } from '../aws/connect.ts';
import { attempt, type Attempt } from '../aws/deadline.ts';
import type { ReleaseClaim } from '../aws/ledger-release.ts';
import type { Action, ActionContext } from '../containment/action.ts';
import { actions } from '../containment/index.ts';
import { jsonObject } from '../evidence/collector.ts';
import { evidencePrefix, numbered } from '../evidence/manifest.ts';
import type { Target } from '../finding/finding.ts';
import type { ReleaseRequest } from '../finding/release-request.ts';
import { BASE } from '../policy/policy.ts';
import { releaseMessage } from '../notify/release-message.ts';
import type { Budgets } from './budgets.ts';
import { seal, send, type Sealed } from './close.ts';
import type { Artifact, ChangeResult, EvidenceResult } from './incident.ts';
import { patience } from './patience.ts';
import { planned, undone, undoOf, type Recorded, type ReleaseReading, type Undo } from './release-plan.ts';
import type { ReleaseRecord, ReleaseResult } from './release-result.ts';

export interface ReleaseDeps {
  aws: (target: Pick<Target, 'account' | 'region'>) => Aws;
  budgets: Budgets;
  /** Account and Region that this runs in. */
  home: { account: string; region: string };
  /** Milliseconds since 1970. Called inside steps only. */
  now: () => number;
  /** Execution that runs this; holder of the claim. */
  executionArn: string;
  /** A person waits for the answer: an incident that is being worked on is refused at once, not waited for. */
  local: boolean;
}

/** Why nothing was begun: one line. */
export interface Refused {
  refused: string;
  /** The ledger could not be asked. */
  unread?: true;
}

interface Context {
  aws: Aws;
  open: Extract<ReleaseClaim, { kind: 'open' }>;
  deps: ReleaseDeps;
  prefix: string;
}

interface Look {
  /** Milliseconds since 1970. */
  at: number;
  name?: string;
  /** Why there is no instance any more; null where there is one, or nobody knows. */
  gone: string | null;
  undos: Undo[];
}

/** Undoes the recorded changes of one open incident. */
export async function release(
  ctx: DurableContext,
  request: ReleaseRequest,
  deps: ReleaseDeps,
): Promise<ReleaseResult | Refused> {
  const open = await claim(ctx, request, deps);
  if ('refused' in open) return open;
  const { incidentId, target, result: response, last } = open;
  const context: Context = { aws: deps.aws(target), open, deps, prefix: evidencePrefix(target, incidentId) };
  const seen = await ctx.step('look', () => look(context));
  const result: ReleaseResult = {
    incidentId,
    status: 'incomplete',
    target,
    ...(seen.name === undefined ? {} : { name: seen.name }),
    reason: request.reason,
    by: request.by,
    at: new Date(seen.at).toISOString(),
    changes: [],
    failures: [],
    notification: { status: 'skipped', reason: 'dry run' },
    evidencePrefix: context.prefix,
    vault: context.aws.vault.bucket,
    records: last?.records ?? [],
  };
  if (request.dryRun) return { ...result, status: 'dry-run', changes: seen.undos.map(planned) };

  // One after the other: what a later one needs, an earlier one may have to bring back first.
  for (const [index, action] of reversed().entries())
    result.changes.push(await ctx.step(action.name, () => undo(context, action, seen, index)));
  if (result.changes.every(({ status }) => status !== 'failed')) result.status = 'released';

  const kept = await keepRecord(ctx, context, result);
  const previous = last?.manifest ?? response?.manifest;
  const sealed: Sealed = {
    incidentId,
    evidence: [...(response?.evidence ?? []), { collector: 'release', artifacts: result.records, ...kept }],
    snapshots: response?.snapshots ?? [],
    failures: result.failures,
  };
  await seal(ctx, context, sealed, previous ? { manifest: previous } : null);
  if (sealed.manifest) result.manifest = sealed.manifest;

  await close(ctx, context, result);
  result.notification = await send(ctx, context, releaseMessage(result));
  return result;
}

async function claim(
  ctx: DurableContext,
  request: ReleaseRequest,
  deps: ReleaseDeps,
): Promise<Context['open'] | Refused> {
  const { budgets, home } = deps;
  const { ledger } = deps.aws(home);
  for (let looks = 1; ; looks += 1) {
    const answer = await ctx.step(looks === 1 ? 'claim' : `claim-${looks}`, () =>
      attempt(budgets.claimMs, 'the claim', () =>
        ledger.claimRelease({
          which: request.which,
          within: { account: home.account },
          holder: deps.executionArn,
          leaseMs: leaseOf(deps),
          now: deps.now(),
          dryRun: request.dryRun,
        }),
      ),
    );
    if (!answer.ok) return { refused: `the incident could not be read from the ledger: ${answer.error}`, unread: true };
    const claimed = answer.value;
    if (claimed.kind === 'none') return { refused: claimed.why };
    if (claimed.kind === 'open') return claimed;
    if (deps.local || looks >= budgets.releaseLooks) return { refused: heldReason(claimed) };
    await ctx.wait('a run works on the incident', { seconds: budgets.leasePollSeconds });
  }
}

function heldReason({ incidentId, until }: Extract<ReleaseClaim, { kind: 'held' }>): string {
  const when = until === undefined ? 'when it has ended' : `after ${new Date(until).toISOString()} at the latest`;
  return `a run works on incident ${incidentId} at this moment: try again ${when}`;
}

/** Reads everything, before anything is changed. */
async function look(context: Context): Promise<Look> {
  const { aws, open, deps } = context;
  const [instance, readings] = await Promise.all([
    attempt(deps.budgets.readMs, 'reading the instance', () => aws.ec2.instance(open.target.instanceId)),
    Promise.all(reversed().map((action) => read(context, action))),
  ]);
  const name = instance.ok ? instance.value?.tags['Name'] : undefined;
  const gone = instance.ok ? goneReason(instance.value?.state) : null;
  const undos = reversed().map((action, index) =>
    undoOf(
      action,
      contextOf(context),
      recorded(context, action),
      readings[index] ?? { ok: false, error: 'not read' },
      gone,
    ),
  );
  return { at: deps.now(), gone, undos, ...(name === undefined ? {} : { name }) };
}

/** Reads, writes where something is to be put back, and reads again until it shows or the attempts are used up. */
async function undo(context: Context, action: Action, seen: Look, index: number): Promise<ChangeResult> {
  const { aws, open, deps } = context;
  const { budgets } = deps;
  const at = new Date(deps.now()).toISOString();
  const readAgain = async (): Promise<Undo> =>
    undoOf(action, contextOf(context), recorded(context, action), await read(context, action), seen.gone);
  const intended = seen.undos[index] ?? (await readAgain());
  const lost = 'another run has taken the incident over';
  if (!(await stillOurs(context))) return undone(intended, { verified: false, done: false, at, error: lost });

  const patient = patience({ aws, target: open.target, deps });
  let now = await readAgain();
  // What a try of this step that died has written counts as done, too.
  let written = isToDo(intended) && now.skip !== undefined ? intended : undefined;
  let error: string | undefined;
  for (let tries = 1, first = true; now.skip === undefined && tries <= budgets.verifyAttempts; tries += 1) {
    if (!first) {
      await sleep(budgets.verifyPauseMs);
      // Patience may last as long as the claim does.
      if (!(await stillOurs(context))) {
        error = lost;
        break;
      }
    }
    first = false;
    if (isToDo(now)) {
      written ??= now;
      const { from, to } = now;
      const outcome = await attempt(budgets.writeMs, action.title, () =>
        action.write(aws, contextOf(context), from, to),
      );
      error = outcome.ok ? undefined : outcome.error;
      if (!outcome.ok && (await patient(outcome.code))) tries -= 1;
    }
    now = await readAgain();
  }
  const { from, to, description } = written ?? now;
  // What was to be said before the write, e.g. of what comes with it, does not show in the state after.
  const left = [...new Set([...(written?.left ?? []), ...now.left])];
  return undone(
    { ...now, from, to, description, left },
    { verified: now.skip !== undefined, done: written !== undefined, at, ...(error === undefined ? {} : { error }) },
  );
}

function isToDo({ skip, impossible }: Undo): boolean {
  return skip === undefined && impossible === undefined;
}

function leaseOf({ local, budgets }: ReleaseDeps): number {
  return local ? budgets.leaseMs : budgets.releaseLeaseMs;
}

/** A claim that cannot be renewed is kept; one that another run has taken is not. */
async function stillOurs({ aws, open, deps }: Context): Promise<boolean> {
  const { budgets } = deps;
  const renewed = await attempt(budgets.claimMs, 'the claim', () =>
    aws.ledger.renew(open.target, deps.executionArn, deps.now() + leaseOf(deps)),
  );
  return !renewed.ok || renewed.value;
}

function read(context: Context, action: Action): Promise<ReleaseReading> {
  const { aws, deps } = context;
  return attempt(deps.budgets.readMs, `reading ${action.name}`, async () => {
    const [state, found] = await Promise.all([
      action.read(aws, contextOf(context), recorded(context, action).from ?? null),
      action.find?.(aws, contextOf(context)) ?? null,
    ]);
    return { state, found };
  });
}

/** release.json: what was done, by whom and why. */
async function keepRecord(
  ctx: DurableContext,
  context: Context,
  result: ReleaseResult,
): Promise<Pick<EvidenceResult, 'status' | 'reason'>> {
  const { aws, open, deps, prefix } = context;
  const { incidentId, status, target, reason, by, at, changes } = result;
  const object = jsonObject('release.json', { version: 1, incidentId, status, target, reason, by, at, changes });
  const outcome = await ctx.step('record', async () => {
    // What follows takes as long as a change does, and its end says whether the claim was kept.
    const [stored] = await Promise.all([
      attempt(deps.budgets.closeMs, 'release.json', async (): Promise<Artifact> => {
        for (let number = releaseNumber(open); ; number += 1) {
          const put = await aws.vault.put(prefix + numbered(object.name, number), object.body, object.contentType);
          // Of a release that was killed and forgotten: its record stays.
          if (put.earlier) continue;
          const { key, sha256, bytes } = put;
          return { key, sha256, bytes, collector: 'release', takenAt: at };
        }
      }),
      stillOurs(context),
    ]);
    return stored;
  });
  if (outcome.ok) {
    result.records = [...result.records, outcome.value];
    return { status: 'done' };
  }
  const failure = `the record (release.json) could not be stored: ${outcome.error}`;
  result.failures.push(failure);
  return { status: 'failed', reason: failure };
}

async function close(ctx: DurableContext, { aws, open, deps }: Context, result: ReleaseResult): Promise<void> {
  const { notification: _notification, failures: _failures, name: _name, ...told } = result;
  const record: ReleaseRecord = { ...told, number: releaseNumber(open) };
  const { ended, written } = await ctx.step('close', async () => {
    const { closeMs } = deps.budgets;
    const end: Attempt<void> = await attempt(closeMs, 'the ledger', () =>
      aws.ledger.endRelease(deps.executionArn, record),
    );
    if (!end.ok) return { ended: end, written: end };
    const write = (): Promise<Attempt<void>> => attempt(closeMs, 'the ledger', () => aws.ledger.recordRelease(record));
    const first = await write();
    return { ended: end, written: first.ok ? first : await write() };
  });
  if (!ended.ok) {
    result.status = 'incomplete';
    result.failures.push(`the ledger does not know of the release, and the incident stays open: ${ended.error}`);
  } else if (!written.ok) {
    result.failures.push(
      `the incident's own entry in the ledger does not tell what was done${result.status === 'released' ? ', though it has ended; releasing it again writes that down' : ''}: ${written.error}`,
    );
  }
}

function recorded({ open }: Context, { name }: Action): Recorded {
  return { from: open.from[name], change: open.result?.changes.find(({ action }) => action === name) };
}

function contextOf({ open: { target, incidentId }, deps }: Context): ActionContext {
  return { target, incidentId, readMs: deps.budgets.readMs, containment: BASE.containment };
}

/** What came last is undone first. */
function reversed(): Action[] {
  return actions.filter(({ reversible }) => reversible).toReversed();
}

function releaseNumber({ last }: Context['open']): number {
  return (last?.number ?? 0) + 1;
}

function goneReason(state: string | undefined): string | null {
  if (state === undefined) return 'the instance does not exist any more';
  return state === 'terminated' || state === 'shutting-down' ? `the instance is ${state}` : null;
}
