/** `explain`: what would be done with a finding, and why. Touches no AWS. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Finding, Target } from '../finding/finding.ts';
import { FindingError } from '../finding/finding.ts';
import { isAccountId } from '../finding/ids.ts';
import { parseFinding } from '../finding/parse.ts';
import { decide } from '../policy/decide.ts';
import type { Decision } from '../policy/decision.ts';
import type { Policies } from '../policy/policy.ts';
import { policyFor } from '../policy/policy.ts';
import type { Command, Io } from './command.ts';
import { UsageError } from './command.ts';
import { parseJson } from './json.ts';
import { loadPolicies } from './policies-dir.ts';

interface Explanation {
  finding: Finding;
  targets: { target: Target; decision: Decision }[];
  refused: Finding['refused'];
  /** Why nothing is done, where there is no target. */
  reasons: string[];
}

export const explain: Command = {
  name: 'explain',
  summary: 'show the decision and its reasons for one event or finding; touches no AWS',
  usage: 'FILE [--account ID] [--policies DIR] [--json]',
  async run(args: string[], io: Io): Promise<number> {
    const { file, account, policiesDir, json } = parse(args);
    const { policies } = loadPolicies(io.cwd, policiesDir);
    const finding = understand(file, account, policies, io);
    const explanation = explainFinding(finding, policies, ceiling(io));
    if (json) io.out(`${JSON.stringify(explanation, null, 2)}\n`);
    else io.out(describe(explanation));
    const onlyRefused = finding.targets.length === 0 ? finding.refused[0] : undefined;
    if (onlyRefused === undefined) return 0;
    io.err(`${file}: ${onlyRefused.instanceId} is refused: ${onlyRefused.reason}\n`);
    return 2;
  },
};

function explainFinding(
  finding: Finding,
  policies: Policies,
  modeCeiling: 'observe' | 'enforce' | undefined,
): Explanation {
  const targets = finding.targets.map(({ facts, ...target }) => {
    const policy = policyFor(policies, target.account);
    const decision = decide({ policy, finding, target, facts, ...(modeCeiling === undefined ? {} : { modeCeiling }) });
    return { target, decision };
  });
  const reasons = finding.noTarget === undefined ? [] : [finding.noTarget];
  return { finding, targets, refused: finding.refused, reasons };
}

function understand(file: string, account: string | undefined, policies: Policies, io: Io): Finding {
  const input = readJson(file, io.cwd);
  const region = io.env['AWS_REGION'];
  try {
    return parseFinding(input, {
      ...(account === undefined ? {} : { account }),
      ...(region ? { region } : {}),
      administrators: policies.administrators,
    });
  } catch (error) {
    if (error instanceof FindingError) throw new UsageError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}

function readJson(file: string, cwd: string): unknown {
  let text: string;
  try {
    text = readFileSync(resolve(cwd, file), 'utf8');
  } catch (error) {
    throw new UsageError(`${file}: ${(error as NodeJS.ErrnoException).code ?? 'cannot be read'}: no readable file`, {
      cause: error,
    });
  }
  try {
    return parseJson(text);
  } catch (error) {
    const detail = error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error);
    throw new UsageError(`${file}: not JSON: ${detail}`, { cause: error });
  }
}

/** The same ceiling that the responder would have with this environment. */
export function ceiling(io: Io): 'observe' | 'enforce' | undefined {
  const mode = io.env['SECRESPONSE_MODE'];
  if (mode === undefined || mode === '') return undefined;
  if (mode === 'observe' || mode === 'enforce') return mode;
  throw new UsageError(`SECRESPONSE_MODE: found ${JSON.stringify(mode)}, expected observe or enforce`);
}

function describe({ finding, targets, refused, reasons }: Explanation): string {
  const { severity } = finding;
  const level = severity.score === null ? severity.label : `${severity.score} (${severity.label})`;
  const marks = [
    ...(finding.source === 'manual' ? [] : [`severity ${level}`]),
    ...(finding.score === undefined ? [] : [`score ${finding.score}`]),
    ...(finding.exploitAvailable === true ? ['exploit available'] : []),
    ...(finding.reachable === true ? ['reachable from the internet'] : []),
    ...(finding.archived ? [finding.source === 'inspector' ? 'suppressed or closed' : 'archived'] : []),
    ...(finding.sample ? ['sample'] : []),
  ];
  const lines = [`finding   ${[finding.type, ...marks].join(', ')}`, `          ${oneLine(finding.title)}`];
  for (const { target, decision } of targets) {
    lines.push(
      '',
      `target    ${target.instanceId} in ${target.account} ${target.region}`,
      `response  ${decision.response}${decision.dryRun ? ' (dry run)' : ''}`,
      `rule      ${decision.rule}`,
      ...decision.reasons.map((reason, index) => `${index === 0 ? 'because ' : '        '}  ${oneLine(reason)}`),
    );
  }
  for (const { instanceId, account, region, reason } of refused) {
    lines.push('', `refused   ${instanceId} in ${account} ${region}`, `because   ${reason}`);
  }
  if (targets.length === 0 && refused.length === 0) {
    lines.push('', 'response  ignore', ...reasons.map((reason) => `because   ${reason}`));
  }
  return `${lines.join('\n')}\n`;
}

/** Texts of a finding come from outside: no line breaks and no control characters reach the terminal. */
function oneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
}

function parse(args: string[]): { file: string; account?: string; policiesDir?: string; json: boolean } {
  const { values, positionals } = parseOrExplain(args);
  const [file, surplus] = positionals;
  if (file === undefined) throw new UsageError('expected a file with an event or a finding');
  if (surplus !== undefined) throw new UsageError(`explain: expected one file, found also ${surplus}`);
  if (values.account !== undefined && !isAccountId(values.account)) {
    throw new UsageError(`--account: expected 12 digits, found ${JSON.stringify(values.account)}`);
  }
  return {
    file,
    ...(values.account === undefined ? {} : { account: values.account }),
    ...(values.policies === undefined ? {} : { policiesDir: values.policies }),
    json: values.json,
  };
}

function parseOrExplain(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        account: { type: 'string' },
        policies: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`explain: ${error instanceof Error ? error.message : String(error)}`);
  }
}
