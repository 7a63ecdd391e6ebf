/** `verify`: reads the containment of an open incident again, with the caller's credentials. Changes nothing. */
import { parseArgs } from 'node:util';
import { callerAccount, connect } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { OpenIncident } from '../aws/ledger-open.ts';
import { parseReleaseRequest } from '../finding/release-request.ts';
import { verifyIncident } from '../runbook/verify.ts';
import { UsageError, type Command } from './command.ts';
import { policyHere } from './policies-dir.ts';
import { settingsOf } from './settings.ts';
import { verifySummary } from './verify-summary.ts';

export const verify: Command = {
  name: 'verify',
  summary: "Reads an open incident's containment again: is everything still as it was asked for? Changes nothing.",
  usage: '(--instance i-… | --incident ID) [--json]',
  async run(args, io) {
    const options = readOptions(args);
    const { settings, budgets } = settingsOf(io.env);
    const { places } = settings;
    const region = places.homeRegion;
    const whose = await attempt(budgets.readMs, 'sts:GetCallerIdentity', () => callerAccount({ region, budgets }));
    if (!whose.ok) throw new UsageError(`the account of the AWS credentials could not be read: ${whose.error}`);
    const account = whose.value;
    const named =
      options.instance === undefined ? { incident_id: options.incident } : { instance_id: options.instance };
    const { which } = parseReleaseRequest({ ...named, reason: 'verify' }, { account, region });
    // Which rules groups may have is the policy's say.
    const { containment } = policyHere(io.cwd, account);

    const { ledger } = connect({ account, region }, places, budgets);
    const answer = await attempt(budgets.readMs, 'the ledger', () =>
      ledger.openIncident({ which, within: { account }, now: Date.now() }),
    );
    if (!answer.ok) throw new UsageError(`the incident could not be read from the ledger: ${answer.error}`);
    const open = quarantineOf(answer.value);
    const aws = connect(open.target, places, budgets);
    const result = await verifyIncident(open, { aws, budgets, containment, now: Date.now });
    io.out(options.json ? `${JSON.stringify({ verify: result }, null, 2)}\n` : verifySummary(result));
    return result.contained ? 0 : 1;
  },
};

function readOptions(args: string[]): { instance?: string; incident?: string; json: boolean } {
  const { values } = parseArgs({
    args,
    options: {
      instance: { type: 'string' },
      incident: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if ((values.instance === undefined) === (values.incident === undefined))
    throw new UsageError('give one of --instance i-… and --incident ID');
  return values;
}

/** @throws UsageError where there is no containment to look at */
function quarantineOf(answer: OpenIncident | { why: string }): OpenIncident {
  if ('why' in answer) throw new UsageError(answer.why);
  if (answer.asked !== 'quarantine')
    throw new UsageError(
      `incident ${answer.incidentId} is open on ${answer.target.instanceId}, but asked for ${answer.asked}: nothing was to be contained`,
    );
  return answer;
}
