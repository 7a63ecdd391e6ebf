/** `approve` and `deny`: a person's answer to what the responder has asked. */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerCallback } from '../aws/callbacks.ts';
import { connect } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { Given, Pending } from '../aws/ledger-approval.ts';
import { answerText } from '../finding/answer.ts';
import { decide } from '../policy/decide.ts';
import type { Approved } from '../policy/decision.ts';
import { policyFor, type Policies } from '../policy/policy.ts';
import { decisionMessage } from '../notify/decision-message.ts';
import { stateOfResponse } from '../notify/state-event.ts';
import { putState } from '../runbook/outside.ts';
import { exitCode } from '../runbook/plan.ts';
import type { IncidentResult } from '../runbook/incident.ts';
import { UsageError, type Command, type Io } from './command.ts';
import { ceiling } from './explain.ts';
import { loadPolicies } from './policies-dir.ts';
import { runHere } from './run-here.ts';
import { summary } from './summary.ts';
import { commandTelemetry } from './telemetry.ts';
import { ledgerCall, whose, type Whose } from './whose.ts';

export const approve: Command = decision('approve', 'Has the quarantine carried out that an incident waits for.');

export const deny: Command = decision('deny', 'Leaves an instance as it is whose quarantine waits for approval.');

/** The waiting execution takes no longer one. */
const MOST_LETTERS = 2_000;

/** How long the execution that waits is watched after it was answered. */
const WATCHED_MS = 120_000;

interface Options {
  incident: string;
  reason: string;
  /** Folder of the policies by which an approval is carried out where no execution waits for it. */
  policies: string;
  json: boolean;
}

function decision(name: 'approve' | 'deny', what: string): Command {
  return {
    name,
    summary: what,
    usage: `INCIDENT --reason TEXT${name === 'approve' ? ' [--policies DIR]' : ''} [--json]`,
    async run(args, io) {
      const options = readOptions(name, args);
      const who = await whose(io);
      const pending = await pendingOf(who, options.incident);
      if (pending.given) goOn(name, pending.incidentId, pending.given, io);
      const result =
        (await byCallback(name, options, who, pending, io)) ?? (await byHand(name, options, who, pending, io));
      if (result === null) {
        io.out(`The answer is given. The run goes on: npx secresponse report ${options.incident}\n`);
        return 0;
      }
      io.out(options.json ? `${JSON.stringify({ incidents: [result] }, null, 2)}\n` : summary(result));
      return exitCode([result]);
    },
  };
}

function readOptions(name: Given['decision'], args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      reason: { type: 'string' },
      policies: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [incident, ...more] = positionals;
  if (incident === undefined || more.length > 0) throw new UsageError('give one incident id');
  if (!values.reason?.trim()) throw new UsageError('give --reason TEXT: it goes into the record and the notification');
  if (name === 'deny' && values.policies !== undefined) throw new UsageError('--policies is of use to approve only');
  const reason = values.reason.trim();
  if (reason.length > MOST_LETTERS) throw new UsageError(`--reason may have ${MOST_LETTERS} characters`);
  return { incident, reason, policies: values.policies ?? 'policies', json: values.json };
}

async function pendingOf(who: Whose, incidentId: string): Promise<Pending> {
  const pending = await ledgerCall(who, 'the incident could not be read from the ledger', () =>
    who.home.ledger.pending(incidentId),
  );
  if (!pending) throw new UsageError(`nothing is asked about incident ${incidentId}: it is decided, ended, or unknown`);
  if (pending.target.account !== who.account)
    throw new UsageError(
      `${pending.target.instanceId} is in account ${pending.target.account}, the credentials are of ${who.account}`,
    );
  return pending;
}

/**
 * An answer was given, and its run was killed before it came to its end: that answer is carried out, whatever is typed now.
 * @throws UsageError where it is the other one
 */
function goOn(name: Given['decision'], incidentId: string, { decision, by, reason, at }: Given, io: Io): void {
  if (decision === name) return io.err(`Going on with the answer that ${by} gave at ${at}: ${reason}\n`);
  throw new UsageError(
    `${by} answered ${decision} at ${at}, and that was not carried out to its end: npx secresponse ${decision} ${incidentId} --reason TEXT goes on with it`,
  );
}

