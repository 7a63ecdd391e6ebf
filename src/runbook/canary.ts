/** The end of the canary's way: it came through the rules. Decided like any finding, and neither claimed nor told. */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import type { Finding } from '../finding/finding.ts';
import { decide } from '../policy/decide.ts';
import type { Decision } from '../policy/decision.ts';
import type { Telemetry } from './outside.ts';
import type { RunbookDeps } from './runbook.ts';

export interface CanaryResult {
  findingId: string;
  /** What would be done if it were none: always a dry run. */
  decisions: Pick<Decision, 'response' | 'rule' | 'dryRun'>[];
}

export async function seeCanary(
  ctx: DurableContext,
  finding: Finding,
  deps: Pick<RunbookDeps, 'policy'>,
  telemetry: Telemetry,
): Promise<CanaryResult> {
  const decisions = finding.targets.map((target) => {
    const policy = deps.policy(target.account);
    const { response, rule, dryRun } = decide({ policy, finding, target, facts: target.facts });
    return { response, rule, dryRun };
  });
  // One that the policies would leave alone proves less than it is there for.
  const seen = decisions.some(({ response }) => response !== 'ignore');
  await ctx.step('canary', () => {
    // It is no incident.
    const incidentId = 'none';
    telemetry.line(seen ? 'info' : 'warn', seen ? 'canary seen' : 'canary ignored by the policies', {
      incidentId,
      findingId: finding.id,
      decisions,
    });
    if (seen) telemetry.measure?.({ CanarySeen: 1 }, { incidentId });
    return Promise.resolve();
  });
  return { findingId: finding.id, decisions };
}
