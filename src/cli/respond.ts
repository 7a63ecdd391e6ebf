/** `respond`: the responder on this machine, with the caller's credentials. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { callerAccount, connect, type Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import { parseFinding } from '../finding/parse.ts';
import { findingRequest } from '../finding/request.ts';
import type { Finding, Target } from '../finding/finding.ts';
import type { Settings } from '../handlers/settings.ts';
import type { Budgets } from '../runbook/budgets.ts';
import { settingsOf } from './settings.ts';
import { lookUp } from '../runbook/look-up.ts';
import { exitCode } from '../runbook/plan.ts';
import { UsageError, type Command } from './command.ts';
import { parseJson } from './json.ts';
import { loadPolicies } from './policies-dir.ts';
import { runHere } from './run-here.ts';
import { summary } from './summary.ts';

export const respond: Command = {
  name: 'respond',
  summary: 'Responds to one finding or one instance from this machine, with your AWS credentials.',
  usage: '(--instance i-… | --event FILE) [--policies DIR] [--account ID] [--dry-run] [--force --reason TEXT] [--json]',
  async run(args, io) {
    const options = readOptions(args);
    const { settings, budgets } = settingsOf(io.env);
    const policies = loadPolicies(io.cwd, options.policies).policies;
    const event = options.event === undefined ? manualRequest(options) : readEvent(resolve(io.cwd, options.event));
    const account = await credentialsAccount(settings, budgets, options.account ?? accountNamedIn(event));
    const region = settings.places.homeRegion;
    const asked = findingRequest(event);
    const finding = parseFinding(asked === null ? event : await lookUp(asked, { region, budgets }), {
      ...(asked === null ? believedAccount(options, account) : { account, request: asked.request }),
      region,
      administrators: policies.administrators,
    });
    refuse(finding, account);
    for (const { instanceId, reason } of finding.refused) io.err(`${instanceId} is left out: ${reason}\n`);
    const gateways = (target: Target): Aws => connect(target, settings.places, budgets);
    await checkPlaces(finding, settings, gateways, budgets);
    const { incidents } = await runHere(finding, event, {
      dryRun: options.dryRun,
      json: options.json,
      budgets,
      policies,
      account,
      region,
      io,
      gateways,
    });
    if (options.json) io.out(`${JSON.stringify({ incidents }, null, 2)}\n`);
    else if (incidents.length === 0)
      io.out(`Nothing to respond to: ${finding.noTarget ?? 'the finding names no instance'}\n`);
    else io.out(incidents.map(summary).join('\n'));
    return exitCode(incidents);
  },
};

interface Options {
  instance?: string;
  event?: string;
  policies: string;
  account?: string;
  dryRun: boolean;
  force: boolean;
  reason?: string;
  json: boolean;
}

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      instance: { type: 'string' },
      event: { type: 'string' },
      policies: { type: 'string', default: 'policies' },
      account: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      force: { type: 'boolean', default: false },
      reason: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const { 'dry-run': dryRun, ...rest } = values;
  if ((rest.instance === undefined) === (rest.event === undefined))
    throw new UsageError('give one of --instance i-… and --event FILE');
  if (rest.force && rest.instance === undefined) throw new UsageError('--force goes with --instance');
  if (rest.force && !rest.reason?.trim()) throw new UsageError('--force needs --reason TEXT');
  if (rest.account !== undefined && !/^\d{12}$/.test(rest.account))
    throw new UsageError(`--account takes twelve digits, not ${JSON.stringify(rest.account)}`);
  return { ...rest, dryRun };
}

function manualRequest({ instance, reason, dryRun, force, account }: Options): object {
  return { instance_id: instance, ...(reason ? { reason } : {}), ...(account ? { account } : {}), dryRun, force };
}

function readEvent(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    return parseJson(text);
  } catch (error) {
    throw new UsageError(`${file} is no JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** An event's own word for its account; undefined where it has none of that form. */
function accountNamedIn(event: unknown): string | undefined {
  const { account, detail, accountId } = (event ?? {}) as { account?: unknown; detail?: unknown; accountId?: unknown };
  const inner = (detail as { accountId?: unknown } | undefined)?.accountId;
  return [account, inner, accountId].find((id): id is string => typeof id === 'string' && /^\d{12}$/.test(id));
}

/** By STS; where it does not answer, the account that the request names: no reason not to isolate. */
async function credentialsAccount(settings: Settings, budgets: Budgets, named: string | undefined): Promise<string> {
  const region = settings.places.homeRegion;
  const answer = await attempt(budgets.readMs, 'sts:GetCallerIdentity', () => callerAccount({ region, budgets }));
  if (answer.ok) return answer.value;
  if (named !== undefined && !/credential|token|signature/i.test(`${answer.code} ${answer.error}`)) return named;
  throw new UsageError(`the account of the AWS credentials could not be read: ${answer.error}`);
}

/** A manual request is about the caller's account; an event without an envelope is believed as `--account` says. */
function believedAccount(options: Options, caller: string): { account?: string } {
  if (options.event === undefined) return { account: caller };
  return options.account === undefined ? {} : { account: options.account };
}

function refuse(finding: Finding, account: string): void {
  const [refused] = finding.refused;
  if (finding.targets.length === 0 && refused) throw new UsageError(`${refused.instanceId}: ${refused.reason}`);
  const [foreign] = finding.targets.filter((target) => target.account !== account);
  // With others that can be responded to, it is left out and told of.
  if (foreign && finding.targets.every((target) => target.account !== account))
    throw new UsageError(
      `${foreign.instanceId} is in account ${foreign.account}, the credentials are of ${account}: use credentials of that account`,
    );
}

/** Refuses only what AWS says does not exist; an answer that does not come is no reason not to isolate. */
async function checkPlaces(
  finding: Finding,
  { places: named }: Settings,
  gateways: (target: Target) => Aws,
  budgets: Budgets,
): Promise<void> {
  const [first] = finding.targets;
  if (!first) return;
  const { vault, topic, ledger } = gateways(first);
  const check = async (work: () => Promise<string | null>): Promise<string[]> => {
    const answer = await attempt(budgets.readMs, 'a check', work);
    return answer.ok && answer.value !== null ? [answer.value] : [];
  };
  const problems = await Promise.all([
    check(async () =>
      (await vault.exists()) ? null : `the evidence bucket ${named.bucket} (EVIDENCE_BUCKET) does not exist`,
    ),
    check(async () =>
      (await topic.exists()) ? null : `the topic ${named.topicArn} (NOTIFICATION_TOPIC_ARN) does not exist`,
    ),
    check(async () => ((await ledger.exists()) ? null : `the table ${named.table} (INCIDENT_TABLE) does not exist`)),
    ...finding.targets.map((target) =>
      check(async () => {
        const { account, region, instanceId } = target;
        const instance = await gateways(target).ec2.instance(instanceId);
        if (!instance) return `there is no instance ${instanceId} in account ${account}, region ${region}`;
        return instance.state === 'terminated'
          ? `instance ${instanceId} is terminated: nothing is left to isolate`
          : null;
      }),
    ),
  ]);
  const places = problems.slice(0, 3).flat();
  const instances = problems.slice(3).flat();
  // One instance of several that is gone must not keep the others from being isolated.
  const all = [...places, ...(instances.length === finding.targets.length ? instances : [])];
  if (all.length > 0) throw new UsageError(all.join('; '));
}
