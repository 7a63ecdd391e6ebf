/** `gameday`: the whole main job on a local AWS, with nothing installed or deployed before. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FindingError, type Finding } from '../finding/finding.ts';
import { parseFinding } from '../finding/parse.ts';
import { attachLocalAws, startLocalAws, type LocalAws } from '../lab/local-aws.ts';
import { interfaceGroups, rehearse, vaultObjects, type Rehearsal, type StageOptions } from '../lab/rehearsal.ts';
import { decide } from '../policy/decide.ts';
import { eventRules } from '../policy/event-rules.ts';
import { policyFor, type Policies } from '../policy/policy.ts';
import { exitCode } from '../runbook/plan.ts';
import { buildBundle } from '../stack/esbuild.ts';
import { UsageError, type Command, type Io } from './command.ts';
import { interrupted, serveRehearsal } from './gameday-api.ts';
import { parseJson } from './json.ts';
import { loadPolicies } from './policies-dir.ts';
import { progressView } from './progress.ts';
import { summary } from './summary.ts';

export const gameday: Command = {
  name: 'gameday',
  summary: 'Rehearses the whole response on a local AWS: a victim, a finding, the rules, the responder.',
  usage: '[--event FILE] [--policies DIR] [--out DIR] [--keep] [--latency MS] [--api] [--json]',
  async run(args, io) {
    const options = readOptions(args);
    const say = (text: string): void => (options.json ? io.err(text) : io.out(text));
    const { policies } = loadPolicies(io.cwd, options.policies);
    const given = options.event === undefined ? undefined : readFinding(resolve(io.cwd, options.event));
    const aws = await localAws(options, io, say);
    const stream = options.json ? process.stderr : process.stdout;
    const view = progressView(say, stream.isTTY);
    const scene: StageOptions = {
      aws,
      rules: eventRules(policies),
      bundle: (outfile) => buildBundle({ outfile, policiesDir: resolve(io.cwd, options.policies) }),
      latencyMs: options.latency,
      mode: 'enforce',
      onStage: (line) => say(`  ${line}\n`),
    };
    let rehearsal: Rehearsal | undefined;
    let deployment: Rehearsal['deployment'] | undefined;
    try {
      if (options.api) {
        deployment = await serveRehearsal({ ...scene, say, view, until: interrupted() });
        return 0;
      }
      rehearsal = await rehearse({
        ...scene,
        ...(given ? { event: given } : {}),
        onProgress: (progress) => view.show(progress),
      });
      ({ deployment } = rehearsal);
      view.end();
      return await tell(rehearsal, { options, policies, given: given?.finding, io, say, aws });
    } finally {
      view.end();
      await rehearsal?.proxy.stop();
      await aws.stop();
      if (options.keep) say(keepHint(aws, deployment));
    }
  },
};

interface Options {
  event?: string;
  policies: string;
  out: string;
  keep: boolean;
  latency: number;
  api: boolean;
  json: boolean;
}

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      event: { type: 'string' },
      policies: { type: 'string', default: 'policies' },
      out: { type: 'string', default: 'gameday-out' },
      keep: { type: 'boolean', default: false },
      latency: { type: 'string', default: '0' },
      api: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const latency = Number(values.latency);
  if (!Number.isFinite(latency) || latency < 0 || latency > 60_000)
    throw new UsageError(`--latency takes milliseconds from 0 to 60000, not ${JSON.stringify(values.latency)}`);
  if (values.api && (values.event !== undefined || values.json))
    throw new UsageError('--api serves requests until Ctrl-C: it goes neither with --event nor with --json');
  return { ...values, latency };
}

function readFinding(file: string): { input: object; finding: Finding } {
  let input: unknown;
  try {
    input = parseJson(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file} cannot be read as JSON: ${(error as Error).message}`, { cause: error });
  }
  // Whoever speaks for the account, here the account becomes the local one: believe the event about itself.
  const account = typeof input === 'object' && input !== null ? (input as { account?: unknown }).account : undefined;
  const finding = parseFinding(input, typeof account === 'string' ? { administrators: [account] } : {});
  if (finding.source === 'manual')
    throw new FindingError('', 'a manual request does not come over EventBridge: use respond --instance');
  return { input: input as object, finding };
}

type Kept = LocalAws & { pid?: number };

async function localAws({ keep }: Options, io: Io, say: (text: string) => void): Promise<Kept> {
  const named = io.env['AWS_ENDPOINT_URL'];
  if (named) {
    try {
      return await attachLocalAws(named);
    } catch (error) {
      throw new UsageError(
        `AWS_ENDPOINT_URL is ${named}: ${(error as Error).message}. A rehearsal runs on its own local AWS only; unset it`,
        { cause: error },
      );
    }
  }
  say('Local AWS: starting …\n');
  try {
    return await startLocalAws({ keep, notice: (line) => io.err(`${line}\n`) });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

interface Telling {
  options: Options;
  policies: Policies;
  given: Finding | undefined;
  io: Io;
  say: (text: string) => void;
  aws: Kept;
}

async function tell(rehearsal: Rehearsal, { options, policies, given, io, say, aws }: Telling): Promise<number> {
  const { incidents, victims, deployment, messages } = rehearsal;
  if (!incidents) {
    say(`\nNo rule on EventBridge matches this finding, so the responder was not started.\n${whyNot(given, policies)}`);
    if (options.json) io.out(`${JSON.stringify({ incidents: [] }, null, 2)}\n`);
    return 0;
  }
  const out = resolve(io.cwd, options.out);
  const region = victims[0]?.region ?? 'us-east-1';
  const objects = await vaultObjects(aws.endpoint, region, deployment.bucket);
  const files: string[] = [];
  const keep = (name: string, body: Uint8Array | string): void => {
    const file = join(out, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, body);
    files.push(relative(io.cwd, file));
  };
  for (const { key, body } of objects) keep(key, body);
  keep('result.json', `${JSON.stringify({ incidents }, null, 2)}\n`);
  for (const [index, { body }] of messages.entries())
    keep(`notification${index === 0 ? '' : `-${index + 1}`}.json`, body);

  say(incidents.map(summary).join('\n'));
  if (incidents.length === 0 && given?.noTarget) say(`\nNothing to respond to: ${given.noTarget}\n`);
  for (const victim of victims) {
    const groups = await interfaceGroups(aws.endpoint, victim);
    say(`\nSeen from outside: ${victim.instanceId}\n`);
    for (const [id, now] of Object.entries(groups))
      say(`  ${id}: ${(victim.groupIds[id] ?? []).join(', ')} → ${now.join(', ')}\n`);
  }
  for (const text of notificationTexts(objects)) say(`\nNotification\n${indent(text)}\n`);
  say(`\nFiles\n${files.map((file) => `  ${file}\n`).join('')}`);
  say(`\n${rehearsal.proxy.calls.length} AWS calls.\n`);
  if (options.json) io.out(`${JSON.stringify({ incidents }, null, 2)}\n`);
  return exitCode(incidents);
}

function whyNot(finding: Finding | undefined, policies: Policies): string {
  if (!finding) return '';
  if (finding.targets.length === 0) return `${finding.noTarget ?? 'It names no instance.'}\n`;
  return finding.targets
    .map((target) => decide({ policy: policyFor(policies, target.account), finding, target, facts: target.facts }))
    .map(({ response, reasons }) => `The policy says ${response}: ${reasons.join(' ')}\n`)
    .join('');
}

/** The texts that people got, as they are kept beside the evidence. */
function notificationTexts(objects: { key: string; body: Uint8Array }[]): string[] {
  return objects
    .filter(({ key }) => /\/notification(\.\d+)?\.txt$/.test(key))
    .map(({ body }) => Buffer.from(body).toString());
}

function indent(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `  │ ${line}`)
    .join('\n');
}

function keepHint(aws: Kept, deployment: Rehearsal['deployment'] | undefined): string {
  const { bucket = '', topicArn = '', table = '' } = deployment ?? {};
  return `
The local AWS is still up. Look around with the AWS CLI:
  export AWS_ENDPOINT_URL=${aws.endpoint} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1
  aws ec2 describe-network-interfaces
  aws s3 ls --recursive s3://${bucket}
Or go on with this project's own commands (respond, release):
  export EVIDENCE_BUCKET=${bucket} NOTIFICATION_TOPIC_ARN=${topicArn} INCIDENT_TABLE=${table}
Rehearse on it again: npm run gameday, with the variables above.${aws.pid === undefined ? '' : `\nEnd it: kill ${aws.pid}`}
`;
}
