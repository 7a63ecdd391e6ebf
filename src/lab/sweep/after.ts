/** What is known after a run: what struck it, what it told, what is there. */
import { collectors } from '../../evidence/index.ts';
import { osTriage } from '../../evidence/os-triage.ts';
import type { IncidentResult } from '../../runbook/incident.ts';
import type { CallKind } from './calls.ts';
import type { Reading } from './reading.ts';
import type { Scene } from './scene.ts';

/** What struck the run, as far as it may excuse something. */
export interface Struck {
  kind: CallKind;
  /** It goes on for the whole run: the call cannot succeed. A fault that passes excuses nothing. */
  lasting: boolean;
  /** The call may be made although nothing of it is heard, so that it is made twice. */
  lost: boolean;
  /** It answers, late. */
  late: boolean;
  /** It never answers. */
  hangs: boolean;
  /** The run was killed and started again. */
  killed: boolean;
}

export interface After {
  scene: Scene;
  reading: Reading;
  incident: IncidentResult;
  struck: Struck | null;
}

export function isCalledBy(kind: CallKind, permissions: readonly string[], others?: RegExp): boolean {
  return (
    others?.test(`${kind.service}:`) === true ||
    permissions.some((permission) =>
      kind.operation === '*'
        ? permission.startsWith(`${kind.service}:`)
        : permission === `${kind.service}:${kind.operation}`,
    )
  );
}

/** Everything that evidence is taken by, with the calls that it needs. */
export const evidenceCalls: Record<string, readonly string[]> = {
  ...Object.fromEntries(collectors.map(({ name, permissions }) => [name, permissions])),
  [osTriage.name]: osTriage.permissions,
  plan: [],
};
