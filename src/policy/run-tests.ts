/** Runs the tests that stand in policy files: small findings, written in a few words, and the response that they must get. */
import type { Finding, FindingTarget } from '../finding/finding.ts';
import { severityLabel } from '../finding/guardduty.ts';
import { INSPECTOR_INSTANCE } from '../finding/inspector.ts';
import { decide } from './decide.ts';
import type { PlacedTest } from './parse.ts';
import type { Policies } from './policy.ts';
import { policyFor } from './policy.ts';
import type { Problem } from './problems.ts';
import type { TestFinding } from './schema.ts';

/** What an example is about where it does not say so. */
const EXAMPLE = { account: '111122223333', region: 'us-east-1', instanceId: 'i-0123456789abcdef0' };

/** What a source's findings are like where the example does not say. */
const USUAL: Record<Finding['source'], { type: string; resourceType: string }> = {
  guardduty: { type: 'Example', resourceType: 'Instance' },
  inspector: { type: 'PACKAGE_VULNERABILITY', resourceType: INSPECTOR_INSTANCE },
  'security-hub': { type: 'Example', resourceType: 'Instance' },
  manual: { type: 'ManualRequest', resourceType: 'Manual' },
};

/** The tests that failed, as problems at the place of the test. */
export function runPolicyTests(policies: Policies, tests: readonly PlacedTest[]): Problem[] {
  return tests.flatMap(({ file, line, column, account, test }) => {
    const { finding, target } = example(test.finding, account);
    const policy = policyFor(policies, target.account);
    const decision = decide({ policy, finding, target, facts: target.facts });
    const { response, rule, reasons } = decision;
    if (response === test.expect && (test.rule === undefined || test.rule === rule)) return [];
    const expected = test.rule === undefined ? test.expect : `${test.expect} by rule ${test.rule}`;
    const name = test.name ?? test.finding.type ?? 'test';
    const message = `${name}: expected ${expected}, decided ${response} by rule ${rule}. ${reasons.join(' ')}`;
    return [{ file, line, column, message }];
  });
}

function example(short: TestFinding, fileAccount: string | undefined): { finding: Finding; target: FindingTarget } {
  const source = short.source ?? 'guardduty';
  const account = short.account ?? fileAccount ?? EXAMPLE.account;
  const region = short.region ?? EXAMPLE.region;
  const target: FindingTarget = {
    account,
    region,
    instanceId: short.instance ?? EXAMPLE.instanceId,
    facts: {
      ...(short.tags === undefined ? {} : { tags: short.tags }),
      ...(short.vpc === undefined ? {} : { vpcs: [short.vpc] }),
    },
  };
  const usual = USUAL[source];
  const type = short.type ?? usual.type;
  const finding: Finding = {
    source,
    id: 'example',
    account,
    region,
    type,
    severity: severityOf(short.severity),
    title: type,
    description: '',
    ...(short.role === undefined ? {} : { role: short.role }),
    resourceType: short.resourceType ?? usual.resourceType,
    ...(short.exploitAvailable === undefined ? {} : { exploitAvailable: short.exploitAvailable }),
    ...(short.score === undefined ? {} : { score: short.score }),
    ...(short.reachable === undefined ? {} : { reachable: short.reachable }),
    archived: short.archived === true,
    sample: short.sample === true,
    targets: [target],
    refused: [],
    ...(source === 'manual' ? { request: manualRequest(short) } : {}),
  };
  return { finding, target };
}

function severityOf(severity: TestFinding['severity']): Finding['severity'] {
  if (typeof severity === 'number') return { score: severity, label: severityLabel(severity) };
  return { score: null, label: severity ?? 'UNTRIAGED' };
}

function manualRequest({ reason, force }: TestFinding): NonNullable<Finding['request']> {
  return { ...(reason === undefined ? {} : { reason }), dryRun: false, force: force === true };
}
