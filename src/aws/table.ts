/** One DynamoDB table with items under one string key, as far as the ledger needs it. */
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { clientConfig, errorName, underDeadline, type ClientSettings } from './client.ts';

export type Item = Record<string, AttributeValue>;

export type Table = ReturnType<typeof tableOf>;

export function tableOf(table: string, settings: ClientSettings) {
  const client = new DynamoDBClient(clientConfig(settings));
  let keyNames: string[] = ['pk'];

  /** Item keys by the table's own key names: a table that was made by hand need not call its key `pk`. */
  const key = (value: string): Item =>
    Object.fromEntries(keyNames.map((name, index) => [name, { S: index === 0 ? value : '-' }]));

  /** Runs a call; where the table's key has another name, learns it and runs the call once more. */
  async function keyed<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (errorName(error) !== 'ValidationException' || !(await learnt())) throw error;
      return call();
    }
  }

  /** Looks up what the table's key is called. @returns whether it is called otherwise than was thought. */
  async function learnt(): Promise<boolean> {
    const answer = await client.send(new DescribeTableCommand({ TableName: table }), underDeadline());
    const schema = [...(answer.Table?.KeySchema ?? [])].sort((a) => (a.KeyType === 'HASH' ? -1 : 1));
    const names = schema.flatMap(({ AttributeName }) => AttributeName ?? []);
    if (names.length === 0 || names.join() === keyNames.join()) return false;
    keyNames = names;
    return true;
  }

  /** Made only where `condition` holds (`isRefused` tells). @returns the item as it is then. */
  async function update(
    id: string,
    expression: string,
    names: Record<string, string>,
    values: Item,
    condition?: string,
  ): Promise<Item> {
    const answer = await keyed(() =>
      client.send(
        new UpdateItemCommand({
          TableName: table,
          Key: key(id),
          UpdateExpression: expression,
          ...(Object.keys(names).length === 0 ? {} : { ExpressionAttributeNames: names }),
          ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
          ReturnValues: 'ALL_NEW',
          ...(condition ? { ConditionExpression: condition, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } : {}),
        }),
        underDeadline(),
      ),
    );
    return answer.Attributes ?? {};
  }

  /** Consistent; null where there is no such item. */
  async function read(id: string): Promise<Item | null> {
    const answer = await keyed(() =>
      client.send(new GetItemCommand({ TableName: table, Key: key(id), ConsistentRead: true }), underDeadline()),
    );
    return answer.Item ?? null;
  }

  /** Deletes the item where its attribute `name` has this text. */
  async function removeWhere(id: string, name: string, value: string): Promise<void> {
    await keyed(() =>
      client.send(
        new DeleteItemCommand({
          TableName: table,
          Key: key(id),
          ConditionExpression: '#name = :value',
          ExpressionAttributeNames: { '#name': name },
          ExpressionAttributeValues: { ':value': { S: value } },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
        underDeadline(),
      ),
    );
  }

  /** Keys of the items whose attribute `name` has this text, by an index over that. Not consistent. */
  async function keysByIndex(index: string, name: string, value: string): Promise<string[]> {
    await learnt();
    const pages = allPages((from) =>
      client.send(
        new QueryCommand({
          TableName: table,
          IndexName: index,
          KeyConditionExpression: '#name = :value',
          ExpressionAttributeNames: { '#name': name },
          ExpressionAttributeValues: { ':value': { S: value } },
          ...from,
        }),
        underDeadline(),
      ),
    );
    return (await pages).flatMap(keyOf);
  }

  /** Keys that begin so, by going through the whole table. */
  async function keysByPrefix(prefix: string): Promise<string[]> {
    return (await scan([prefix], { ProjectionExpression: '#key' })).flatMap(keyOf);
  }

  /** Items whose keys begin with one of these, by going through the whole table. */
  async function itemsByPrefixes(prefixes: string[]): Promise<{ key: string; item: Item }[]> {
    return (await scan(prefixes)).flatMap((item) => keyOf(item).map((key) => ({ key, item })));
  }

  async function scan(prefixes: string[], more: { ProjectionExpression?: string } = {}): Promise<Item[]> {
    await learnt();
    return allPages((from) =>
      client.send(
        new ScanCommand({
          TableName: table,
          FilterExpression: prefixes.map((_, index) => `begins_with(#key, :prefix${index})`).join(' OR '),
          ExpressionAttributeNames: { '#key': keyNames[0] ?? 'pk' },
          ExpressionAttributeValues: Object.fromEntries(prefixes.map((S, index) => [`:prefix${index}`, { S }])),
          ...more,
          ...from,
        }),
        underDeadline(),
      ),
    );
  }

  /** False only where AWS says that the table does not exist. */
  async function exists(): Promise<boolean> {
    try {
      await client.send(new DescribeTableCommand({ TableName: table }), underDeadline());
      return true;
    } catch (error) {
      return errorName(error) !== 'ResourceNotFoundException';
    }
  }

  function keyOf(item: Item): string[] {
    const text = item[keyNames[0] ?? 'pk']?.S;
    return text === undefined ? [] : [text];
  }

  return { update, read, removeWhere, keysByIndex, keysByPrefix, itemsByPrefixes, exists };
}

type Page = { Items?: Item[] | undefined; LastEvaluatedKey?: Item | undefined };

async function allPages(call: (from: { ExclusiveStartKey?: Item }) => Promise<Page>): Promise<Item[]> {
  const items: Item[] = [];
  for (let from: { ExclusiveStartKey?: Item } = {}; ;) {
    const { Items = [], LastEvaluatedKey } = await call(from);
    items.push(...Items);
    if (LastEvaluatedKey === undefined) return items;
    from = { ExclusiveStartKey: LastEvaluatedKey };
  }
}

/** The condition did not hold; `Item` is what was there. */
export function isRefused(error: unknown): error is ConditionalCheckFailedException {
  return error instanceof ConditionalCheckFailedException;
}

export function json(value: AttributeValue | undefined): unknown {
  return value?.S === undefined ? null : JSON.parse(value.S);
}
