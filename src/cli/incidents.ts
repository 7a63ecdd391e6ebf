/** `incidents`: what the ledger knows, newest first. Changes nothing. */
import { parseArgs } from 'node:util';
import { incidentsGateway, type IncidentRow } from '../aws/incidents.ts';
import { ACCOUNT, INSTANCE, type Form } from '../finding/ids.ts';
import { either } from '../finding/names.ts';
import { clean, cut } from '../notify/sanitise.ts';
import { UsageError, type Command } from './command.ts';
import { table } from './table.ts';
import { ledgerCall, whose } from './whose.ts';

const STATUSES = [
  'accepted',
  'in-progress',
  'quarantined',
  'collected',
  'notified',
  'ignored',
  'joined',
  'awaiting-approval',
  'failed',
  'releasing',
  'released',
  'closed',
];

export const incidents: Command = {
  name: 'incidents',
  summary:
    'The incidents in the ledger, newest first: target, response, rule, whether isolated, whether a person is asked.',
  usage: `[--status S] [--account ID] [--instance i-…] [--json]\n      S: ${STATUSES.join(', ')}`,
  async run(args, io) {
    const { json, ...wanted } = readOptions(args);
    const caller = await whose(io);
    const gateway = incidentsGateway(caller.places.table, { region: caller.region, budgets: caller.budgets });
    const all = await ledgerCall(caller, 'the incidents could not be read from the ledger', () => gateway.list());
    const rows = all.filter((row) => isWanted(row, wanted));
    io.out(json ? `${JSON.stringify({ incidents: rows }, null, 2)}\n` : listed(rows, all.length));
    return 0;
  },
};

interface Wanted {
  status?: string;
  account?: string;
  instance?: string;
}

function readOptions(args: string[]): Wanted & { json: boolean } {
  const { values } = parseArgs({
    args,
    options: {
      status: { type: 'string' },
      account: { type: 'string' },
      instance: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if (values.status !== undefined && !STATUSES.includes(values.status))
    throw new UsageError(`--status takes ${either(STATUSES)}, not ${JSON.stringify(values.status)}`);
  demand('account', values.account, ACCOUNT);
  demand('instance', values.instance, INSTANCE);
  return values;
}

function demand(name: string, given: string | undefined, [form, expectation]: Form): void {
  if (given !== undefined && !form.test(given))
    throw new UsageError(`--${name} takes ${expectation}, not ${JSON.stringify(given)}`);
}

function isWanted({ status, target }: IncidentRow, wanted: Wanted): boolean {
  return (
    (wanted.status === undefined || wanted.status === status) &&
    (wanted.account === undefined || wanted.account === target?.account) &&
    (wanted.instance === undefined || wanted.instance === target?.instanceId)
  );
}

function listed(rows: IncidentRow[], inAll: number): string {
  if (rows.length === 0)
    return inAll === 0
      ? 'The ledger has no incident.\n'
      : `None of the ${inAll} incidents in the ledger is such a one.\n`;
  const heads = [
    'STARTED',
    'INCIDENT',
    'STATUS',
    'INSTANCE',
    'ACCOUNT',
    'REGION',
    'RESPONSE',
    'RULE',
    'ISOLATED',
    'OPEN',
  ];
  return table(heads, rows.map(cells));
}

function cells(row: IncidentRow): string[] {
  const { target } = row;
  const all = [
    row.startedAt?.replace(/\.\d+Z$/, 'Z') ?? '-',
    row.incidentId,
    `${row.status}${row.approvalPending ? ', a person is asked' : ''}${row.joined === undefined ? '' : ` ${row.joined}`}`,
    target?.instanceId ?? '-',
    target?.account ?? '-',
    target?.region ?? '-',
    row.response ?? '-',
    row.rule ?? '-',
    row.isolated === null ? '-' : row.isolated ? 'yes' : 'NO',
    row.open ? 'yes' : 'no',
  ];
  return all.map((text) => cut(clean(text), 80));
}
