import { expect, jest, test } from '@jest/globals';
import {
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
  type AttributeValue,
  type KeySchemaElement,
} from '@aws-sdk/client-dynamodb';
import { ledgerGateway, type Ledger } from '../../src/aws/ledger.ts';
import type { Claim, ClaimRequest } from '../../src/aws/ledger-claim.ts';
import { labConfig } from '../../src/lab/client.ts';
import { patientBudgets } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';

const local = useLocalAws();
const target = { account: '111122223333', region: 'eu-west-1', instanceId: 'i-0123456789abcdef0' };
const NOW = 1_800_000_000_000;

async function ledger(keys: string[] = ['pk'], at?: string): Promise<Ledger> {
  return (await ledgerTable(keys, at)).book;
}

async function ledgerTable(keys: string[] = ['pk'], at?: string): Promise<{ book: Ledger; client: DynamoDBClient }> {
  const endpoint = at ?? (await local.newAccount()).endpoint;
  const types: KeySchemaElement['KeyType'][] = ['HASH', 'RANGE'];
  const client = new DynamoDBClient(labConfig({ endpoint }));
  await client.send(
    new CreateTableCommand({
      TableName: 'ledger',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: keys.map((AttributeName, index) => ({ AttributeName, KeyType: types[index] })),
    }),
  );
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return {
    book: ledgerGateway('ledger', { region: 'us-east-1', endpoint, credentials, budgets: patientBudgets }),
    client,
  };
}

function idOf(claim: Claim): string {
  if (claim.kind === 'stale') throw new Error('no incident');
  return claim.incidentId;
}

function request(holder: string, change: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    target,
    holder,
    leaseMs: null,
    incidentId: `inc-${holder}`,
    asked: 'quarantine',
    insist: false,
    finding: { id: `finding-of-${holder}`, severity: 'HIGH' },
    critical: false,
    now: NOW,
    ...change,
  };
}

