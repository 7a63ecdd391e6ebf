/** The API's function: what it answers, and what it starts. */
import { describe, expect, jest, test } from '@jest/globals';
import type { IncidentState, Requests } from '../../src/aws/requests.ts';
import type { Start } from '../../src/aws/starter.ts';
import { createApi, type ApiEvent } from '../../src/handlers/api.ts';

const INSTANCE = 'i-0123456789abcdef0';
const KNOWN = 'inc-0123456789abcdef';
const target = { account: '111122223333', region: 'eu-central-1', instanceId: INSTANCE };

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

function api(faults: { start?: Error; ledger?: Error; state?: IncidentState } = {}) {
  const started: [name: string, payload: object][] = [];
  const accepted: unknown[][] = [];
  const start: Start = (...run) => {
    if (faults.start) return Promise.reject(faults.start);
    started.push(run);
    return Promise.resolve();
  };
  const unless = <Value>(value: Value): Promise<Value> =>
    faults.ledger ? Promise.reject(faults.ledger) : Promise.resolve(value);
  const requests: Requests = {
    accept: (...noted) => unless(void accepted.push(noted)),
    answer: () => Promise.resolve(),
    state: (id) => unless(id === KNOWN ? (faults.state ?? null) : null),
  };
  const { account, region } = target;
  const call = createApi({ account, region, start, requests, now: () => 0 });
  return {
    started,
    accepted,
    call: async (event: Partial<ApiEvent>): Promise<Answer> => {
      const { statusCode, headers, body } = await call({ httpMethod: 'GET', resource: '/', ...event });
      return { status: statusCode, headers, body: JSON.parse(body) as Record<string, unknown> };
    },
  };
}

