/** `stop`, `resume` and `replay`: the kill switch, and what came while it was on. */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { connect } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { Parked } from '../aws/ledger-parked.ts';
import { responderStarter } from '../aws/starter.ts';
import { parseFinding } from '../finding/parse.ts';
import { clean } from '../notify/sanitise.ts';
import { exitCode } from '../runbook/plan.ts';
import type { IncidentResult } from '../runbook/incident.ts';
import type { Policies } from '../policy/policy.ts';
import { errorLine } from '../aws/deadline.ts';
import { UsageError, type Command, type Io } from './command.ts';
import { loadPolicies } from './policies-dir.ts';
import { runHere } from './run-here.ts';
import { summary } from './summary.ts';
import { ledgerCall, whose, type Whose } from './whose.ts';

export const stop: Command = {
  name: 'stop',
  summary: 'The kill switch: findings are parked from now on. Running responses, manual runs and releases go on.',
  usage: '--reason TEXT',
  async run(args, io) {
    const { values } = parseArgs({ args, options: { reason: { type: 'string' } } });
    const reason = values.reason?.trim();
    if (!reason) throw new UsageError('give --reason TEXT: whoever finds the responder stopped reads it');
    const who = await whose(io);
    const at = new Date().toISOString();
    await ledgerCall(who, 'the responder is NOT stopped', () => who.home.ledger.stop({ reason, by: who.by, at }));
    io.out('Stopped: new findings are parked for 14 days. `resume` ends it, `replay` responds to what was parked.\n');
    return 0;
  },
};

export const resume: Command = {
  name: 'resume',
  summary: 'Ends `stop`: findings are responded to again.',
  usage: '',
  async run(args, io) {
    parseArgs({ args, options: {} });
    const who = await whose(io);
    const before = await ledgerCall(who, 'the responder is still stopped', () => who.home.ledger.resume());
    if (!before) {
      io.out('It was not stopped.\n');
      return 0;
    }
    const parked = await ledgerCall(who, 'resumed, but what is parked could not be listed', () =>
      who.home.ledger.parked(),
    );
    const left =
      parked.length === 0 ? 'Nothing is parked.' : `Parked findings: ${parked.length}; \`replay\` responds to them.`;
    io.out(`Resumed. It was stopped by ${before.by} at ${before.at} (${before.reason}). ${left}\n`);
    return 0;
  },
};

export const replay: Command = {
  name: 'replay',
  summary:
    'Responds to the findings that were parked: in the function that RESPONDER_FUNCTION names, else from this machine.',
  usage: '[--policies DIR] [--json]',
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: { policies: { type: 'string', default: 'policies' }, json: { type: 'boolean', default: false } },
    });
    const who = await whose(io);
    const { stopped } = await ledgerCall(who, 'the ledger could not be read', () => who.home.ledger.control());
    if (stopped) throw new UsageError(`the responder is stopped (${stopped.reason}): \`resume\` comes first`);
    const parked = await ledgerCall(who, 'what is parked could not be listed', () => who.home.ledger.parked());
    const name = io.env['RESPONDER_FUNCTION']?.trim();
    const outcomes = name
      ? await startAll(name, parked, who)
      : await respondToAll(loadPolicies(io.cwd, values.policies).policies, parked, { who, io, json: values.json });
    const incidents = outcomes.flatMap((outcome) => outcome.incidents ?? []);
    const failures = outcomes.flatMap(({ findingId, error }) => (error === undefined ? [] : `${findingId}: ${error}`));
    if (values.json) io.out(`${JSON.stringify({ parked: parked.length, incidents, failures }, null, 2)}\n`);
    else
      io.out(`${incidents.map(summary).join('\n')}${parked.length - failures.length} of ${parked.length} replayed\n`);
    if (!values.json) for (const failure of failures) io.err(`${clean(failure)}\n`);
    return failures.length > 0 ? 1 : exitCode(incidents);
  },
};

interface Replayed {
  findingId: string;
  incidents?: IncidentResult[];
  error?: string;
}

/** What was started is parked no more; its execution's name keeps it from being started twice. */
async function startAll(name: string, parked: readonly Parked[], who: Whose): Promise<Replayed[]> {
  const { region, budgets } = who;
  const start = responderStarter(name, { region, budgets });
  const outcomes: Replayed[] = [];
  for (const one of parked) {
    const id = createHash('sha256').update(`${one.key}${one.at}`).digest('hex').slice(0, 32);
    const started = await attempt(budgets.closeMs, `starting ${name}`, () =>
      start(`replay-${id}`, one.event as object),
    );
    const gone = started.ok ? await attempt(budgets.closeMs, 'the ledger', () => who.home.ledger.unpark(one)) : started;
    outcomes.push({ findingId: one.findingId, ...(gone.ok ? {} : { error: gone.error }) });
  }
  return outcomes;
}

async function respondToAll(
  policies: Policies,
  parked: readonly Parked[],
  { who, io, json }: { who: Whose; io: Io; json: boolean },
): Promise<Replayed[]> {
  const { account, region, budgets, places, home } = who;
  const outcomes: Replayed[] = [];
  for (const one of parked) {
    try {
      const finding = parseFinding(one.event, { account, region, administrators: policies.administrators });
      const { incidents } = await runHere(finding, one.event, {
        dryRun: false,
        json,
        budgets,
        policies,
        account,
        region,
        io,
        gateways: (target) => connect(target, places, budgets),
      });
      await home.ledger.unpark(one);
      outcomes.push({ findingId: one.findingId, incidents });
    } catch (error) {
      outcomes.push({ findingId: one.findingId, error: errorLine(error) });
    }
  }
  return outcomes;
}
