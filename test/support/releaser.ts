/** The release in a test's room, and what changes there as if a person had been at work. */
import {
  AssociateIamInstanceProfileCommand,
  DescribeInstancesCommand,
  EC2Client,
  ModifyNetworkInterfaceAttributeCommand,
  type Instance,
} from '@aws-sdk/client-ec2';
import { DynamoDBClient, ScanCommand, UpdateItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { createReleaser } from '../../src/handlers/release.ts';
import { labConfig } from '../../src/lab/client.ts';
import { execute, memoryStore, type DurableHandler, type ExecutionStore } from '../../src/runbook/engine.ts';
import type { ReleaseResult } from '../../src/runbook/release-result.ts';
import { assureGranted } from './granted.ts';
import { budgetsFor } from './budgets.ts';
import type { IncidentRoom, Reading } from './incident-room.ts';

export async function tryRelease(
  room: IncidentRoom,
  payload: object,
  store: ExecutionStore = memoryStore(),
  /** Another function runs at the same time: whose the calls are cannot be told. */
  beside?: 'beside others',
): Promise<{ release: ReleaseResult } | { refused: string }> {
  Object.assign(process.env, room.env);
  const handler = createReleaser({ budgets: budgetsFor(room.account), env: room.env }) as unknown as DurableHandler;
  const { account, region } = room.world;
  const start = room.account.proxy.calls.length;
  const answer = await execute(handler, payload, { store, account, region });
  if (beside === undefined) assureGranted('release', room.account.proxy.calls.slice(start));
  return answer as { release: ReleaseResult };
}

export async function release(room: IncidentRoom, payload: object, beside?: 'beside others'): Promise<ReleaseResult> {
  const answer = await tryRelease(room, payload, memoryStore(), beside);
  if ('refused' in answer) throw new Error(answer.refused);
  return answer.release;
}

/** What containment changes and release puts back. The groups of an interface are a set: AWS promises no order. */
export function restorable({ interfaces, profiles, terminationProtection }: Reading): object {
  const groups = Object.entries(interfaces).map(([id, ids]) => [id, ids.toSorted()] as const);
  return { interfaces: Object.fromEntries(groups), profiles, terminationProtection };
}

export async function setGroups(room: IncidentRoom, interfaceId: string, groups: string[]): Promise<void> {
  await ec2(room).send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: interfaceId, Groups: groups }));
}

export async function giveProfile(room: IncidentRoom, arn: string): Promise<void> {
  await ec2(room).send(
    new AssociateIamInstanceProfileCommand({ InstanceId: room.world.instanceId, IamInstanceProfile: { Arn: arn } }),
  );
}

/** Everything of the instance that DescribeInstances tells, its volumes and interfaces included; groups in order. */
export async function wholeInstance(room: IncidentRoom): Promise<Instance | undefined> {
  const { Reservations } = await ec2(room).send(new DescribeInstancesCommand({ InstanceIds: [room.world.instanceId] }));
  const instance = Reservations?.[0]?.Instances?.[0];
  for (const groups of [instance?.SecurityGroups, ...(instance?.NetworkInterfaces ?? []).map(({ Groups }) => Groups)])
    groups?.sort((one, other) => (one.GroupId ?? '').localeCompare(other.GroupId ?? ''));
  return instance;
}

/** Items of the ledger by key. */
export async function ledger(room: IncidentRoom): Promise<Map<string, Record<string, AttributeValue>>> {
  const client = new DynamoDBClient(labConfig({ endpoint: room.account.endpoint, region: room.world.region }));
  const { Items = [] } = await client.send(new ScanCommand({ TableName: room.deployment.table }));
  return new Map(Items.map((item) => [item['pk']?.S ?? '', item]));
}

function ec2({ account, world }: IncidentRoom): EC2Client {
  return new EC2Client(labConfig({ endpoint: account.endpoint, region: world.region }));
}

/** As if the last run had ended more than a day ago. */
export async function aDayLater(room: IncidentRoom): Promise<void> {
  const { account, region, instanceId } = room.world;
  await new DynamoDBClient(labConfig({ endpoint: room.account.endpoint, region })).send(
    new UpdateItemCommand({
      TableName: room.deployment.table,
      Key: { pk: { S: `target#${account}#${region}#${instanceId}` } },
      UpdateExpression: 'SET settledAt = :before',
      ExpressionAttributeValues: { ':before': { N: String(Date.now() - 25 * 3_600_000) } },
    }),
  );
}
