/** How soon an instance is cut off, on each way, beside the serial sequence: calls one behind the other, and seconds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPolicies } from '../cli/policies-dir.ts';
import { createResponder } from '../handlers/responder.ts';
import { execute, memoryStore, type DurableHandler } from '../runbook/engine.ts';
import type { IncidentResult } from '../runbook/incident.ts';
import type { Policy } from '../policy/policy.ts';
import { createDeployment } from './deployment.ts';
import { createAgentEndpoints } from './endpoints.ts';
import type { LocalAws } from './local-aws.ts';
import { startProxy, type Call } from './proxy.ts';
import { defaultEvent } from './rehearsal-event.ts';
import { rounds } from './rounds.ts';
import { serialSequence } from './serial.ts';
import { createWorld, type World } from './world.ts';

export const LATENCY_MS = 80;
const RUNS = 5;
const REGION = 'us-east-1';

interface Way {
  name: string;
  managed: boolean;
  endpoints: boolean;
  order: Policy['containment']['order'];
}

const WAYS: Way[] = [
  { name: 'unmanaged', managed: false, endpoints: false, order: 'auto' },
  { name: 'lifeline', managed: true, endpoints: true, order: 'auto' },
  { name: 'interim', managed: true, endpoints: false, order: 'auto' },
  { name: 'collect-first', managed: true, endpoints: false, order: 'collect-first' },
];

export interface Figures {
  name: string;
  /** Calls one behind the other until every interface has left its former groups. */
  rounds: number;
  /** From the first call until then. */
  seconds: number;
  /** Of rounds × latency. */
  ratio: number;
  /** From then until the last interface is where it stays, and until that was read back. */
  finalSeconds: number | null;
  verifiedSeconds: number | null;
}

/** Each way several times in turn, the first time not counted: a Lambda that is warm. The median counts. */
export async function isolationFigures(aws: LocalAws): Promise<Figures[]> {
  const folder = mkdtempSync(join(tmpdir(), 'secresponse-bench-'));
  try {
    const all = new Map<string, Figures[]>();
    for (let run = 0; run <= RUNS; run += 1)
      for (const way of [...WAYS, null]) {
        const figures = await measure(aws, way, folder);
        if (run > 0) all.set(figures.name, [...(all.get(figures.name) ?? []), figures]);
      }
    return [...all.values()].map((found) => {
      const [middle] = found.toSorted((a, b) => a.seconds - b.seconds).slice(Math.floor(found.length / 2));
      return middle as Figures;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `way`: null for the serial sequence. */
async function measure(aws: LocalAws, way: Way | null, folder: string): Promise<Figures> {
  // An account of its own each time: what earlier runs left would slow the local AWS down.
  const account = String(100_000_000_000 + Math.floor(Math.random() * 899_999_999_999));
  const direct = await startProxy({ upstream: aws.endpoint, account });
  const place = { endpoint: direct.endpoint, region: REGION };
  const tags = way?.managed ? { tags: { 'ssm:agent': 'online', 'ssm:tmp': folder } } : {};
  const world = await createWorld({ ...place, volumes: 3, ...tags });
  if (way?.endpoints) await createAgentEndpoints(place, world);
  const deployment = await createDeployment(place);
  const proxy = await startProxy({ upstream: aws.endpoint, account, latencyMs: LATENCY_MS, inAll: true });
  try {
    if (way === null) {
      await serialSequence({ ...place, endpoint: proxy.endpoint }, world, deployment);
      return figuresOf('serial sequence', proxy.calls, world, null);
    }
    Object.assign(process.env, {
      AWS_REGION: REGION,
      AWS_ENDPOINT_URL: proxy.endpoint,
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
    });
    const { policies } = loadPolicies(process.cwd());
    const own = policies.default;
    const handler = createResponder({
      policies: {
        ...policies,
        default: {
          ...own,
          collection: { os: 'on', budgetSeconds: 3 },
          containment: { ...own.containment, order: way.order, cutFlows: 'never' },
        },
      },
      env: {
        AWS_REGION: REGION,
        EVIDENCE_BUCKET: deployment.bucket,
        NOTIFICATION_TOPIC_ARN: deployment.topicArn,
        INCIDENT_TABLE: deployment.table,
        SECRESPONSE_MODE: 'enforce',
      },
    }) as unknown as DurableHandler;
    const { incidents } = (await execute(handler, defaultEvent(world, new Date()), {
      store: memoryStore(),
      account: world.account,
      region: REGION,
    })) as { incidents: IncidentResult[] };
    return figuresOf(way.name, proxy.calls, world, incidents[0] ?? null);
  } finally {
    await Promise.all([proxy.stop(), direct.stop()]);
  }
}

function figuresOf(name: string, calls: readonly Call[], world: World, incident: IncidentResult | null): Figures {
  const moves = calls.filter(
    ({ operation, request }) => operation === 'ModifyNetworkInterfaceAttribute' && request.includes('SecurityGroupId'),
  );
  const first = world.interfaceIds.map((id) => moves.find(({ request }) => request.includes(id)));
  if (first.some((move) => move === undefined)) throw new Error(`${name}: an interface was not moved`);
  const levels = rounds(calls);
  const chain = Math.max(...first.map((move) => levels.get(move?.seq ?? 0) ?? 0));
  const began = calls[0]?.startedAt ?? 0;
  const left = Math.max(...first.map((move) => move?.endedAt ?? 0));
  const last = Math.max(...moves.map(({ endedAt }) => endedAt));
  const verified = incident?.isolation?.secondsToIsolation ?? null;
  return {
    name,
    rounds: chain,
    seconds: (left - began) / 1000,
    ratio: (left - began) / (chain * LATENCY_MS),
    finalSeconds: incident ? (last - left) / 1000 : null,
    verifiedSeconds: verified,
  };
}
