/** The incidents of the ledger as a list, for people: what each is about and what came of it. Reads only. */
import type { Target } from '../finding/finding.ts';
import type { IncidentResult } from '../runbook/incident.ts';
import type { ClientSettings } from './client.ts';
import { targetOfKey } from './ledger-items.ts';
import { json, tableOf, type Item } from './table.ts';

/** One incident; JSON-safe. Null: the ledger does not say, since its run has not come to its end. */
export interface IncidentRow {
  incidentId: string;
  /** What came of it, or `accepted`, `in-progress`, `releasing`, `released`, `closed`. */
  status: string;
  target: Target | null;
  /** What the policy decided; of a run that has not ended, what was asked for. */
  response: string | null;
  rule: string | null;
  /** What was found: `Backdoor:EC2/C&CActivity.B!DNS`. */
  finding: string | null;
  /** How many findings it has. */
  findings: number;
  /** ISO 8601, UTC. */
  startedAt: string | null;
  updatedAt: string | null;
  /** Whether it is open on its target. */
  open: boolean;
  /** Verified by a second reading when its run ended, and not released since. Null: no isolation was asked for, or not known. */
  isolated: boolean | null;
  /** A person is asked. */
  approvalPending: boolean;
  /** Incident that has the evidence, where this one joined it. */
  joined?: string;
}

export function incidentsGateway(name: string, settings: ClientSettings) {
  const table = tableOf(name, settings);
  return {
    /** All of them, newest first. Goes through the whole table. */
    async list(): Promise<IncidentRow[]> {
      const items = await table.itemsByPrefixes(['incident#', 'target#']);
      const open = new Map(items.flatMap(({ key, item }) => openOn(key, item)));
      const rows = items
        .filter(({ key }) => key.startsWith('incident#'))
        .map(({ key, item }) => rowOf(key.slice('incident#'.length), item, open));
      const known = new Set(rows.map(({ incidentId }) => incidentId));
      // A run that has only just begun has left nothing but its claim.
      const begun = [...open.keys()].filter((id) => !known.has(id)).map((id) => rowOf(id, {}, open));
      return [...rows, ...begun].sort((a, b) => newest(a, b));
    },
  };
}

interface OpenOn {
  target: Target;
  asked: string | null;
}

function openOn(key: string, item: Item): [string, OpenOn][] {
  const target = targetOfKey(key);
  const id = item['incidentId']?.S;
  if (target === null || id === undefined) return [];
  return [[id, { target, asked: item['asked']?.S ?? null }]];
}

function rowOf(incidentId: string, item: Item, open: Map<string, OpenOn>): IncidentRow {
  const text = (name: string): string | null => item[name]?.S ?? null;
  const result = json(item['result']) as IncidentResult | null;
  const claimed = open.get(incidentId);
  const [account, region, instanceId, joined] = [text('account'), text('region'), text('instanceId'), text('joined')];
  const status = text('status') ?? 'in-progress';
  const released = status === 'released';
  return {
    incidentId,
    status,
    target: account && region && instanceId ? { account, region, instanceId } : (claimed?.target ?? null),
    response: text('response') ?? result?.decision.response ?? claimed?.asked ?? null,
    rule: result?.decision.rule ?? null,
    finding: result?.finding.type ?? null,
    findings: (item['findings']?.SS?.length ?? (result ? 1 : 0)) + Number(item['more']?.N ?? 0),
    startedAt: text('startedAt') ?? result?.startedAt ?? null,
    updatedAt: text('updatedAt'),
    open: claimed !== undefined,
    isolated: isolation(result, released || status === 'releasing'),
    approvalPending: item['approval'] !== undefined,
    ...(joined === null ? {} : { joined }),
  };
}

function isolation(result: IncidentResult | null, undone: boolean): boolean | null {
  if (!result?.isolation) return null;
  return result.isolation.verified && !undone;
}

/** What says no time is happening now. */
function newest(a: IncidentRow, b: IncidentRow): number {
  const time = ({ startedAt, updatedAt }: IncidentRow): string => startedAt ?? updatedAt ?? '9';
  return time(b).localeCompare(time(a)) || a.incidentId.localeCompare(b.incidentId);
}