test('of ten claims at once one wins, the others join it', async () => {
  const book = await ledger();
  const claims = await Promise.all(Array.from({ length: 10 }, (_, index) => book.claim(request(`run-${index}`))));
  expect(claims.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
  expect(claims.filter(({ kind }) => kind === 'joined')).toHaveLength(9);
  expect(new Set(claims.map(idOf)).size).toBe(1);
});

test('the holder gets its own claim again, as the same run', async () => {
  const book = await ledger();
  const first = await book.claim(request('a'));
  const again = await book.claim(request('a'));
  expect(first).toMatchObject({ kind: 'claimed', run: 1 });
  expect(again).toMatchObject({ kind: 'claimed', run: 1, incidentId: idOf(first) });
});

test('one that asks for more than the run under way waits for its end', async () => {
  const book = await ledger();
  await book.claim(request('a', { asked: 'collect' }));
  expect(await book.claim(request('b'))).toMatchObject({ kind: 'held', holder: 'a' });
});

/** The holder of a local run, which nobody starts again when it dies. */
const localRun = (name: string) =>
  `arn:aws:lambda:eu-west-1:111122223333:function:responder:local/durable-execution/${name}/${name}`;

test('a local lease that holds is waited for, one that ran out is taken over, in the same incident', async () => {
  const book = await ledger();
  const mine = localRun('a');
  const first = await book.claim(request(mine, { leaseMs: 1_000 }));
  expect(await book.claim(request('b', { now: NOW + 999 }))).toMatchObject({ kind: 'held' });
  await book.renew(target, mine, NOW + 5_000);
  expect(await book.claim(request('b', { now: NOW + 1_001 }))).toMatchObject({ kind: 'held' });
  expect(await book.claim(request('b', { now: NOW + 5_001 }))).toMatchObject({
    kind: 'claimed',
    run: 2,
    incidentId: idOf(first),
  });
  // Whoever lost the claim cannot renew it.
  await book.renew(target, mine, NOW + 99_000);
  expect(await book.claim(request('c', { now: NOW + 5_002 }))).toMatchObject({ kind: 'joined' });
});

test('a Lambda run is joined while its lease holds, and taken over when it has died', async () => {
  const book = await ledger();
  const first = await book.claim(request('a', { leaseMs: 1_000 }));
  expect(await book.claim(request('b', { now: NOW + 999 }))).toMatchObject({ kind: 'joined', running: true });
  expect(await book.claim(request('c', { now: NOW + 1_000 }))).toMatchObject({
    kind: 'claimed',
    incidentId: idOf(first),
  });
});

test('a finding that comes while a release is at work joins nothing that is being undone: it waits for the end', async () => {
  const book = await ledger();
  const first = idOf(await book.claim(request('a')));
  const within = { account: target.account };
  await book.withdraw(target, 'a', { before: null, run: 2 });
  await book.claimRelease({ which: { target }, within, holder: 'r', leaseMs: 1_000, now: NOW, dryRun: false });
  expect(await book.claim(request('b', { lastSeen: NOW + 2 }))).toMatchObject({ kind: 'held', holder: 'r' });
  const record = { target, incidentId: first, status: 'released', at: new Date(NOW + 1).toISOString(), number: 1 };
  await book.endRelease('r', record as never);
  expect(await book.claim(request('b', { lastSeen: NOW + 1 }))).toMatchObject({ kind: 'stale' });
  expect(await book.claim(request('b', { lastSeen: NOW + 2 }))).toMatchObject({
    kind: 'claimed',
    incidentId: 'inc-b',
    released: { incidentId: first },
  });
});

test('who insists waits for a run under way, and joins none that turned out to do less', async () => {
  const book = await ledger();
  await book.claim(request('a', { leaseMs: 1_000 }));
  expect(await book.claim(request('b', { insist: true }))).toMatchObject({ kind: 'held' });
  await book.lower(target, 'a', 'collect');
  expect(await book.claim(request('c'))).toMatchObject({ kind: 'held' });
});

test('who is to complete an incident gets that one and no other, and opens none', async () => {
  const book = await ledger();
  const other = { insist: true, only: 'inc-of-nobody' };
  expect(await book.claim(request('a', other))).toMatchObject({ kind: 'joined', running: false });
  const opened = await book.claim(request('b', { leaseMs: 1_000 }));
  expect(opened).toMatchObject({ kind: 'claimed', run: 1 });
  const later = { now: NOW + 1_000, insist: true };
  expect(await book.claim(request('c', { ...other, ...later }))).toMatchObject({ kind: 'joined' });
  const same = { only: idOf(opened), ...later };
  expect(await book.claim(request('d', same))).toMatchObject({ kind: 'claimed', run: 2 });
});

test('`from` is stored once: a later record adds to it and changes nothing in it', async () => {
  const book = await ledger();
  const merge = (stored: object, read: object) => ({ ...read, ...stored }) as never;
  expect(await book.recordFrom('inc-1', 'changes', { a: 'first' }, merge)).toEqual({ a: 'first' });
  expect(await book.recordFrom('inc-1', 'changes', { a: 'second', b: 'new' }, merge)).toEqual({ a: 'first', b: 'new' });
});

test.each([[['id']], [['incident', 'kind']]])('a table that was made with the keys %j will do', async (keys) => {
  const book = await ledger(keys);
  const first = await book.claim(request('a', { leaseMs: 1 }));
  expect(first).toMatchObject({ kind: 'claimed', run: 1 });
  expect(await book.claim(request('b', { now: NOW + 2 }))).toMatchObject({ kind: 'claimed', run: 2 });
});

test('a person, and what is critical where the run is not, wait for its end: it may be held back', async () => {
  const book = await ledger();
  await book.claim(request('a'));
  expect(await book.claim(request('b', { person: true }))).toMatchObject({ kind: 'held' });
  expect(await book.claim(request('c', { critical: true }))).toMatchObject({ kind: 'held' });
  expect(await book.claim(request('d'))).toMatchObject({ kind: 'joined' });
});

test('who is certain waits for a run that may yet turn out to do less', async () => {
  const book = await ledger();
  await book.claim(request('a', { certain: 'collect' }));
  expect(await book.claim(request('b'))).toMatchObject({ kind: 'held' });
  await book.lower(target, 'a', 'quarantine');
  expect(await book.claim(request('b'))).toMatchObject({ kind: 'joined' });
});

test('a claim that came to nothing leaves what there was: the end of the incident before, or the open one', async () => {
  const book = await ledger();
  const first = idOf(await book.claim(request('a')));
  const at = NOW + 1_000;
  await book.claimRelease({
    which: { target },
    within: { account: target.account },
    holder: 'a',
    leaseMs: 1_000,
    now: at,
    dryRun: false,
  });
  const record = { target, incidentId: first, status: 'released', at: new Date(at).toISOString(), number: 1 };
  await book.endRelease('a', record as never);
  const again = await book.claim(request('b', { lastSeen: at + 1, now: at + 2 }));
  expect(again).toMatchObject({ kind: 'claimed', released: { incidentId: first, at } });
  if (again.kind !== 'claimed') throw new Error(again.kind);
  // The answer was lost: asked again, it is the same.
  expect(await book.claim(request('b', { lastSeen: at + 1, now: at + 2 }))).toMatchObject({
    released: { incidentId: first, at },
  });
  await book.withdraw(target, 'b', again);
  expect(await book.claim(request('c', { lastSeen: at, now: at + 3 }))).toMatchObject({ kind: 'stale' });
});

test('an incident has ended once nothing is open under it, also where its own record does not know; else it has not', async () => {
  const { endpoint } = await local.newAccount();
  const table = await ledger(['pk'], endpoint);
  const at = new Date(NOW).toISOString();
  const result = (incidentId: string) =>
    ({
      incidentId,
      status: 'quarantined',
      decision: { response: 'quarantine' },
      startedAt: at,
      finding: { id: 'f', severity: {} },
    }) as never;
  const end = { open: true, run: 1, settled: true, asked: 'quarantine', at } as const;
  const endedAmong = async (...ids: string[]) => (await table.endedAmong(ids)).map(({ incidentId }) => incidentId);
  await table.claim(request('a'));
  // Not settled yet: the record does not name its target.
  expect(await endedAmong('inc-a', 'inc-unknown')).toEqual([]);
  await table.close(target, 'a', result('inc-a'), end);
  expect(await endedAmong('inc-a')).toEqual([]);
  await table.claimRelease({ which: { target }, within: target, holder: 'r', leaseMs: 1_000, now: NOW, dryRun: false });
  expect(await endedAmong('inc-a')).toEqual([]);
  await table.endRelease('r', { incidentId: 'inc-a', target, status: 'released', at } as never);
  // As where the run of the release dies between its two entries.
  await new DynamoDBClient(labConfig({ endpoint })).send(
    new UpdateItemCommand({
      TableName: 'ledger',
      Key: { pk: { S: 'incident#inc-a' } },
      UpdateExpression: 'SET #open = :yes',
      ExpressionAttributeNames: { '#open': 'open' },
      ExpressionAttributeValues: { ':yes': { BOOL: true } },
    }),
  );
  expect(await endedAmong('inc-a')).toEqual(['inc-a']);
  await table.claim(request('b', { now: NOW + 1 }));
  expect(await endedAmong('inc-b', 'inc-a')).toEqual(['inc-a']);
});

test('an answer to a request may be given again by whoever gave it, and by nobody else', async () => {
  const book = await ledger();
  await book.ask('inc-1', 'token', null);
  expect(await book.decide('inc-1', 'other', 'mia', null)).toBe(false);
  expect(await book.decide('inc-1', 'token', 'mia', null)).toBe(true);
  expect(await book.decide('inc-1', 'token', 'mia', null)).toBe(true);
  expect(await book.decide('inc-1', 'token', 'joe', null)).toBe(false);
});

const closing = (change: object = {}) =>
  ({
    incidentId: 'inc-a',
    status: 'quarantined',
    decision: { response: 'quarantine' },
    startedAt: new Date(NOW).toISOString(),
    finding: { id: 'f', severity: {} },
    changes: [],
    ...change,
  }) as never;

const ending = { open: true, run: 1, settled: true, asked: 'quarantine', at: new Date(NOW).toISOString() } as const;

test('a run that was taken over does not write over what the later one has found', async () => {
  const book = await ledger();
  await book.claim(request('a', { leaseMs: 1_000 }));
  await book.claim(request('b', { now: NOW + 1_000, leaseMs: 1_000 }));
  expect(await book.close(target, 'a', closing(), ending)).toBe('lost');
  expect(await book.close(target, 'b', closing({ status: 'collected' }), { ...ending, run: 2 })).toBe('written');
  // Asked again, since its answer was lost: the same. The run before still has no say.
  expect(await book.close(target, 'b', closing({ status: 'collected' }), { ...ending, run: 2 })).toBe('written');
  expect(await book.close(target, 'a', closing(), ending)).toBe('lost');
  expect((await book.openIncident({ which: { target }, within: target, now: NOW })) as object).toMatchObject({
    incidentId: 'inc-a',
    result: { status: 'collected' },
  });
});

test.each([
  ['before', -1, 'lost', { why: expect.stringContaining('no incident is open') }],
  ['after', 1, 'written', { incidentId: 'inc-a', result: { status: 'quarantined' } }],
])('what a run changed %s the release of its incident', async (_when, ms, answer, open) => {
  const book = await ledger();
  await book.claim(request('a', { leaseMs: 1_000 }));
  const at = NOW + 2_000;
  await book.claimRelease({ which: { target }, within: target, holder: 'r', leaseMs: 1_000, now: at, dryRun: false });
  await book.endRelease('r', {
    incidentId: 'inc-a',
    target,
    status: 'released',
    at: new Date(at).toISOString(),
  } as never);
  const changes = [{ action: 'quarantine-network', at: new Date(at + ms).toISOString() }];
  expect(await book.close(target, 'a', closing({ changes }), ending)).toBe(answer);
  expect(await book.openIncident({ which: { target }, within: target, now: at })).toMatchObject(open);
});

/** The incident's entry after these findings were put into it. */
async function filled(client: DynamoDBClient, marks: string[]): Promise<() => Promise<Record<string, AttributeValue>>> {
  const place = { TableName: 'ledger', Key: { pk: { S: 'incident#inc-1' } } };
  await client.send(
    new UpdateItemCommand({
      ...place,
      UpdateExpression: 'SET told = :marks',
      ExpressionAttributeValues: { ':marks': { SS: marks } },
    }),
  );
  return async () => (await client.send(new GetItemCommand(place))).Item ?? {};
}

test('of an incident with very many findings the first are named, the rest is counted and told', async () => {
  const { book, client } = await ledgerTable();
  const item = await filled(
    client,
    Array.from({ length: 499 }, (_, index) => `HIGH ${index}`),
  );
  expect(await book.addFinding('inc-1', { id: 'named', severity: 'HIGH' })).toBe(true);
  expect(await book.addFinding('inc-1', { id: 'named', severity: 'HIGH' })).toBe(false);
  expect(await book.addFinding('inc-1', { id: 'counted', severity: 'HIGH' })).toBe(true);
  expect(await book.addFinding('inc-1', { id: 'counted too', severity: 'HIGH' })).toBe(true);
  const { told, more, findings } = await item();
  expect(told?.SS).toHaveLength(500);
  expect(more).toEqual({ N: '2' });
  expect(findings).toEqual({ SS: ['named'] });
});

test('an incident whose entry is full is closed all the same', async () => {
  const book = await ledger();
  const full = Object.assign(new Error('Item size to update has exceeded the maximum allowed size'), {
    name: 'ValidationException',
  });
  const written: unknown[] = [];
  const answer = async ({ input }: { input: object }): Promise<object> => {
    const { UpdateExpression = '' } = input as { UpdateExpression?: string };
    if (UpdateExpression.includes('ADD findings')) throw full;
    if (UpdateExpression.includes('#result')) written.push(input);
    return {};
  };
  const send = jest.spyOn(DynamoDBClient.prototype, 'send').mockImplementation(answer as never);
  const result = {
    incidentId: 'inc-1',
    status: 'quarantined',
    decision: { response: 'quarantine' },
    startedAt: new Date(NOW).toISOString(),
    finding: { id: 'f', severity: { label: 'HIGH' } },
    changes: [],
  };
  const end = { open: true, run: 1, settled: true, asked: 'quarantine', at: new Date(NOW).toISOString() } as const;
  await book.close(target, 'a', result as never, end);
  send.mockRestore();
  expect(written).toMatchObject([{ ExpressionAttributeValues: { ':status': { S: 'quarantined' } } }]);
});
