/** The plan as JSON in the vault, before anything is changed. */
import { attempt } from '../aws/deadline.ts';
import { actions } from '../containment/index.ts';
import { jsonObject } from '../evidence/collector.ts';
import { numbered } from '../evidence/manifest.ts';
import type { Decision } from '../policy/decision.ts';
import { contextOf } from './context.ts';
import type { Artifact, EvidenceResult, Json } from './incident.ts';
import type { ActionReading, Observation } from './observe.ts';
import { goneReason, plannedChange } from './plan.ts';
import type { IncidentContext } from './runbook.ts';

interface PlanRequest {
  /** `plan.json` */
  name: string;
  decision: Decision;
  /** State before the first write, by action. */
  from: Record<string, Json>;
  /** Of the actions that it is about. */
  readings: Record<string, ActionReading>;
  observed: Observation;
}

export async function storePlan(incident: IncidentContext, request: PlanRequest): Promise<EvidenceResult> {
  const { aws, deps, incidentId, finding, target } = incident;
  const { decision, from, readings, observed } = request;
  const object = jsonObject(numbered(request.name, incident.run), {
    version: 1,
    incidentId,
    finding: finding.id,
    target: { account: target.account, region: target.region, instanceId: target.instanceId },
    decision,
    instance: observed.instance,
    from,
    changes: actions
      .filter(({ name }) => readings[name] !== undefined)
      .map((action) => {
        const reading = readings[action.name];
        const prepared = reading?.found ?? null;
        return plannedChange(action, contextOf(incident), reading, prepared, from[action.name], goneReason(observed));
      }),
  });
  const outcome = await attempt(deps.budgets.recordMs, 'storing the plan', () =>
    aws.vault.put(incident.prefix + object.name, object.body, object.contentType),
  );
  if (!outcome.ok) return { collector: 'plan', status: 'failed', reason: outcome.error, artifacts: [] };
  const { key, sha256, bytes } = outcome.value;
  const artifact: Artifact = { key, sha256, bytes, collector: 'plan', takenAt: new Date(deps.now()).toISOString() };
  return { collector: 'plan', status: 'done', artifacts: [artifact] };
}
