/** The responder on this machine: its state in `.secresponse`, its claim kept alive, its progress shown. */
import { join } from 'node:path';
import type { Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { Finding, Target } from '../finding/finding.ts';
import { createResponder, type ResponderOptions, type ResponderResult } from '../handlers/responder.ts';
import type { Policies } from '../policy/policy.ts';
import type { Budgets } from '../runbook/budgets.ts';
import { execute, type DurableHandler } from '../runbook/engine.ts';
import type { Io } from './command.ts';
import { openExecution } from './executions.ts';
import { progressView } from './progress.ts';
import { commandTelemetry } from './telemetry.ts';

export interface Run {
  dryRun: boolean;
  /** Nothing but the result goes to standard output, and no progress is drawn. */
  json: boolean;
  /** `id`: names the answer. */
  approved?: NonNullable<ResponderOptions['approved']> & { id: string };
  budgets: Budgets;
  policies: Policies;
  account: string;
  region: string;
  io: Io;
  gateways: (target: Target) => Aws;
}

/** An interrupted run of the same instance is completed first. */
export async function runHere(finding: Finding, event: unknown, run: Run): Promise<ResponderResult> {
  const { budgets, io } = run;
  const handler = createResponder({
    policies: run.policies,
    budgets,
    env: io.env,
    dryRun: run.dryRun,
    // Nobody but the person is to hear of a dry run.
    ...(run.dryRun ? {} : { telemetry: commandTelemetry(io) }),
    ...(run.approved ? { approved: run.approved } : {}),
  }) as unknown as DurableHandler;
  const view = progressView((text) => io.err(text), process.stderr.isTTY && !run.json);
  const [first] = finding.targets;
  const where = first ?? { account: run.account, region: run.region, instanceId: 'none' };
  const lease = keepLease(finding, run);
  try {
    for (;;) {
      const execution = openExecution(
        join(io.cwd, '.secresponse'),
        where,
        event,
        // What was approved before is no part of this.
        run.dryRun ? 'dry-run' : run.approved ? join('approved', run.approved.id) : '',
      );
      if (execution.resumed) io.err(`Going on with what was interrupted (${execution.file}).\n`);
      const result = (await execute(handler, event, {
        store: execution.store,
        name: execution.name,
        account: run.account,
        region: run.region,
        onProgress: (progress) => view.show(progress),
        onCheckpoint: lease.renew,
      })) as ResponderResult;
      execution.remove();
      if (execution.ours) return result;
      io.err('The interrupted run is complete; now to this request.\n');
    }
  } finally {
    view.end();
    lease.end();
  }
}

/** Renews the claim at checkpoints, not at each of a burst, and during long steps. One that fails is no reason to stop. */
export function keepLease(
  finding: Pick<Finding, 'targets'>,
  { budgets, gateways }: Pick<Run, 'budgets' | 'gateways'>,
): { renew: (arn: string) => void; end: () => void } {
  let renewedAt = Date.now();
  let holder: string | undefined;
  const renew = (arn: string): void => {
    holder = arn;
    const since = Date.now() - renewedAt;
    // A clock that was put back says nothing of how long it is.
    if (since >= 0 && since < budgets.leaseMs / 8) return;
    renewedAt = Date.now();
    for (const target of finding.targets)
      void attempt(budgets.claimMs, 'the lease', () =>
        gateways(target).ledger.renew(target, arn, Date.now() + budgets.leaseMs),
      );
  };
  const timer = setInterval(() => {
    if (holder !== undefined) renew(holder);
  }, budgets.leaseMs / 4);
  timer.unref();
  return { renew, end: () => clearInterval(timer) };
}
