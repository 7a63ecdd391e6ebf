/** A world, a deployment and the responder in a test account: what the tests of the runbook need. */
import { randomUUID } from 'node:crypto';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import {
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstanceAttributeCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { ledgerGateway, type Ledger } from '../../src/aws/ledger.ts';
import { answerText } from '../../src/finding/answer.ts';
import { createResponder } from '../../src/handlers/responder.ts';
import { labConfig } from '../../src/lab/client.ts';
import { createDeployment, receiveMessages, type Deployment, type ReceivedMessage } from '../../src/lab/deployment.ts';
import type { BusEvent } from '../../src/lab/event-bus.ts';
import { defaultEvent } from '../../src/lab/rehearsal-event.ts';
import { interfaceGroups, vaultObjects } from '../../src/lab/rehearsal.ts';
import { createWorld, type World, type WorldOptions } from '../../src/lab/world.ts';
import { loadPolicies } from '../../src/cli/policies-dir.ts';
import type { Policies, Policy } from '../../src/policy/policy.ts';
import type { Budgets } from '../../src/runbook/budgets.ts';
import {
  execute,
  memoryStore,
  type CallbackAnswer,
  type DurableHandler,
  type ExecutionStore,
} from '../../src/runbook/engine.ts';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import type { Telemetry } from '../../src/runbook/outside.ts';
import { budgetsFor, smallBudgets } from './budgets.ts';
import { assureGranted, FUNCTION_KEY } from './granted.ts';
import type { TestAccount } from './local-aws.ts';

export { patientBudgets, smallBudgets } from './budgets.ts';

export interface RespondOptions {
  budgets?: Partial<Budgets>;
  env?: Record<string, string>;
  store?: ExecutionStore;
  /** In place of the policy's own. */
  collection?: Partial<Policy['collection']>;
  /** Likewise; connections are cut without a dwell unless it says otherwise. */
  containment?: Partial<Policy['containment']>;
  /** Likewise. */
  limits?: Partial<Policy['limits']>;
  approval?: Partial<Policy['approval']>;
  protect?: Policy['protect'];
  /** Plays Lambda: the execution's ARN is none of a local one's. */
  lambda?: boolean;
  onCallback?: (callbackId: string) => Promise<CallbackAnswer>;
  /** How the run is seen from outside; without, other systems do not hear of it. */
  telemetry?: Telemetry;
}

/** What a reading by other means than the project's own finds. */
export interface Reading {
  interfaces: Record<string, string[]>;
  /** Of every group that an interface is in: its rules in either direction. */
  rules: number;
  profiles: string[];
  terminationProtection: boolean;
  snapshots: { volumeId: string; tags: Record<string, string> }[];
}

export interface IncidentRoom {
  account: TestAccount;
  world: World;
  deployment: Deployment;
  env: Record<string, string>;
  event(change?: (event: BusEvent & { detail: Detail }) => void): BusEvent;
  respond(event: unknown, options?: RespondOptions): Promise<IncidentResult>;
  reading(): Promise<Reading>;
  objects(): Promise<{ key: string; body: Uint8Array }[]>;
  object(name: string): Promise<unknown>;
  messages(): Promise<ReceivedMessage[]>;
  /** Likewise of what could not be delivered. */
  deadLetters(): Promise<ReceivedMessage[]>;
  /** Names of the calls that the responder made since `from`. */
  calls(from?: number): string[];
}

export interface Detail {
  id: string;
  severity: number;
  type: string;
  updatedAt: string;
  service: { additionalInfo?: object; archived: boolean };
  [key: string]: unknown;
}

const WRITES =
  /^(Modify|Create|Put|Delete|Update|Associate|Disassociate|Replace|Revoke|Authorize|Publish|Terminate|Stop)/;

export function isWrite(operation: string): boolean {
  return WRITES.test(operation);
}

export async function incidentRoom(account: TestAccount, options: Partial<WorldOptions> = {}): Promise<IncidentRoom> {
  const { endpoint } = account;
  const world = await createWorld({ endpoint, ...options });
  const deployment = await createDeployment({ endpoint });
  const place = { endpoint, region: world.region };
  const { policies } = loadPolicies(process.cwd());
  const env = {
    AWS_REGION: world.region,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: FUNCTION_KEY,
    AWS_SECRET_ACCESS_KEY: 'test',
    EVIDENCE_BUCKET: deployment.bucket,
    NOTIFICATION_TOPIC_ARN: deployment.topicArn,
    DEAD_LETTER_QUEUE_URL: deployment.deadLetterUrl,
    INCIDENT_TABLE: deployment.table,
  };
  const ec2 = new EC2Client(labConfig(place));
  const s3 = new S3Client({ ...labConfig(place), forcePathStyle: true });

  return {
    account,
    world,
    deployment,
    env,

    event(change) {
      const event = structuredClone(defaultEvent(world, new Date('2026-01-02T03:04:05Z')));
      change?.(event as BusEvent & { detail: Detail });
      return event;
    },

    async respond(event, given = {}) {
      // The gateways read the endpoint and the credentials where the SDK does.
      Object.assign(process.env, env);
      const budgets = { ...budgetsFor(account), ...given.budgets };
      const handler = createResponder({
        policies: withSettings(policies, given),
        budgets,
        env: { ...env, ...given.env },
        telemetry: given.telemetry,
      }) as unknown as DurableHandler;
      const start = account.proxy.calls.length;
      const { incidents } = (await execute(handler, event, {
        store: given.store ?? memoryStore(),
        account: world.account,
        region: world.region,
        ...(given.lambda ? { arn: lambdaArn(world) } : {}),
        ...(given.onCallback ? { onCallback: given.onCallback } : {}),
      })) as { incidents: IncidentResult[] };
      assureGranted('responder', account.proxy.calls.slice(start));
      const [only] = incidents;
      if (!only || incidents.length !== 1) throw new Error(`${incidents.length} incidents`);
      return only;
    },

    async reading() {
      const interfaces = await interfaceGroups(endpoint, world);
      const ids = [...new Set(Object.values(interfaces).flat())];
      const [groups, associations, attribute, snapshots] = await Promise.all([
        ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: ids })),
        ec2.send(
          new DescribeIamInstanceProfileAssociationsCommand({
            Filters: [{ Name: 'instance-id', Values: [world.instanceId] }],
          }),
        ),
        ec2.send(
          new DescribeInstanceAttributeCommand({ InstanceId: world.instanceId, Attribute: 'disableApiTermination' }),
        ),
        ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] })),
      ]);
      return {
        interfaces,
        rules: (groups.SecurityGroups ?? []).reduce(
          (sum, group) => sum + (group.IpPermissions?.length ?? 0) + (group.IpPermissionsEgress?.length ?? 0),
          0,
        ),
        profiles: (associations.IamInstanceProfileAssociations ?? [])
          .filter(({ State }) => State === 'associated')
          .map(({ IamInstanceProfile }) => IamInstanceProfile?.Arn ?? ''),
        terminationProtection: attribute.DisableApiTermination?.Value ?? false,
        snapshots: (snapshots.Snapshots ?? [])
          .filter(({ VolumeId = '' }) => world.volumeIds.includes(VolumeId))
          .map(({ VolumeId = '', Tags = [] }) => ({
            volumeId: VolumeId,
            tags: Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
          })),
      };
    },

    objects: () => vaultObjects(endpoint, world.region, deployment.bucket),

    async object(name) {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: deployment.bucket }));
      const key = Contents.find(({ Key }) => Key?.endsWith(`/${name}`))?.Key;
      if (!key) throw new Error(`no ${name} in the vault: ${Contents.map(({ Key }) => Key).join(', ')}`);
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: deployment.bucket, Key: key }));
      return JSON.parse((await Body?.transformToString()) ?? 'null') as unknown;
    },

    messages: () => receiveMessages({ ...place, queueUrl: deployment.queueUrl }),
    deadLetters: () => receiveMessages({ ...place, queueUrl: deployment.deadLetterUrl }),

    calls: (from = 0) => account.proxy.calls.slice(from).map(({ operation }) => operation),
  };
}