/** Undefined where no execution waits; null where its end was not seen in time. */
async function byCallback(
  name: 'approve' | 'deny',
  { incident, reason }: Options,
  who: Whose,
  { callbackId }: Pending,
  io: Io,
): Promise<IncidentResult | null | undefined> {
  if (callbackId === null) return undefined;
  const { region, budgets, by, home } = who;
  const answer = await attempt(budgets.closeMs, 'lambda:SendDurableExecutionCallbackSuccess', () =>
    answerCallback(callbackId, answerText({ decision: name, by, reason }), { region, budgets }),
  );
  if (!answer.ok) throw new UsageError(`the answer could not be given: ${answer.error}`);
  if (!answer.value) {
    io.err('The execution that asked is gone; going on from here.\n');
    return undefined;
  }
  for (const until = Date.now() + WATCHED_MS; Date.now() < until; await sleep(2_000)) {
    const state = await attempt(budgets.readMs, 'the ledger', () => home.requests.state(incident));
    const result = state.ok ? (state.value?.result ?? null) : null;
    if (result && result.status !== 'awaiting-approval') return result;
  }
  return null;
}

/** The responder ran on somebody's machine, or its execution has died: what is left to do is done here. */
async function byHand(
  name: 'approve' | 'deny',
  { reason, json, policies: folder }: Options,
  who: Whose,
  pending: Pending,
  io: Io,
): Promise<IncidentResult> {
  const { home, places, budgets, account, region } = who;
  // Before the answer is taken: a folder of policies that is broken must not swallow it.
  const policies = name === 'approve' ? loadPolicies(io.cwd, folder).policies : null;
  if (policies && !pending.given) assureIsolation(pending, { by: who.by, reason, person: true }, policies, folder, io);
  const given = pending.given ?? (await answered(name, who, pending, reason));
  if (policies) {
    const { incidents } = await runHere(pending.result.finding, pending.result.finding, {
      dryRun: false,
      json,
      approved: { ...given, held: pending.result },
      budgets,
      policies,
      account,
      region,
      io,
      gateways: (target) => connect(target, places, budgets),
    }).catch((error: unknown) => {
      io.err(`The answer is kept: npx secresponse approve ${pending.incidentId} --reason TEXT goes on with it.\n`);
      throw error;
    });
    const [only] = incidents;
    if (!only) throw new UsageError('the run brought no result');
    return only;
  }
  const asked = pending.result.approval ?? { heldBy: 'rule' as const, because: 'approval was asked' };
  const result: IncidentResult = {
    ...pending.result,
    status: 'collected',
    approval: { ...asked, state: 'denied', by: given.by, reason: given.reason, decidedAt: given.at },
  };
  const { subject, message, attributes } = decisionMessage(result);
  const [, told] = await Promise.all([
    ledgerCall(who, 'the decision could not be written to the ledger', () =>
      home.ledger.settleHeld(result, Date.now()),
    ),
    attempt(budgets.closeMs, 'the notification', () => home.topic.publish(subject, message, attributes)),
  ]);
  result.notification = told.ok ? { status: 'done', messageId: told.value } : { status: 'failed', reason: told.error };
  const event = stateOfResponse(result, new Date().toISOString());
  if (event) await putState(home, event, { budgets, telemetry: commandTelemetry(io) });
  return result;
}

/**
 * An approval that would isolate nothing is not taken: the request would be gone, and nobody asked again.
 * @throws UsageError with what stands in the way
 */
function assureIsolation(
  { result: { finding }, target }: Pending,
  approved: Approved,
  policies: Policies,
  folder: string,
  io: Io,
): void {
  const known = finding.targets.find(({ instanceId }) => instanceId === target.instanceId);
  if (!known) return;
  const modeCeiling = ceiling(io);
  const { response, dryRun, reasons } = decide({
    policy: policyFor(policies, target.account),
    finding,
    target,
    facts: known.facts,
    approved,
    ...(modeCeiling === undefined ? {} : { modeCeiling }),
  });
  if (response === 'quarantine' && !dryRun) return;
  throw new UsageError(
    `nothing was approved: ${target.instanceId} would not be isolated by ${folder} and SECRESPONSE_MODE (${reasons.join(' ')}) - ` +
      'give --policies DIR of the run that asked, or set the mode; the request stays open',
  );
}

/** Nothing is done before the answer stands in the ledger, where this or another machine finds it again. */
async function answered(decision: Given['decision'], who: Whose, pending: Pending, reason: string): Promise<Given> {
  const given: Given = { id: randomUUID(), decision, by: who.by, reason, at: new Date().toISOString() };
  const taken = await ledgerCall(who, 'the answer could not be written to the ledger', () =>
    who.home.ledger.decide(pending.incidentId, pending.token, given.id, given),
  );
  if (!taken) throw new UsageError(`somebody else has decided about incident ${pending.incidentId} in this moment`);
  return given;
}
