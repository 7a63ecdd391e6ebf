/** What a collector is. One file per kind of evidence; the registry in index.ts lists them. */
import type { Aws } from '../aws/connect.ts';
import type { Target } from '../finding/finding.ts';
import type { Snapshot } from '../runbook/incident.ts';

export interface CollectorContext {
  target: Target;
  incidentId: string;
  /** The event as it came. */
  event: unknown;
}

/** One object for the vault, as it was taken. */
export interface Taken {
  /** Key below the incident's prefix: `console-screenshot.jpg`. */
  name: string;
  body: Uint8Array;
  contentType: string;
}

export interface Collected {
  taken: Taken[];
  /** Snapshots that were started; they are no objects of the vault. */
  snapshots?: Snapshot[];
  /** What could not be had though the rest was; the collector then counts as failed, with what it has. */
  missing?: string[];
  /** Why there is nothing to take; the collector then counts as skipped. */
  skipped?: string;
}

export interface Collector {
  name: string;
  /** For people: `Console screenshot`. */
  title: string;
  /** IAM actions that it needs. */
  permissions: readonly string[];
  /** Changes nothing on the target. May run again after a crash. */
  take(aws: Aws, context: CollectorContext): Promise<Collected>;
}

/** A value as an object of evidence: indented JSON. */
export function jsonObject(name: string, value: unknown): Taken {
  return { name, body: Buffer.from(`${JSON.stringify(value, null, 2)}\n`), contentType: 'application/json' };
}