function lambdaArn({ account, region }: World): string {
  const name = randomUUID();
  return `arn:aws:lambda:${region}:${account}:function:secresponse-dev-responder:1/durable-execution/${name}/${name}`;
}

function withSettings(
  policies: Policies,
  { collection, containment, limits, approval, protect }: RespondOptions,
): Policies {
  const own = policies.default;
  return {
    ...policies,
    default: {
      ...own,
      limits: { ...own.limits, ...limits },
      approval: { ...own.approval, ...approval },
      ...(protect ? { protect } : {}),
      collection: { ...own.collection, ...collection },
      containment: { ...own.containment, dwellSeconds: 0, ...containment },
    },
  };
}

/** Stolen credentials: the default policy leaves them to a person. */
export function stolen(room: IncidentRoom, severity = 8): BusEvent {
  return room.event(({ detail }) => {
    detail.type = 'UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS';
    detail.severity = severity;
    detail['resource'] = { ...(detail['resource'] as object), resourceType: 'AccessKey' };
  });
}

/** What a person says to what is asked. */
export function answerOf(decision: 'approve' | 'deny'): CallbackAnswer {
  return { result: answerText({ decision, by: 'arn:aws:iam::111122223333:user/mia', reason: 'looked at it' }) };
}

/** The room's ledger, for what no result tells. */
export function ledgerOf({ env, account }: IncidentRoom): Ledger {
  return ledgerGateway(env['INCIDENT_TABLE'] ?? '', {
    region: env['AWS_REGION'] ?? '',
    endpoint: account.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    budgets: smallBudgets,
  });
}

/** Every interface in exactly one group, none of which has a rule. */
export function isIsolated(reading: Reading, world: World): boolean {
  const groups = Object.values(reading.interfaces);
  const original = new Set(Object.values(world.groupIds).flat());
  return (
    groups.length === world.interfaceIds.length &&
    groups.every(([group, ...others]) => group !== undefined && others.length === 0 && !original.has(group)) &&
    reading.rules === 0
  );
}

/** Interface id → groups, of a recorded state of the network. */
export function groupsIn(state: unknown): Record<string, string[]> {
  const interfaces = Object.entries((state ?? {}) as Record<string, { groups: string[] }>);
  return Object.fromEntries(interfaces.map(([id, { groups }]) => [id, groups]));
}
