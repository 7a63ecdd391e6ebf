/**
 * A storm of findings through EventBridge: many about few instances, at once, some of them twice. One response for each
 * instance, every finding recorded. `node src/lab/storm.ts [FINDINGS] [INSTANCES]`, by default 1,000 over 50.
 */
import { pathToFileURL } from 'node:url';
import { ledgerGateway } from '../aws/ledger.ts';
import { loadPolicies } from '../cli/policies-dir.ts';
import { createResponder } from '../handlers/responder.ts';
import { eventRules } from '../policy/event-rules.ts';
import { defaultBudgets, type Budgets } from '../runbook/budgets.ts';
import { execute, memoryStore, type DurableHandler } from '../runbook/engine.ts';
import type { IncidentResult } from '../runbook/incident.ts';
import { createDeployment, receiveMessages } from './deployment.ts';
import { createRules, putEvent, type BusEvent } from './event-bus.ts';
import { startLocalAws, type LocalAws } from './local-aws.ts';
import { defaultEvent } from './rehearsal-event.ts';
import { createWorld, type World } from './world.ts';

/** One machine plays AWS and all of Lambda: waiting is no failure here. */
const PATIENT: Budgets = {
  ...defaultBudgets,
  callTimeoutMs: 60_000,
  claimMs: 180_000,
  readMs: 180_000,
  recordMs: 180_000,
  writeMs: 180_000,
  closeMs: 180_000,
  collectorMs: 300_000,
  digestSeconds: 15,
};

/** Executions at once. */
const AT_ONCE = 40;

export interface StormResult {
  findings: number;
  instances: number;
  deliveries: number;
  /** Different ids among what came back. */
  incidents: number;
  quarantined: number;
  joined: number;
  /** Findings that no incident knows, and instances without a verified isolation. */
  lost: string[];
  /** Messages in all; those of responses among them. */
  messages: number;
  responses: number;
}

export async function storm(
  aws: Pick<LocalAws, 'endpoint' | 'onDelivery'>,
  findings: number,
  instances: number,
): Promise<StormResult> {
  const region = 'us-east-1';
  const place = { endpoint: aws.endpoint, region };
  const worlds: World[] = [];
  while (worlds.length < instances) worlds.push(await createWorld({ ...place, interfaces: 1, volumes: 1 }));
  const deployment = await createDeployment(place);
  const env = {
    AWS_REGION: region,
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    EVIDENCE_BUCKET: deployment.bucket,
    NOTIFICATION_TOPIC_ARN: deployment.topicArn,
    INCIDENT_TABLE: deployment.table,
    SECRESPONSE_MODE: 'enforce',
  };
  Object.assign(process.env, env);
  const { policies } = loadPolicies(process.cwd());
  const own = policies.default;
  const handler = createResponder({
    policies: {
      ...policies,
      default: {
        ...own,
        limits: { ...own.limits, quarantinesPerHour: 10_000 },
        collection: { os: 'off', budgetSeconds: 1 },
        containment: { ...own.containment, cutFlows: 'never' },
      },
    },
    budgets: PATIENT,
    env,
  }) as unknown as DurableHandler;
  const [first] = worlds;
  if (!first) throw new Error('a storm needs an instance');
  const targetArn = `arn:aws:lambda:${region}:${first.account}:function:responder:durable`;
  await createRules({ ...place, rules: eventRules(policies), targetArn });

  const events = Array.from({ length: findings }, (_, index) => eventOf(worlds[index % instances] ?? first, index));
  const waiting: unknown[] = [];
  const results: IncidentResult[] = [];
  let deliveries = 0;
  const remove = aws.onDelivery(({ event }) => {
    deliveries += 1;
    waiting.push(event);
  });
  const sending = (async () => {
    for (const event of events) await putEvent({ ...place, event });
  })();
  let sent = false;
  void sending.then(() => (sent = true));
  const work = async (): Promise<void> => {
    for (let idle = 0; idle < 20;) {
      const event = waiting.shift();
      if (event === undefined) {
        idle = sent ? idle + 1 : 0;
        await new Promise((resolve) => setTimeout(resolve, 200));
        continue;
      }
      idle = 0;
      const name = `storm-${results.length}-${Math.random().toString(36).slice(2)}`;
      const arn = `arn:aws:lambda:${region}:${first.account}:function:responder:1/durable-execution/${name}/${name}`;
      const answer = await execute(handler, event, { store: memoryStore(), account: first.account, region, arn });
      results.push(...(answer as { incidents: IncidentResult[] }).incidents);
    }
  };
  await Promise.all([sending, ...Array.from({ length: Math.min(AT_ONCE, findings) }, work)]);
  remove();

  const messages = await receiveMessages({ ...place, queueUrl: deployment.queueUrl });
  return {
    findings,
    instances,
    deliveries,
    incidents: new Set(results.map(({ incidentId }) => incidentId)).size,
    quarantined: results.filter(({ status }) => status === 'quarantined').length,
    joined: results.filter(({ status }) => status === 'joined').length,
    lost: await lost(results, events, worlds, { ...place, table: deployment.table }),
    messages: messages.length,
    responses: messages.filter(({ attributes }) => attributes['status'] === 'quarantined').length,
  };
}

/** The same id comes twice in a round or more, often with another severity. */
function eventOf(world: World, index: number): BusEvent {
  const event = structuredClone(defaultEvent(world, new Date())) as BusEvent & {
    detail: { id: string; severity: number };
  };
  event.detail.id = `${world.instanceId}-${Math.floor(index / 100)}`;
  event.detail.severity = 7 + (index % 3) / 2;
  return event;
}

async function lost(
  results: readonly IncidentResult[],
  events: readonly BusEvent[],
  worlds: readonly World[],
  { endpoint, region, table }: { endpoint: string; region: string; table: string },
): Promise<string[]> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const ledger = ledgerGateway(table, { region, endpoint, credentials, budgets: PATIENT });
  const ids = [...new Set(results.map(({ incidentId }) => incidentId))];
  const known = new Set((await Promise.all(ids.map((id) => ledger.findingsOf(id)))).flat());
  const unknown = new Set(events.map(({ detail }) => (detail as { id: string }).id).filter((id) => !known.has(id)));
  const isolated = new Set(results.flatMap(({ isolation, target }) => (isolation?.verified ? target.instanceId : [])));
  return [
    ...[...unknown].map((id) => `finding ${id}`),
    ...worlds.filter(({ instanceId }) => !isolated.has(instanceId)).map(({ instanceId }) => `instance ${instanceId}`),
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [findings = 1_000, instances = 50] = process.argv.slice(2).map(Number);
  const aws = await startLocalAws();
  const began = performance.now();
  const result = await storm(aws, findings, instances);
  await aws.stop();
  const seconds = Math.round((performance.now() - began) / 1000);
  process.stdout.write(`${JSON.stringify({ ...result, seconds }, null, 2)}\n`);
  const good = result.incidents === instances && result.quarantined === instances && result.lost.length === 0;
  process.exitCode = good ? 0 : 1;
}
