/** The notification for machines. Pure. */
import type { ChangeResult, IncidentResult, Json } from '../runbook/incident.ts';
import { decisionCommands, releaseAdvice } from './facts.ts';
import type { Limits, NoteContext } from './message.ts';
import { failureLines, verdictOf } from './verdict.ts';

export interface Payload {
  version: 1;
  summary: string;
  mode: string;
  incidentId: string;
  status: IncidentResult['status'];
  target: IncidentResult['target'];
  instance: Omit<NonNullable<IncidentResult['instance']>, 'tags'> | null;
  finding: Omit<IncidentResult['finding'], 'targets' | 'refused' | 'request' | 'noTarget'>;
  decision: IncidentResult['decision'];
  evidence: IncidentResult['evidence'];
  snapshots: IncidentResult['snapshots'];
  changes: ChangeResult[];
  isolation: IncidentResult['isolation'];
  failures: string[];
  residualRisks: string[];
  vault: { bucket: string; prefix: string; manifest: { key: string; sha256: string } | null };
  release: { text: string; commands: string[] };
  startedAt: string;
  /** How many entries of long lists are left out, by list; absent where none. */
  omitted?: Record<string, number>;
}

/** `result` is fit to be shown (sanitise.ts). */
export function payloadFor(result: IncidentResult, context: NoteContext, limits: Limits): Payload {
  const omitted: Record<string, number> = {};
  const first = <T>(list: readonly T[], limit: number, name: string): T[] => {
    if (list.length > limit) omitted[name] = (omitted[name] ?? 0) + list.length - limit;
    return list.slice(0, limit);
  };
  const { finding, instance, decision, manifest } = result;
  const advice = releaseAdvice(result, context.releaseCommand, limits.items);
  if (advice.left > 0) omitted['release'] = advice.left;
  const { targets: _targets, refused: _refused, request: _request, noTarget: _noTarget, ...told } = finding;

  let room = limits.artifacts;
  const evidence = first(result.evidence, limits.items, 'evidence').map((taken) => {
    const artifacts = first(taken.artifacts, room, 'artifacts');
    room -= artifacts.length;
    return { ...taken, artifacts };
  });
  const payload: Payload = {
    version: 1,
    summary: verdictOf(result).sentence,
    mode: context.mode,
    incidentId: result.incidentId,
    status: result.status,
    target: result.target,
    instance: instance && shortInstance(instance, limits.items),
    finding: told,
    decision: {
      ...decision,
      reasons: first(decision.reasons, limits.items, 'reasons'),
      undecided: first(decision.undecided, limits.items, 'undecided'),
    },
    evidence,
    snapshots: first(result.snapshots, limits.items, 'snapshots'),
    changes: first(result.changes, limits.items, 'changes').map((change) => ({
      ...change,
      from: short(change.from, limits.text),
      to: short(change.to, limits.text),
    })),
    isolation: result.isolation,
    ...(result.approval ? { approval: { ...result.approval, commands: decisionCommands(result) } } : {}),
    failures: first(failureLines(result), limits.items, 'failures'),
    residualRisks: first(result.residualRisks, limits.items, 'residualRisks'),
    vault: { bucket: result.vault, prefix: result.evidencePrefix, manifest: manifest ?? null },
    release: { text: advice.text, commands: advice.commands },
    startedAt: result.startedAt,
  };
  return Object.keys(omitted).length === 0 ? payload : { ...payload, omitted };
}

/** Tags are in the evidence; a notification goes to more people. */
function shortInstance(instance: NonNullable<IncidentResult['instance']>, limit: number): Payload['instance'] {
  const { tags: _, ...rest } = instance;
  return { ...rest, vpcs: rest.vpcs.slice(0, limit) };
}

/** A state that is too long is left out whole: half of one would be another state. */
function short(state: Json, limit: number): Json {
  const length = JSON.stringify(state).length;
  return length <= limit ? state : { omitted: `${length} characters; the whole state is in the plan and the report` };
}
