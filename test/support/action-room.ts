/** One action at work on a world, as the runbook would have it, without the runbook. */
import {
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
  type InstanceAttribute,
  type InstanceAttributeName,
} from '@aws-sdk/client-ec2';
import type { Aws } from '../../src/aws/connect.ts';
import { ec2Gateway } from '../../src/aws/ec2.ts';
import type { Action, ActionContext } from '../../src/containment/action.ts';
import { labConfig } from '../../src/lab/client.ts';
import { createWorld, type World, type WorldOptions } from '../../src/lab/world.ts';
import { BASE } from '../../src/policy/policy.ts';
import type { Json } from '../../src/runbook/incident.ts';
import { undoOf } from '../../src/runbook/release-plan.ts';
import { smallBudgets } from './incident-room.ts';
import type { TestAccount } from './local-aws.ts';

export interface Contained {
  from: Json;
  to: Json;
  idle: string | null;
  verified: boolean;
  /** What the write failed with. */
  error?: string;
}

export interface Released {
  left: string[];
  lost: string[];
  /** Why nothing was to be written. */
  skip?: string;
  verified: boolean;
  error?: string;
}

export interface ActionRoom {
  account: TestAccount;
  world: World;
  context: ActionContext;
  /** Its EC2 goes through the account's proxy. */
  aws: Aws;
  /** The SDK, for what a person does. */
  ec2: EC2Client;
  read(known?: Json): Promise<Json>;
  /** Reads, keeps, writes and reads again. `stored`: of an earlier run. */
  contain(stored?: Json): Promise<Contained>;
  release(contained: Contained): Promise<Released>;
  instance(): Promise<Instance>;
  attribute(name: InstanceAttributeName): Promise<InstanceAttribute>;
  /** Calls that change something, since `from`. */
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
  const aws = { ec2: ec2Gateway({ ...config, budgets: smallBudgets }) } as Aws;
  const ec2 = new EC2Client(config);
  const context: ActionContext = {
    target: { account: world.account, region, instanceId },
    incidentId: 'incident-1',
    readMs: smallBudgets.readMs,
    containment: { ...BASE.containment, ...containment },
  };
  const read = (known: Json = null) => action.read(aws, context, known);
  const write = async (from: Json, to: Json): Promise<{ error?: string }> => {
    try {
      await action.write(aws, context, from, to);
      return {};
    } catch (error) {
      return { error: String(error) };
    }
  };

  return {
    account,
    world,
    context,
    aws,
    ec2,
    read,

    async contain(stored) {
      const reading = await read(stored);
      // It travels through durable state.
      const from = JSON.parse(JSON.stringify(action.keep(stored, reading, null))) as Json;
      const to = action.desired(reading, null, context);
      const idle = action.idle(reading, context);
      const written = idle === null ? await write(reading, to) : {};
      const again = await read(from);
      return { from, to, idle, verified: action.same(again, action.desired(again, null, context)), ...written };
    },

    async release({ from, to }) {
      const undo = async () =>
        undoOf(
          action,
          context,
          {
            from,
            change: {
              action: action.name,
              status: 'done',
              from,
              to,
              verified: true,
              description: '',
              at: '2026-01-02T03:04:05Z',
            },
          },
          { ok: true, value: { state: await read(from), found: null } },
          null,
        );
      const now = await undo();
      const { left, lost, skip } = now;
      const written = skip === undefined ? await write(now.from, now.to) : {};
      const verified = (await undo()).skip !== undefined;
      return { left, lost, ...(skip === undefined ? {} : { skip }), verified, ...written };
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
