/** `close`: a person ends an incident; nothing is undone, and findings last seen before start nothing. */
import { parseArgs } from 'node:util';
import { stateOfClosing } from '../notify/state-event.ts';
import { putState } from '../runbook/outside.ts';
import { UsageError, type Command } from './command.ts';
import { commandTelemetry } from './telemetry.ts';
import { ledgerCall, whose } from './whose.ts';

export const close: Command = {
  name: 'close',
  summary: 'Ends an incident without undoing anything: what is contained stays so, and is not looked after any more.',
  usage: 'INCIDENT --reason TEXT [--json]',
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { reason: { type: 'string' }, json: { type: 'boolean', default: false } },
    });
    const [incidentId, ...more] = positionals;
    if (incidentId === undefined || more.length > 0) throw new UsageError('give one incident id');
    const reason = values.reason?.trim();
    if (!reason) throw new UsageError('give --reason TEXT: it goes into the record');
    const who = await whose(io);
    const at = Date.now();
    const closed = await ledgerCall(who, 'the incident could not be closed', () =>
      who.home.ledger.closeIncident({ incidentId }, { account: who.account }, { by: who.by, reason, at }),
    );
    if ('why' in closed) throw new UsageError(closed.why);
    const { budgets, home } = who;
    const ended = { incidentId, target: closed.target, at: new Date(at).toISOString() };
    await putState(home, stateOfClosing(ended), { budgets, telemetry: commandTelemetry(io) });
    const told = {
      incidentId,
      status: 'closed',
      target: closed.target,
      by: who.by,
      reason,
      at: ended.at,
    };
    io.out(
      values.json
        ? `${JSON.stringify({ close: told }, null, 2)}\n`
        : `Incident ${incidentId} on ${closed.target.instanceId} is closed. Nothing was undone.\n`,
    );
    return 0;
  },
};
