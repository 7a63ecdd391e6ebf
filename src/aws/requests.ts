/**
 * Incidents as whoever asked for them sees them: by the id that the answer to the request named, from "accepted" on. The same
 * items as the ledger's, `incident#<id>`; what the ledger writes about an incident's end always counts more.
 */
import type { Target } from '../finding/finding.ts';
import type { IncidentResult } from '../runbook/incident.ts';
import type { ClientSettings } from './client.ts';
import { incidentKey } from './ledger-items.ts';
import { isRefused, json, tableOf, type Item } from './table.ts';

export interface IncidentState {
  incidentId: string;
  /** `accepted`, `in-progress`, or what came of it. */
  status: string;
  target: Target | null;
  /** Incident that was open on the target already, and has the evidence. */
  joined?: string;
  /** ISO 8601, UTC. */
  updatedAt: string | null;
  result: IncidentResult | null;
}

export type Requests = ReturnType<typeof requestsGateway>;

const NAMES = { '#status': 'status', '#region': 'region' };

export function requestsGateway(name: string, settings: ClientSettings) {
  const table = tableOf(name, settings);

  async function write(id: string, extra: string, values: Item, condition: string, target: Target): Promise<void> {
    const { account, region, instanceId } = target;
    try {
      await table.update(
        incidentKey(id),
        `SET #status = :status, account = :account, #region = :region, instanceId = :instance, updatedAt = :at${extra}`,
        extra === '' ? NAMES : { ...NAMES, '#result': 'result' },
        { ...values, ':account': { S: account }, ':region': { S: region }, ':instance': { S: instanceId } },
        condition,
      );
    } catch (error) {
      // The run was faster, or its end is written already.
      if (!isRefused(error)) throw error;
    }
  }

  return {
    /** A run has been started under this id. */
    accept: (id: string, target: Target, at: string): Promise<void> =>
      write(id, '', { ':status': { S: 'accepted' }, ':at': { S: at } }, 'attribute_not_exists(#status)', target),

    /** What came of it where the run itself leaves no incident under this id: a dry run, or another one was joined. */
    answer: (id: string, result: IncidentResult, at: string): Promise<void> =>
      write(
        id,
        ', #result = :result, joined = :joined',
        {
          ':status': { S: result.status },
          ':at': { S: at },
          ':result': { S: JSON.stringify(result) },
          ':joined': result.incidentId === id ? { NULL: true } : { S: result.incidentId },
          ':accepted': { S: 'accepted' },
        },
        'attribute_not_exists(#status) OR #status = :accepted',
        result.target,
      ),

    /** Null where nobody knows the id. */
    async state(id: string): Promise<IncidentState | null> {
      const item = await table.read(incidentKey(id));
      if (!item) return null;
      const text = (key: string): string | undefined => item[key]?.S;
      const [account, region, instanceId] = [text('account'), text('region'), text('instanceId')];
      const joined = text('joined');
      return {
        incidentId: id,
        status: text('status') ?? 'in-progress',
        target: account && region && instanceId ? { account, region, instanceId } : null,
        ...(joined === undefined ? {} : { joined }),
        updatedAt: text('updatedAt') ?? null,
        result: json(item['result']) as IncidentResult | null,
      };
    },
  };
}
