/** The ledger's part in looking after open incidents: which there are, what was done there, and what has been told of them. */
import type { Target } from '../finding/finding.ts';
import type { Response } from '../policy/decision.ts';
import type { IncidentResult, Json } from '../runbook/incident.ts';
import { errorName } from './client.ts';
import { fromOf, incidentKey, isOver, LISTED, targetOfKey } from './ledger-items.ts';
import { endOf, type End } from './ledger-ended.ts';
import { lookUp } from './ledger-release.ts';
import { isRefused, json, type Table } from './table.ts';

/** An open incident as it is now; JSON-safe. */
export interface OpenIncident {
  incidentId: string;
  target: Target;
  asked: Response;
  /** How often it was claimed. */
  run: number;
  /** A release has begun to undo it and is not through. */
  releasing: boolean;
  /** Whoever worked on it last has died over it: its claim has run out, and nobody ended it. */
  died: boolean;
  /** It took evidence only, and has come to its end by itself. */
  over: boolean;
  /** A run works on it. `until`: milliseconds since 1970; absent where it holds until it ends. Null: none does. */
  held: { until?: number } | null;
  /** Milliseconds since 1970, when the lease of a run ended that has neither come to its end nor renewed it. */
  lapsedAt?: number;
  /** State before the first write, by action. */
  from: Record<string, Json>;
  /** Null where no run has come to its end. */
  result: IncidentResult | null;
  /** Digest of the drift that was told last. Null: none is. */
  drift: string | null;
}

export interface OpenRequest {
  /** One of the two names the incident. */
  which: { incidentId: string } | { target: Target };
  within: { account: string };
  /** Milliseconds since 1970. */
  now: number;
}

export function openLedger({ update, read, keysByIndex, keysByPrefix }: Table) {
  return {
    /** Changes nothing. `why`: there is no such open incident, for people. */
    async openIncident({ which, within, now }: OpenRequest): Promise<OpenIncident | { why: string }> {
      const found = await lookUp(read, which, within);
      if ('why' in found) return found;
      const { seen, target } = found;
      const { incidentId, asked, run, releasing, holder, leaseUntil } = seen;
      const item = await read(incidentKey(incidentId));
      const isHeld = holder !== undefined && (leaseUntil ?? Infinity) > now;
      return {
        incidentId,
        target,
        asked,
        run,
        releasing,
        died: holder !== undefined && !isHeld,
        over: isOver(seen, now),
        ...(holder !== undefined && leaseUntil !== undefined && !isHeld ? { lapsedAt: leaseUntil } : {}),
        held: isHeld ? (leaseUntil === undefined ? {} : { until: leaseUntil }) : null,
        from: fromOf(item),
        result: json(item?.['result']) as IncidentResult | null,
        drift: item?.['drift']?.S ?? null,
      };
    },

    /** Every target on which an incident is open; one that was opened a moment ago may be missing. */
    async openTargets(): Promise<Target[]> {
      const keys = await keysByIndex(LISTED.index, LISTED.attribute, LISTED.value).catch((error: unknown) => {
        // A table that was made by hand need not have the index; going through it says whether there is a table at all.
        if (!['ValidationException', 'ResourceNotFoundException'].includes(errorName(error))) throw error;
        return keysByPrefix('target#');
      });
      return keys.sort().flatMap((key) => targetOfKey(key) ?? []);
    },

    /** Those of these incidents that have come to their end. One that the ledger does not know of has not. */
    async endedAmong(incidentIds: readonly string[]): Promise<End[]> {
      const ends = await Promise.all(incidentIds.map((incidentId) => endOf(read, incidentId)));
      return ends.flatMap((end) => end ?? []);
    },

    /** Keeps which drift was told of an incident; null: there is none any more. `before`: what was kept until now. */
    async keepDrift(incidentId: string, digest: string | null, before: string | null): Promise<void> {
      if (digest !== null) {
        await update(incidentKey(incidentId), 'SET drift = :digest', {}, { ':digest': { S: digest } });
        return;
      }
      if (before === null) return;
      try {
        await update(incidentKey(incidentId), 'REMOVE drift', {}, { ':before': { S: before } }, 'drift = :before');
      } catch (error) {
        // Somebody else has told of another one meanwhile.
        if (!isRefused(error)) throw error;
      }
    },
  };
}
