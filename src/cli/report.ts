/** `report`: one incident's report, as the mail had it or as the page in the vault. Changes nothing in AWS. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { attempt } from '../aws/deadline.ts';
import { reportsGateway } from '../aws/reports.ts';
import type { IncidentState } from '../aws/requests.ts';
import { notificationFor } from '../notify/message.ts';
import type { IncidentResult } from '../runbook/incident.ts';
import { releaseHint } from '../runbook/release-hint.ts';
import { UsageError, type Command, type Io } from './command.ts';
import { policyHere } from './policies-dir.ts';
import { settingsOf } from './settings.ts';
import { ledgerCall, whose, type Whose } from './whose.ts';

export const report: Command = {
  name: 'report',
  summary: "One incident's report: its text as the mail had it, or with --html the page in the vault, put into a file.",
  usage: 'INCIDENT [--html FILE]',
  async run(args, io) {
    const { incidentId, html } = readOptions(args);
    const caller = await whose(io);
    const state = await ledgerCall(caller, 'the incident could not be read from the ledger', () =>
      caller.home.requests.state(incidentId),
    );
    const result = resultOf(incidentId, state);
    if (html === undefined) {
      io.out(`${standing(state)}${textOf(result, io)}`);
      return 0;
    }
    const page = await pageOf(result, caller);
    if ('why' in page) {
      io.err(`secresponse report: ${page.why}\n`);
      return 1;
    }
    write(resolve(io.cwd, html), page.html);
    io.out(`${html}: s3://${result.vault}/${page.key}\n`);
    return 0;
  },
};

function readOptions(args: string[]): { incidentId: string; html?: string } {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { html: { type: 'string' } } });
  const [incidentId, surplus] = positionals;
  if (incidentId === undefined || surplus !== undefined) throw new UsageError('give the id of one incident');
  if (!/^[\w.-]{1,100}$/.test(incidentId)) throw new UsageError(`${JSON.stringify(incidentId)} is no incident's id`);
  return { incidentId, ...values };
}

/** @throws UsageError where there is nothing to tell yet */
function resultOf(incidentId: string, state: IncidentState | null): IncidentResult {
  if (!state) throw new UsageError(`the ledger knows no incident ${incidentId}`);
  if (!state.result)
    throw new UsageError(`incident ${incidentId} is ${state.status}: there is no report before its run has ended`);
  return state.result;
}

/** What became of the incident since its report was written. */
function standing(state: IncidentState | null): string {
  if (!state?.result || state.status === state.result.status) return '';
  return `Now ${state.status}${state.updatedAt === null ? '' : `, since ${state.updatedAt}`}. What was told before that:\n\n`;
}

function textOf(result: IncidentResult, io: Io): string {
  const mode = settingsOf(io.env).settings.mode ?? policyHere(io.cwd, result.target.account).mode;
  return notificationFor(result, { mode, releaseCommand: releaseHint(result) }).text;
}

async function pageOf(
  { vault, evidencePrefix }: IncidentResult,
  { region, budgets }: Whose,
): Promise<{ key: string; html: Uint8Array } | { why: string }> {
  const answer = await attempt(budgets.collectorMs, 'the vault', () =>
    reportsGateway(vault, { region, budgets }).newest(evidencePrefix),
  );
  if (!answer.ok) return { why: `the report could not be read from s3://${vault}/${evidencePrefix}: ${answer.error}` };
  return answer.value ?? { why: `there is no report in s3://${vault}/${evidencePrefix}` };
}

function write(file: string, content: Uint8Array): void {
  try {
    writeFileSync(file, content);
  } catch (error) {
    throw new UsageError(`${file} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}
