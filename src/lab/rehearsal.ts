/**
 * A rehearsal: local AWS, a victim, the deployment, the compiled rules, and the same bundle that Lambda would run. The event
 * goes onto EventBridge; what matches runs the bundle through the durable SDK.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DescribeNetworkInterfacesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { Finding } from '../finding/finding.ts';
import { execute, memoryStore, type DurableHandler, type Progress } from '../runbook/engine.ts';
import type { IncidentResult } from '../runbook/incident.ts';
import { labConfig } from './client.ts';
import { createDeployment, receiveMessages, type Deployment, type ReceivedMessage } from './deployment.ts';
import { createRules, putEvent, type BusEvent } from './event-bus.ts';
import type { LocalAws } from './local-aws.ts';
import { startProxy, type Proxy } from './proxy.ts';
import { defaultEvent, mappedEvent } from './rehearsal-event.ts';
import { createWorld, type World } from './world.ts';

export interface StageOptions {
  aws: LocalAws;
  rules: { name: string; pattern: object }[];
  /** Builds what Lambda would run. */
  bundle: (outfile: string) => Promise<{ bytes: number }>;
  latencyMs?: number;
  mode: 'observe' | 'enforce';
  onStage: (line: string) => void;
}

export interface RehearsalOptions extends StageOptions {
  /** A finding to map onto the world; none: the default one. */
  event?: { input: object; finding: Finding };
  onProgress: (progress: Progress) => void;
}

/** Everything in place, nothing happened yet. */
export interface Stage {
  region: string;
  victims: [World, ...World[]];
  deployment: Deployment;
  handler: DurableHandler;
  /** Every AWS call of the responder. */
  proxy: Proxy;
}

export interface Rehearsal {
  victims: World[];
  deployment: Deployment;
  event: BusEvent;
  /** Null where no rule matched the event. */
  incidents: IncidentResult[] | null;
  rule?: string;
  /** Every AWS call of the responder. */
  proxy: Proxy;
  messages: ReceivedMessage[];
}

const MATCH_TIMEOUT_MS = 3_000;

export async function rehearse(options: RehearsalOptions): Promise<Rehearsal> {
  const { aws, onStage } = options;
  const { region, victims, deployment, handler, proxy } = await stage(options, options.event?.finding.targets.length);
  const [first] = victims;
  const place = { endpoint: aws.endpoint, region };
  const event = options.event
    ? mappedEvent(options.event.input, options.event.finding, victims, new Date())
    : defaultEvent(first, new Date());
  const delivered = nextDelivery(aws, event);
  await putEvent({ ...place, event });
  const delivery = await delivered;
  const base = { victims, deployment, event, proxy };
  if (!delivery) return { ...base, incidents: null, messages: [] };
  const rule = delivery.ruleArn.slice(delivery.ruleArn.lastIndexOf('/') + 1);
  onStage(`finding on EventBridge: matched by ${rule}`);
  const result = (await execute(handler, delivery.event, {
    store: memoryStore(),
    account: first.account,
    region,
    onProgress: options.onProgress,
  })) as { incidents: IncidentResult[] };
  const messages = await receiveMessages({ ...place, queueUrl: deployment.queueUrl });
  return { ...base, incidents: result.incidents, rule, messages };
}

/** Victims, deployment, rules, and the bundle in this process, with its environment. The caller stops the proxy. */
export async function stage(options: StageOptions, count = 1): Promise<Stage> {
  const { aws, onStage } = options;
  const place = { endpoint: aws.endpoint, region: process.env['AWS_REGION'] ?? 'us-east-1' };
  const first = await createWorld(place);
  const victims: [World, ...World[]] = [first];
  while (victims.length < count) victims.push(await createWorld(place));
  onStage(
    `world: ${victims.map(({ instanceId }) => instanceId).join(', ')} in ${first.vpcId}, account ${first.account}`,
  );
  const deployment = await createDeployment(place);
  const folder = mkdtempSync(join(tmpdir(), 'secresponse-bundle-'));
  try {
    const outfile = join(folder, 'responder.mjs');
    const { bytes } = await options.bundle(outfile);
    const targetArn = `arn:aws:lambda:${place.region}:${first.account}:function:responder:durable`;
    await createRules({ ...place, rules: options.rules, targetArn });
    onStage(`responder: bundle of ${Math.round(bytes / 1024)} KiB, ${options.rules.length} rules on EventBridge`);
    const proxy = await startProxy({ upstream: aws.endpoint, latencyMs: options.latencyMs ?? 0 });
    setEnvironment(place.region, proxy.endpoint, deployment, options.mode);
    const { handler } = (await import(pathToFileURL(outfile).href)) as { handler: DurableHandler };
    return { region: place.region, victims, deployment, handler, proxy };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As Lambda would set it: the bundle reads its settings and the SDK its endpoint from here. */
function setEnvironment(region: string, endpoint: string, deployment: Deployment, mode: string): void {
  Object.assign(process.env, {
    AWS_REGION: region,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    EVIDENCE_BUCKET: deployment.bucket,
    NOTIFICATION_TOPIC_ARN: deployment.topicArn,
    DEAD_LETTER_QUEUE_URL: deployment.deadLetterUrl,
    INCIDENT_TABLE: deployment.table,
    SECRESPONSE_MODE: mode,
  });
  delete process.env['AWS_SESSION_TOKEN'];
  delete process.env['AWS_PROFILE'];
}

function nextDelivery(aws: LocalAws, event: BusEvent) {
  return new Promise<{ ruleArn: string; event: unknown } | null>((resolve) => {
    const timer = setTimeout(() => {
      remove();
      resolve(null);
    }, MATCH_TIMEOUT_MS);
    const remove = aws.onDelivery((delivery) => {
      if ((delivery.event as { id?: string }).id !== event.id) return;
      clearTimeout(timer);
      remove();
      resolve(delivery);
    });
  });
}

/** What an independent reading finds: each interface's groups. */
export async function interfaceGroups(endpoint: string, world: World): Promise<Record<string, string[]>> {
  const ec2 = new EC2Client(labConfig({ endpoint, region: world.region }));
  const { NetworkInterfaces = [] } = await ec2.send(
    new DescribeNetworkInterfacesCommand({
      Filters: [{ Name: 'attachment.instance-id', Values: [world.instanceId] }],
    }),
  );
  return Object.fromEntries(
    NetworkInterfaces.map(({ NetworkInterfaceId = '', Groups = [] }) => [
      NetworkInterfaceId,
      Groups.map(({ GroupId = '' }) => GroupId),
    ]),
  );
}

/** Every object of the vault: key and bytes. */
export async function vaultObjects(
  endpoint: string,
  region: string,
  bucket: string,
): Promise<{ key: string; body: Uint8Array }[]> {
  const s3 = new S3Client({ ...labConfig({ endpoint, region }), forcePathStyle: true });
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
  return Promise.all(
    Contents.map(async ({ Key = '' }) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
      return { key: Key, body: (await Body?.transformToByteArray()) ?? new Uint8Array() };
    }),
  );
}