const post = (body: unknown): Partial<ApiEvent> => ({
  httpMethod: 'POST',
  resource: '/secresponse',
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const get = (incidentId: string): Partial<ApiEvent> => ({
  resource: '/secresponse/{incidentId}',
  pathParameters: { incidentId },
});

async function quietly<Value>(work: () => Promise<Value>): Promise<{ value: Value; log: string }> {
  const error = jest.spyOn(console, 'error').mockImplementation(() => {});
  try {
    return { value: await work(), log: error.mock.calls.flat().join('\n') };
  } finally {
    error.mockRestore();
  }
}

function expectProblem({ status, headers, body }: Answer, expected: number, detail: string, more: object = {}): void {
  expect(headers['Content-Type']).toBe('application/problem+json');
  expect({ status, body }).toEqual({
    status: expected,
    body: {
      type: 'about:blank',
      title: expect.any(String),
      status: expected,
      detail: expect.stringContaining(detail),
      ...more,
    },
  });
}

describe('POST /secresponse', () => {
  test('starts the responder under the id that it answers with', async () => {
    const { call, started, accepted } = api();
    const { status, headers, body } = await call(post({ instance_id: INSTANCE }));
    const id = String(body['incidentId']);
    expect(id).toMatch(/^inc-[0-9a-f]{16}$/);
    expect({ status, body }).toEqual({ status: 202, body: { incidentId: id, status: 'accepted', target } });
    expect(headers).toMatchObject({ 'Content-Type': 'application/json', Location: `secresponse/${id}` });
    expect(started).toEqual([[id, { instance_id: INSTANCE }]]);
    expect(accepted).toEqual([[id, target, '1970-01-01T00:00:00.000Z']]);
  });

  test('hands on Region, reason and dry run', async () => {
    const { call, started } = api();
    const request = { instance_id: INSTANCE, region: 'us-east-1', reason: 'beacons', dryRun: true };
    const { body } = await call({
      ...post(Buffer.from(JSON.stringify(request)).toString('base64')),
      isBase64Encoded: true,
    });
    expect(body['target']).toEqual({ ...target, region: 'us-east-1' });
    expect(started[0]?.[1]).toEqual(request);
  });

  test('gives every request an id of its own', async () => {
    const { call } = api();
    const answers = await Promise.all([call(post({ instance_id: INSTANCE })), call(post({ instance_id: INSTANCE }))]);
    expect(new Set(answers.map(({ body }) => body['incidentId'])).size).toBe(2);
  });

  test.each([
    ['no JSON', 'instance_id=i-1', 'the body is no JSON'],
    ['nothing', '', 'the body is no JSON'],
    ['no object', '[]', 'the body is no JSON object'],
    ['no instance', {}, 'instance_id: expected an instance id'],
    ['no instance id', { instance_id: 'web-7' }, 'instance_id: expected an instance id'],
    ['a mistyped key', { instance_id: INSTANCE, dryrun: true }, 'did you mean dryRun?'],
    ['force', { instance_id: INSTANCE, force: true }, 'not a key of a request'],
    ['a Region that is none', { instance_id: INSTANCE, region: 'Frankfurt' }, 'region: expected a Region'],
    ['a reason without end', { instance_id: INSTANCE, reason: 'x'.repeat(1001) }, 'at most 1,000 characters'],
  ])('refuses %s and starts nothing', async (_what, body, detail) => {
    const { call, started } = api();
    expectProblem(await call(post(body)), 400, detail);
    expect(started).toEqual([]);
  });

  test('says so where the responder cannot be started, without what went wrong inside', async () => {
    const { call, accepted } = api({
      start: Object.assign(new Error('arn:aws:iam::111122223333:role/x'), { name: 'AccessDeniedException' }),
    });
    const { value, log } = await quietly(() => call(post({ instance_id: INSTANCE })));
    expectProblem(value, 503, 'Nothing was changed; try again');
    expect(JSON.stringify(value)).not.toContain('AccessDenied');
    expect(log).toContain('AccessDenied');
    expect(accepted).toEqual([]);
  });

  test.each(['TimeoutError', 'ServiceException', 'TooManyRequestsException', 'Error'])(
    'claims nothing where nobody knows whether the responder was started (%s), and names the incident',
    async (name) => {
      const { call } = api({ start: Object.assign(new Error('socket hang up'), { name }) });
      const { value, log } = await quietly(() => call(post({ instance_id: INSTANCE })));
      const incidentId = expect.stringMatching(/^inc-[0-9a-f]{16}$/);
      expectProblem(value, 503, 'It is not known whether the responder was started', { incidentId });
      expect(JSON.stringify(value)).not.toContain('Nothing was changed');
      expect(log).toContain(String(value.body['incidentId']));
    },
  );

  test('answers 202 where only the ledger fails: the responder is under way', async () => {
    const { call, started } = api({ ledger: new Error('no ledger') });
    const { value } = await quietly(() => call(post({ instance_id: INSTANCE })));
    expect(value.status).toBe(202);
    expect(started).toHaveLength(1);
  });
});

describe('GET /secresponse/{incidentId}', () => {
  const state = { incidentId: KNOWN, status: 'accepted', target, updatedAt: '2026-01-02T03:04:05Z', result: null };

  test('tells the state from the ledger', async () => {
    const { result: _, ...told } = state;
    expect(await api({ state }).call(get(KNOWN))).toMatchObject({ status: 200, body: told });
  });

  test('tells which incident was joined', async () => {
    const joined = { ...state, status: 'joined', joined: 'inc-fedcba9876543210' };
    expect((await api({ state: joined }).call(get(KNOWN))).body).toMatchObject({
      status: 'joined',
      joined: 'inc-fedcba9876543210',
    });
  });

  test.each([['inc-ffffffffffffffff'], ['inc-1'], ['../target#1'], ['']])('knows no %j', async (id) => {
    expectProblem(await api({ state }).call(get(id)), 404, 'There is no incident');
  });

  test('asks to try again where the ledger does not answer', async () => {
    const { value } = await quietly(() => api({ ledger: new Error('no ledger') }).call(get(KNOWN)));
    expectProblem(value, 503, 'The ledger does not answer');
    expect(value.headers['Retry-After']).toBe('5');
  });
});

test('there are no other routes and methods', async () => {
  const { call } = api();
  expectProblem(await call({ resource: '/secresponse', httpMethod: 'DELETE' }), 405, 'takes POST, not DELETE');
  expectProblem(await call({ ...get(KNOWN), httpMethod: 'POST' }), 405, 'takes GET, not POST');
  expectProblem(await call({ resource: '/' }), 404, 'There is POST /secresponse');
});
