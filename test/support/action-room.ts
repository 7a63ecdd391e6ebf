/** One action at work on a world, as a runbook and a release would have it, without those around it. */
import {
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
  type InstanceAttribute,
  type InstanceAttributeName,
} from '@aws-sdk/client-ec2';
import { errorLine } from '../../src/aws/deadline.ts';
import { connect, type Aws } from '../../src/aws/connect.ts';
import type { Action, ActionContext } from '../../src/containment/action.ts';
import { labConfig } from '../../src/lab/client.ts';
import { createWorld, type World, type WorldOptions } from '../../src/lab/world.ts';
import { BASE } from '../../src/policy/policy.ts';
import type { ChangeResult, Json } from '../../src/runbook/incident.ts';
import { undoOf } from '../../src/runbook/release-plan.ts';
import { patientBudgets } from './budgets.ts';
import type { TestAccount } from './local-aws.ts';

/** What one run has come to. */
export interface Contained {
  reading: Json;
  from: Json;
  to: Json;
  idle: string | null;
  /** What the write failed with. */
  error?: string;
  /** Read after it. */
  after: Json;
  verified: boolean;
  risks: string[];
  description: string;
}

export interface Released {
  left: string[];
  lost: string[];
  /** Why nothing was to be written. */
  skip?: string;
  error?: string;
  /** Read after it. */
  after: Json;
  verified: boolean;
}

export interface ActionRoom {
  account: TestAccount;
  world: World;
  place: { endpoint: string; region: string };
  context: ActionContext;
  /** Its calls go through the account's proxy. */
  aws: Aws;
  /** The SDK, for what a person does. */
  ec2: EC2Client;
  read(known?: Json): Promise<Json>;
  /** Reads, keeps, writes and reads again. `stored`: of an earlier run. */
  contain(stored?: Json, aws?: Aws): Promise<Contained>;
  /** `to`: undefined where no run came to its end. */
  release(contained: { from: Json; to: Json | undefined }): Promise<Released>;
  instance(): Promise<Instance>;
  attribute(name: InstanceAttributeName): Promise<InstanceAttribute>;
  /** Names of the calls since `from` that change something. */
  writes(from?: number): string[];
}

export async function actionRoom(
  action: Action,
  account: TestAccount,
  options: Partial<WorldOptions> = {},
  containment: Partial<ActionContext['containment']> = {},
): Promise<ActionRoom> {
  const { endpoint } = account;
  const world = await createWorld({ endpoint, ...options });
  const { instanceId, region } = world;
  const config = labConfig({ endpoint, region });
  const target = { account: account.account, region, instanceId };
  const sessions = { kind: 'direct' as const };
  const places = { bucket: 'none', topicArn: 'none', table: 'none', homeRegion: region, sessions };
  const own = connect(target, places, patientBudgets, { endpoint, credentials: config.credentials });
  const ec2 = new EC2Client(config);
  const context: ActionContext = {
    target,
    incidentId: 'incident-1',
    readMs: patientBudgets.readMs,
    containment: { ...BASE.containment, ...containment },
  };
  const read = async (known: Json = null, aws = own) => jsonSafe(await action.read(aws, context, known));

  return {
    account,
    world,
    place: { endpoint, region },
    context,
    aws: own,
    ec2,
    read,

    async contain(stored, aws = own) {
      const reading = await read(stored, aws);
      const from = jsonSafe(action.keep(stored, reading, null));
      const to = jsonSafe(action.desired(reading, null, context));
      const idle = action.idle(reading, context);
      const written = idle === null ? await tried(action.write(aws, context, reading, to)) : {};
      const after = await read(from, aws);
      return {
        ...{ reading, from, to, idle, after, ...written },
        verified: action.same(after, action.desired(after, null, context)),
        risks: action.risks?.(from, to, context) ?? [],
        description: action.describe(from, to),
      };
    },

    async release({ from, to }) {
      const change = to === undefined ? undefined : ({ status: 'done', to } as ChangeResult);
      const state = await read(from);
      const now = undoOf(action, context, { from, change }, { ok: true, value: { state, found: null } }, null);
      const { left, lost, skip } = now;
      const written = skip === undefined ? await tried(action.write(own, context, now.from, now.to)) : {};
      const after = await read(from);
      return {
        left,
        lost,
        ...(skip === undefined ? {} : { skip }),
        ...written,
        after,
        verified: action.same(after, now.to),
      };
    },

    async instance() {
      const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
      const found = Reservations?.[0]?.Instances?.[0];
      if (!found) throw new Error('no instance');
      return found;
    },

    attribute: (Attribute) => ec2.send(new DescribeInstanceAttributeCommand({ InstanceId: instanceId, Attribute })),

    writes: (from = 0) =>
      account.proxy.calls
        .slice(from)
        .flatMap(({ operation }) => (/^(Describe|Get)/.test(operation) ? [] : [operation])),
  };
}

/** The only world that a test of an action besides the network's needs. */
export const BARE: Partial<WorldOptions> = { interfaces: 1, volumes: 1, profile: false };

/** As it comes back out of durable state. */
function jsonSafe(state: Json): Json {
  return JSON.parse(JSON.stringify(state ?? null)) as Json;
}

async function tried(work: Promise<void>): Promise<{ error?: string }> {
  try {
    await work;
    return {};
  } catch (error) {
    return { error: errorLine(error) };
  }
}
