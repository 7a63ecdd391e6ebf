/** The Lambda function: a finding or a manual request in, the runbook, its incidents out. By the clock: a look at those open. */
import wrap from '@middy/core';
import { executionModeDurableContext } from '@middy/core/DurableContext';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { connect } from '../aws/connect.ts';
import { responderStarter } from '../aws/starter.ts';
import { isCanary } from '../finding/canary.ts';
import { parseFinding } from '../finding/parse.ts';
import { findingRequest } from '../finding/request.ts';
import { policyFor, type Policies } from '../policy/policy.ts';
import { policies as bundled } from '../policy/resolved.ts';
import { defaultBudgets, type Budgets } from '../runbook/budgets.ts';
import { seeCanary, type CanaryResult } from '../runbook/canary.ts';
import { functionOf, isLocalExecution } from '../runbook/execution-arn.ts';
import type { IncidentResult } from '../runbook/incident.ts';
import { checkDrift, type DriftResult } from '../runbook/drift.ts';
import { driftTargets, isDriftCheck } from '../runbook/drift-check.ts';
import { lookUpStep } from '../runbook/look-up.ts';
import { tellDrift, type Telemetry } from '../runbook/outside.ts';
import { partOf, partRequest, respondInParts } from '../runbook/parts.ts';
import { respond, respondApproved, type RunbookDeps } from '../runbook/runbook.ts';
import { readSettings } from './settings.ts';
import { lambdaTelemetry } from './telemetry.ts';

export interface ResponderOptions {
  policies: Policies;
  budgets?: Budgets;
  env?: NodeJS.ProcessEnv;
  /** Mode where SECRESPONSE_MODE is not set: a stack observes until it is armed; a person's command leaves it to the policies. */
  unsetMode?: 'observe' | undefined;
  /** Who denies sessions where SESSION_DENIER_FUNCTION is not set: nobody in a stack, a person's command itself. */
  unsetSessions?: 'off';
  /** Only say what would be done, whatever the policies and the mode. */
  dryRun?: boolean;
  /** A person has approved what was held back: that is carried out, whatever the event. */
  approved?: { held: IncidentResult; by: string; reason: string; at: string };
  /** How it is seen from outside. Absent: a rehearsal, which nobody else is to hear of. */
  telemetry?: Telemetry | undefined;
  /** An execution's result may have 256 KB: ids and statuses only. The log, the ledger and the vault have the rest. */
  brief?: boolean;
}

export interface ResponderResult {
  incidents: IncidentResult[];
  /** Executions that respond to the targets that are none of these; absent where there are none. */
  started?: string[];
}

/** The same in Lambda, which takes no long results: log, ledger and vault have the rest. */
export interface BriefResult extends Omit<ResponderResult, 'incidents'> {
  incidents: (Pick<IncidentResult, 'incidentId' | 'status'> & { instanceId: string })[];
}

/** What came of the clock's look at the open incidents. */
export interface DriftAnswer {
  drift: DriftResult | BriefDrift;
}

/** The same in Lambda. */
export type BriefDrift = Pick<DriftResult, 'completed' | 'failures'> & {
  looked: number;
  /** Ids of incidents. */
  notContained: string[];
  overdue: string[];
};

/** The daily sample finding has come. */
export interface CanaryAnswer {
  canary: CanaryResult;
}

/** The durable handler. Errors that it throws end the execution, and with it the event goes to the dead-letter queue. */
export function createResponder(options: ResponderOptions) {
  const budgets = options.budgets ?? defaultBudgets;
  return wrap({ executionMode: executionModeDurableContext, timeoutEarlyInMillis: 0 }).handler(
    async (
      event: unknown,
      ctx: DurableContext,
    ): Promise<ResponderResult | BriefResult | DriftAnswer | CanaryAnswer> => {
      const startedAt = Date.now();
      const settings = readSettings(options.env ?? process.env, options.unsetSessions);
      const { durableExecutionArn } = ctx.executionContext;
      const [, , , region = '', account = ''] = durableExecutionArn.split(':');
      const deps: RunbookDeps = {
        aws: (target) => connect(target, settings.places, budgets),
        policy: (id) => policyFor(options.policies, id),
        budgets,
        account,
        now: Date.now,
        modeCeiling: settings.mode ?? options.unsetMode,
        dryRun: options.dryRun === true,
        executionArn: durableExecutionArn,
        local: isLocalExecution(durableExecutionArn),
        startedAt,
        telemetry: options.telemetry,
      };
      const start = deps.local ? undefined : responderStarter(functionOf(durableExecutionArn), { region, budgets });
      const targets = driftTargets(event);
      if (targets || isDriftCheck(event)) {
        const drift = await checkDrift(ctx, { ...deps, region }, { targets, ...(start ? { start } : {}) });
        await tellDrift(ctx, deps.aws({ account, region, instanceId: '' }), drift, deps);
        return { drift: options.brief ? briefDrift(drift) : drift };
      }
      if (options.approved) {
        const { held, by, reason, at } = options.approved;
        const asked = held.approval ?? { heldBy: 'rule', because: 'approval was asked', state: 'pending' };
        const result = { ...asked, state: 'approved' as const, by, reason, decidedAt: at };
        return { incidents: await respondApproved(ctx, held, { by, reason, person: true, result }, deps) };
      }
      const part = partRequest(event);
      const asked = part ? null : findingRequest(event);
      const input = asked ? await lookUpStep(ctx, asked, { region, budgets }) : part ? part.input : event;
      const request = (part ?? asked)?.request;
      const finding = parseFinding(input, {
        account,
        region,
        administrators: options.policies.administrators,
        ...(request === undefined ? {} : { request }),
      });
      if (options.telemetry?.measure && isCanary(finding))
        return { canary: await seeCanary(ctx, finding, deps, options.telemetry) };
      if (part) return resultOf({ incidents: await respond(ctx, partOf(finding, part, account), input, deps) });
      if (!start) return resultOf({ incidents: await respond(ctx, finding, input, deps) });
      const given = { input, ...(request === undefined ? {} : { request }) };
      return resultOf(await respondInParts(ctx, finding, given, deps, start));
    },
  );

  function resultOf({ incidents, started = [] }: ResponderResult): ResponderResult | BriefResult {
    const others = started.length === 0 ? {} : { started };
    if (!options.brief) return { incidents, ...others };
    const brief = incidents.map(({ incidentId, status, target }) => {
      return { incidentId, status, instanceId: target.instanceId };
    });
    return { incidents: brief, ...others };
  }
}

function briefDrift({ verifications, completed, overdue, failures }: DriftResult): BriefDrift {
  const notContained = verifications.flatMap(({ incidentId, contained }) => (contained ? [] : incidentId));
  // The log has them all.
  return {
    looked: verifications.length,
    notContained,
    completed,
    overdue: overdue.map(({ incidentId }) => incidentId),
    failures: failures.slice(0, 100),
  };
}

if (bundled === null && process.env['AWS_LAMBDA_FUNCTION_NAME'] !== undefined)
  throw new Error('this bundle was built without policies');

/** The entry point of the bundle, which has the policies in it. */
export const handler =
  bundled === null
    ? undefined
    : createResponder({
        policies: bundled,
        unsetMode: 'observe',
        unsetSessions: 'off',
        telemetry: lambdaTelemetry(process.env),
        brief: process.env['AWS_LAMBDA_FUNCTION_NAME'] !== undefined,
      });
