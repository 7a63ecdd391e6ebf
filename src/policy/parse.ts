/** From the texts of a policy folder to resolved policies, or to problems with their places. */
import { checkPolicyFile } from './checks.ts';
import type { Policies, Policy } from './policy.ts';
import { BASE, overlay } from './policy.ts';
import type { Problem } from './problems.ts';
import { describeIssue, expectations } from './problems.ts';
import type { PolicyFile, PolicyTest } from './schema.ts';
import { policyFileSchema } from './schema.ts';
import type { Place } from './yaml.ts';
import { readYaml } from './yaml.ts';

export interface PolicyText {
  /** As problems name it. */
  file: string;
  text: string;
  /** Twelve digits for `accounts/<account id>.yml`; absent for `default.yml`. */
  account?: string;
}

/** A test written in a policy file, and where. */
export interface PlacedTest extends Place {
  file: string;
  /** The account whose file it stands in. */
  account?: string;
  test: PolicyTest;
}

export interface ParsedPolicies {
  policies: Policies;
  tests: PlacedTest[];
}

interface ParsedFile {
  source: PolicyText;
  content: PolicyFile;
  tests: PlacedTest[];
}

export function parsePolicies(texts: readonly PolicyText[]): ParsedPolicies | { problems: Problem[] } {
  const results = texts.map(parseFile);
  const problems = results.flatMap((result) => ('problems' in result ? result.problems : []));
  const files = results.flatMap((result) => ('problems' in result ? [] : [result]));
  if (!texts.some(({ account }) => account === undefined)) {
    problems.push({
      file: 'default.yml',
      line: 1,
      column: 1,
      message: 'is missing; expected the policy for all accounts',
    });
  }
  if (problems.length > 0) return { problems };
  return {
    policies: resolve(files),
    tests: files.flatMap(({ tests }) => tests),
  };
}

function parseFile(source: PolicyText): ParsedFile | { problems: Problem[] } {
  const { file, text, account } = source;
  const yaml = readYaml(text);
  if (yaml.problems.length > 0) return { problems: yaml.problems.map((problem) => ({ file, ...problem })) };
  const result = policyFileSchema.safeParse(yaml.value, { error: expectations });
  if (!result.success) {
    const problems = result.error.issues.flatMap((issue) => describeIssue(issue, yaml.value, yaml, file));
    return { problems: problems.sort((a, b) => a.line - b.line || a.column - b.column) };
  }
  const content = result.data;
  const complaints = checkPolicyFile(content, account);
  if (complaints.length > 0) {
    return { problems: complaints.map(({ path, message }) => ({ file, ...yaml.placeOf(path), message })) };
  }
  const tests = (content.tests ?? []).map((test, index) => ({
    file,
    ...yaml.placeOf(['tests', index]),
    ...(account === undefined ? {} : { account }),
    test,
  }));
  return { source, content, tests };
}

function resolve(files: readonly ParsedFile[]): Policies {
  const base = files.find(({ source }) => source.account === undefined)?.content;
  const resolved = base === undefined ? BASE : overlay(BASE, base);
  const accounts: Record<string, Policy> = {};
  for (const { source, content } of files) {
    if (source.account === undefined) continue;
    accounts[source.account] = overlay(content.extends === undefined ? BASE : resolved, content);
  }
  return { version: 1, administrators: base?.administrators ?? [], default: resolved, accounts };
}
