/** One action against the local AWS, without a runbook around it. */
import { connect, type Aws } from '../../src/aws/connect.ts';
import type { Action, ActionContext } from '../../src/containment/action.ts';
import { labConfig } from '../../src/lab/client.ts';
import { createWorld, type World, type WorldOptions } from '../../src/lab/world.ts';
import { BASE, type Policy } from '../../src/policy/policy.ts';
import type { ChangeResult, Json } from '../../src/runbook/incident.ts';
import { undoOf, type Undo } from '../../src/runbook/release-plan.ts';
import { smallBudgets } from './incident-room.ts';
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

export interface ActionRoom {
  account: TestAccount;
  world: World;
  place: { endpoint: string; region: string };
  aws: Aws;
  context: ActionContext;
  /** As a runbook does it. `stored`: of an earlier run. */
  contain(stored?: Json, aws?: Aws): Promise<Contained>;
  /** As a release does it. `contained`: undefined where no run came to its end. */
  release(from: Json, contained: Json | undefined): Promise<Undo & { after: Json; verified: boolean }>;
  /** Names of the calls since `from` that change something. */
  writes(from?: number): string[];
}

export async function actionRoom(
  action: Action,
  account: TestAccount,
  options: { world?: Partial<WorldOptions>; containment?: Partial<Policy['containment']> } = {},
): Promise<ActionRoom> {
  const { endpoint } = account;
  const world = await createWorld({ endpoint, interfaces: 1, volumes: 1, profile: false, ...options.world });
  const { instanceId, region } = world;
  const target = { account: account.account, region, instanceId };
  const { credentials } = labConfig({ endpoint });
  const sessions = { kind: 'direct' as const };
  const places = { bucket: 'none', topicArn: 'none', table: 'none', homeRegion: region, sessions };
  const own = connect(target, places, smallBudgets, { endpoint, credentials });
  const containment = { ...BASE.containment, ...options.containment };
  const context = { target, incidentId: 'inc-1', readMs: smallBudgets.readMs, containment };

  return {
    account,
    world,
    place: { endpoint, region },
    aws: own,
    context,

    async contain(stored, aws = own) {
      const reading = jsonSafe(await action.read(aws, context, stored ?? null));
      const from = action.keep(stored, reading, null);
      const to = jsonSafe(action.desired(reading, null, context));
      const idle = action.idle(reading, context);
      const error = idle === null ? await failure(action.write(aws, context, from, to)) : undefined;
      const after = jsonSafe(await action.read(aws, context, from));
      return {
        ...{ reading, from, to, idle, after, verified: action.same(after, to) },
        ...(error === undefined ? {} : { error }),
        risks: action.risks?.(from, to, context) ?? [],
        description: action.describe(from, to),
      };
    },

    async release(from, contained) {
      const state = jsonSafe(await action.read(own, context, from));
      const change = contained === undefined ? undefined : ({ status: 'done', to: contained } as ChangeResult);
      const undo = undoOf(action, context, { from, change }, { ok: true, value: { state, found: null } }, null);
      if (undo.skip === undefined) await action.write(own, context, undo.from, undo.to);
      const after = jsonSafe(await action.read(own, context, from));
      return { ...undo, after, verified: action.same(after, undo.to) };
    },

    writes: (from = 0) =>
      account.proxy.calls
        .slice(from)
        .map(({ operation }) => operation)
        .filter((operation) => !/^(Describe|Get)/.test(operation)),
  };
}

/** As it comes back out of durable state. */
function jsonSafe(state: Json): Json {
  return JSON.parse(JSON.stringify(state)) as Json;
}

async function failure(work: Promise<void>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
