/** `doctor`: is this account ready? Changes nothing. */
import { parseArgs } from 'node:util';
import { diagnose, isReady } from '../doctor/index.ts';
import type { CheckResult, Level } from '../doctor/check.ts';
import { readingsOf } from '../doctor/readings.ts';
import { clean, cut } from '../notify/sanitise.ts';
import { UsageError, type Command } from './command.ts';
import { readPolicies } from './policies-dir.ts';
import { settingsOf } from './settings.ts';
import { whose } from './whose.ts';

export const doctor: Command = {
  name: 'doctor',
  summary:
    'Is this account ready? Looks at all that a response needs and says what to do about what is missing. Changes nothing.',
  usage:
    '[--stage NAME] [--policies DIR] [--json]\n' +
    '      The settings name vault, topic and ledger; --stage is that of the deployment whose functions and rules are looked\n' +
    '      at, secresponse-NAME-… (default: dev, as sls has it). Exit code 0: ready, maybe with warnings. 1: not ready, or not\n' +
    '      all could be checked. 2: bad settings.',
  async run(args, io) {
    const options = readOptions(args);
    const { settings } = settingsOf(io.env);
    const policies = readPolicies(io.cwd, options.policies);
    const { account, region, places, budgets, home } = await whose(io);
    const readings = readingsOf(places, budgets);
    const room = { settings, env: io.env, account, region, stage: options.stage, policies, aws: home, readings };
    // As long as several calls one after another may take.
    const results = (await diagnose(room, 3 * budgets.readMs)).map(presented);
    const ready = isReady(results);
    const answer = { ready, account, region, stage: options.stage, checks: results };
    io.out(options.json ? `${JSON.stringify({ doctor: answer }, null, 2)}\n` : told(answer));
    return ready ? 0 : 1;
  },
};

function readOptions(args: string[]): { stage: string; policies?: string; json: boolean } {
  const { values } = parseArgs({
    args,
    options: {
      stage: { type: 'string', default: 'dev' },
      policies: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if (!/^[A-Za-z0-9-]{1,40}$/.test(values.stage))
    throw new UsageError(`--stage takes letters, digits and hyphens, not ${JSON.stringify(values.stage)}`);
  return values;
}

/** Names and errors are foreign texts. */
function presented(result: CheckResult): CheckResult {
  return { ...result, says: cut(clean(result.says), 1_000) };
}

interface Answer {
  ready: boolean;
  account: string;
  region: string;
  stage: string;
  checks: CheckResult[];
}

const MARK: Record<Level, string> = { ok: '✓', warning: '!', 'not-ready': '✗', unchecked: '?' };

function told({ ready, account, region, stage, checks }: Answer): string {
  const count = (level: Level): number => checks.filter((one) => one.level === level).length;
  const verdict = [
    ready ? 'READY' : 'NOT READY',
    `  account ${account}, ${region}, stage ${stage}: `,
    `${count('ok')} in order, ${count('warning')} to know, ${count('not-ready')} to put right, ${count('unchecked')} not checked`,
  ].join('');
  const width = Math.max(...checks.map(({ check }) => check.length));
  const lines = checks.flatMap(({ check, level, says, todo }) => [
    `  ${MARK[level]} ${check.padEnd(width)}  ${says}`,
    ...(todo === undefined ? [] : [`    ${' '.repeat(width)}  → ${todo}`]),
  ]);
  return `${['', verdict, '', ...lines].join('\n')}\n`;
}
