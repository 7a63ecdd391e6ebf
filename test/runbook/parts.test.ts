/** A finding with more targets than one execution has operations for: in Lambda it starts others. */
import { beforeAll, expect, test } from '@jest/globals';
import { BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { labConfig } from '../../src/lab/client.ts';
import { DRIFT_CHECK, driftTargets } from '../../src/runbook/drift-check.ts';
import { partRequest } from '../../src/runbook/parts.ts';
import { memoryStore } from '../../src/runbook/engine.ts';
import { incidentRoom, type IncidentRoom } from '../support/incident-room.ts';
import { lambdaStarts, type LambdaStarts } from '../support/lambda-starts.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { run } from '../support/responder.ts';
import { instanceIds, sequenceOf } from '../support/sequence.ts';

const local = useLocalAws();
let lambda: LambdaStarts;
beforeAll(async () => void (lambda = await lambdaStarts()));

const policy = 'rules: [{ id: all, when: { source: guardduty }, respond: notify }]';
const ids = instanceIds;
const STRANGER = { uid: 'i-0fed09876abc54321', resourceType: 'EC2_INSTANCE', accountId: '999988887777' };
/** Against so many instances of the account, and one of another account's. */
const sequence = ({ world }: IncidentRoom, count: number) => sequenceOf(world, ids(count), [STRANGER]);

const functionOf = ({ world: { account, region } }: IncidentRoom) =>
  `arn:aws:lambda:${region}:${account}:function:secresponse-dev-responder:7`;

async function respondTo(count: number, options: { refuse?: RegExp; arn?: string } = {}) {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 1, volumes: 1 });
  const functionArn = functionOf(room);
  lambda.started = [];
  lambda.refuse = options.refuse ?? null;
  const event = sequence(room, count);
  const arn = (name: string) => `${functionArn}/durable-execution/${name}/${name}`;
  const store = memoryStore();
  const incidents = await run(room, event, { policy, store, arn: options.arn ?? arn('one') });
  return {
    room,
    event,
    functionArn,
    arn,
    store,
    incidents,
    instances: incidents.map(({ target }) => target.instanceId),
  };
}

test('every target is responded to, by one execution or another, and none by two', async () => {
  const { room, event, functionArn, arn, incidents, instances } = await respondTo(45);
  expect(instances).toEqual(ids(45).slice(0, 20));
  expect(lambda.started).toHaveLength(2);
  for (const { function: name, type, name: execution, payload } of lambda.started) {
    expect({ name, type }).toEqual({ name: functionArn, type: 'Event' });
    expect(execution).toMatch(/^[\w-]{1,64}$/);
    expect(partRequest(payload)?.input).toEqual(event);
  }
  expect(new Set(lambda.started.map(({ name }) => name)).size).toBe(2);

  const others = [];
  for (const { name, payload } of lambda.started.splice(0))
    others.push(...(await run(room, payload, { policy, arn: arn(name) })));
  expect(lambda.started).toEqual([]);
  expect([...instances, ...others.map(({ target }) => target.instanceId)].toSorted()).toEqual(ids(45));
  // Who is left out is told once.
  const told = [...incidents, ...others].filter(({ finding }) => finding.refused.length > 0);
  expect(told.flatMap(({ target }) => target.instanceId).every((id) => instances.includes(id))).toBe(true);
}, 60_000);

test('the same execution started twice gives the others the same names; another one, others', async () => {
  const { room, event, arn } = await respondTo(25);
  await run(room, event, { policy, arn: arn('one') });
  await run(room, event, { policy, arn: arn('two') });
  const [first, again, another] = lambda.started.map(({ name }) => name);
  expect(again).toBe(first);
  expect(another).not.toBe(first);
}, 60_000);

test('what cannot be started is responded to here', async () => {
  const { instances } = await respondTo(45, { refuse: /-2$/ });
  expect(lambda.started).toHaveLength(1);
  expect(instances.toSorted()).toEqual([...ids(45).slice(0, 20), ...ids(45).slice(40)]);
}, 60_000);

test('a few targets are responded to here, and off Lambda so are all', async () => {
  const { room, event, instances } = await respondTo(20);
  expect(instances).toHaveLength(20);
  const more = sequence(room, 21);
  expect(more).not.toEqual(event);
  expect(await run(room, more, { policy })).toHaveLength(21);
  expect(lambda.started).toEqual([]);
}, 60_000);

test('the open incidents are looked at by several executions as well, each by one', async () => {
  const room = await incidentRoom(await local.newAccount(), { interfaces: 1, volumes: 1 });
  const { account, region } = room.world;
  const table = new DynamoDBClient(labConfig({ endpoint: room.account.endpoint, region }));
  const all = ids(250);
  for (let first = 0; first < all.length; first += 25) {
    const items = all.slice(first, first + 25).map((id) => ({ pk: { S: `target#${account}#${region}#${id}` } }));
    const puts = items.map((Item) => ({ PutRequest: { Item } }));
    await table.send(new BatchWriteItemCommand({ RequestItems: { [room.deployment.table]: puts } }));
  }
  lambda.started = [];
  lambda.refuse = null;
  const look = async (event: object, name: string): Promise<string[]> => {
    const store = memoryStore();
    await run(room, event, { policy, store, arn: `${functionOf(room)}/durable-execution/${name}/${name}` });
    const names = store.load()?.operations.map(({ Name = '' }) => Name) ?? [];
    return names.flatMap((operation) => (operation.startsWith(`${region}/`) ? operation.slice(region.length + 1) : []));
  };
  const here = await look({ ...DRIFT_CHECK }, 'one');
  expect(here).toHaveLength(200);
  const [other, ...more] = lambda.started.splice(0);
  expect(more).toEqual([]);
  expect(driftTargets(other?.payload)).toHaveLength(50);
  expect([...here, ...(await look(other?.payload as object, other?.name ?? ''))].toSorted()).toEqual(all);
  expect(lambda.started).toEqual([]);
}, 60_000);
