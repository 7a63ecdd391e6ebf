/** `release`: undoes an incident's recorded changes from this machine, with the caller's credentials. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { caller, connect, type Caller } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import { FindingError, type Target } from '../finding/finding.ts';
import { parseReleaseRequest } from '../finding/release-request.ts';
import { createReleaser } from '../handlers/release.ts';
import type { Settings } from '../handlers/settings.ts';
import type { Budgets } from '../runbook/budgets.ts';
import { settingsOf } from './settings.ts';
import { execute, type DurableHandler } from '../runbook/engine.ts';
import { releaseExitCode, type ReleaseResult } from '../runbook/release-result.ts';
import type { Refused } from '../runbook/release.ts';
import { UsageError, type Command, type Io } from './command.ts';
import { interrupted, openExecution } from './executions.ts';
import { progressView } from './progress.ts';
import { releaseSummary } from './release-summary.ts';
import { commandTelemetry } from './telemetry.ts';

export const release: Command = {
  name: 'release',
  summary: "Undoes an incident's recorded changes: security groups, instance profile, termination protection.",
  usage: '(--instance i-… | --incident ID) --reason TEXT [--dry-run] [--json]',
  async run(args, io) {
    const options = readOptions(args);
    const { settings, budgets } = settingsOf(io.env);
    const { account, arn } = await callerOf(settings, budgets);
    const region = settings.places.homeRegion;
    const request = {
      ...(options.instance === undefined ? { incident_id: options.incident } : { instance_id: options.instance }),
      reason: options.reason,
      ...(arn === null ? {} : { by: arn }),
      dryRun: options.dryRun,
    };
    const { which } = parseReleaseRequest(request, { account, region });
    const target = 'target' in which ? which.target : await targetOf(which.incidentId, { account, settings, budgets });
    const result = await runHere(request, target, { settings, budgets, account, io, json: options.json });
    io.out(options.json ? `${JSON.stringify({ release: result }, null, 2)}\n` : releaseSummary(result));
    return releaseExitCode(result);
  },
};

interface Options {
  instance?: string;
  incident?: string;
  reason: string;
  dryRun: boolean;
  json: boolean;
}

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      instance: { type: 'string' },
      incident: { type: 'string' },
      reason: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const { 'dry-run': dryRun, reason, ...rest } = values;
  if ((rest.instance === undefined) === (rest.incident === undefined))
    throw new UsageError('give one of --instance i-… and --incident ID');
  if (!reason?.trim()) throw new UsageError('give --reason TEXT: it goes into the record and the notification');
  return { ...rest, reason, dryRun };
}

async function callerOf({ places }: Settings, budgets: Budgets): Promise<Caller> {
  const answer = await attempt(budgets.readMs, 'sts:GetCallerIdentity', () =>
    caller({ region: places.homeRegion, budgets }),
  );
  if (!answer.ok) throw new UsageError(`the account of the AWS credentials could not be read: ${answer.error}`);
  return answer.value;
}

/** Where the state of the run lies goes by the instance, which only the ledger knows. */
async function targetOf(
  incidentId: string,
  { account, settings, budgets }: { account: string; settings: Settings; budgets: Budgets },
): Promise<Target> {
  const { ledger } = connect({ account, region: settings.places.homeRegion }, settings.places, budgets);
  const answer = await attempt(budgets.readMs, 'the ledger', () => ledger.incidentTarget(incidentId));
  if (!answer.ok) throw new UsageError(`the incident could not be read from the ledger: ${answer.error}`);
  if (!answer.value) throw new UsageError(`the ledger knows no incident ${incidentId}, or not its instance`);
  return answer.value;
}

interface Run {
  settings: Settings;
  budgets: Budgets;
  account: string;
  io: Io;
  json: boolean;
}

async function runHere(request: object, target: Target, run: Run): Promise<ReleaseResult> {
  const { settings, budgets, account, io } = run;
  const root = join(io.cwd, '.secresponse');
  const response = interrupted(root, target);
  if (response !== null)
    throw new UsageError(
      `a response to ${target.instanceId} was interrupted (${response}): complete it first with \`npx secresponse respond --instance ${target.instanceId}\`, or remove the file`,
    );
  const handler = createReleaser({
    budgets,
    env: io.env,
    telemetry: commandTelemetry(io),
  }) as unknown as DurableHandler;
  const view = progressView((text) => io.err(text), process.stderr.isTTY && !run.json);
  try {
    for (;;) {
      const execution = openExecution(root, target, request, 'release');
      if (execution.resumed) io.err(`Going on with what was interrupted (${execution.file}).\n`);
      const answer = (await execute(handler, request, {
        store: execution.store,
        name: execution.name,
        account,
        region: settings.places.homeRegion,
        onProgress: (progress) => view.show(progress),
      })) as { release: ReleaseResult } | Refused;
      execution.remove();
      // An interrupted release that is complete now leaves nothing to do for this one.
      const complete = 'release' in answer && answer.release.status === 'released';
      if (!execution.ours && !complete) {
        io.err('The interrupted run has ended; now to this request.\n');
        continue;
      }
      if ('refused' in answer) throw new UsageError(answer.refused);
      return answer.release;
    }
  } catch (error) {
    if (error instanceof UsageError || error instanceof FindingError) throw error;
    throw new Error(`the release ended early: ${(error as Error).message}`, { cause: error });
  } finally {
    view.end();
  }
}
