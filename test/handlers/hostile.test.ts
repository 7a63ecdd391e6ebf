/** The functions that take requests: nothing but an answer in form comes out, and nothing is done for what was refused. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Denial } from '../../src/containment/session-policy.ts';
import { createApi, type ApiEvent } from '../../src/handlers/api.ts';
import { createSessionDenier } from '../../src/handlers/session-denier.ts';
import { hostileId, hostileText, hostileValue, mostly, seeded, UNSEEN } from '../support/hostile.ts';

const OURS = '111122223333';

beforeEach(() => {
  jest.spyOn(console, 'error').mockImplementation(() => {});
});
afterEach(() => {
  jest.restoreAllMocks();
});

test('the API: an answer in form; only what was understood is started, and only ids of incidents are looked up', async () => {
  const started: unknown[] = [];
  const asked: string[] = [];
  const api = createApi({
    account: OURS,
    region: 'eu-west-1',
    start: async (name, payload) => void started.push(name, payload),
    requests: {
      accept: async () => {},
      answer: async () => {},
      state: async (id) => (asked.push(id), null),
    },
  });
  const request = fc.record(
    {
      instance_id: mostly(fc.constant('i-0123456789abcdef0'), hostileId),
      reason: mostly<unknown>(hostileText, hostileValue),
      region: mostly<unknown>(fc.constant('us-east-1'), hostileValue),
      force: hostileValue,
    },
    { requiredKeys: ['instance_id'] },
  );
  const body = mostly(
    request.map((input) => JSON.stringify(input)),
    hostileText,
  );
  const event: fc.Arbitrary<ApiEvent> = fc.record(
    {
      httpMethod: mostly(fc.constantFrom('POST', 'POST', 'GET'), hostileText),
      resource: mostly(fc.constantFrom('/secresponse', '/secresponse/{incidentId}'), hostileText),
      pathParameters: fc.option(
        fc.record({ incidentId: fc.oneof(hostileId, hostileText, fc.constant('inc-0123456789abcdef')) }),
      ),
      body: fc.option(body),
      isBase64Encoded: mostly(fc.constant(false), fc.constant(true)),
    },
    { requiredKeys: ['httpMethod', 'resource'] },
  );
  const codes = new Set<number>();
  await fc.assert(
    fc.asyncProperty(event, async (given) => {
      const before = started.length;
      const { statusCode, headers, body: text } = await api(given);
      codes.add(statusCode);
      expect([200, 202, 400, 404, 405]).toContain(statusCode);
      expect(typeof JSON.parse(text)).toBe('object');
      for (const value of Object.values(headers)) expect(value).not.toMatch(/[\r\n]|[^\x20-\x7e]/);
      expect(text.replaceAll('\t', '')).not.toMatch(UNSEEN);
      expect(started.length - before).toBe(statusCode === 202 ? 2 : 0);
    }),
    seeded(800),
  );
  expect(codes).toEqual(new Set([202, 400, 404, 405]));
  for (const payload of started.filter((one) => typeof one === 'object')) {
    expect(payload).toEqual({ instance_id: 'i-0123456789abcdef0', ...(payload as object) });
    expect(payload).not.toHaveProperty('force');
  }
  expect(new Set(asked)).toEqual(new Set(['inc-0123456789abcdef']));
});

test('the session denier: a role by name and an instance of this account, or one line and no writing', async () => {
  const written: [string, string, Denial][] = [];
  const deny = createSessionDenier({
    account: OURS,
    partition: 'aws',
    protectedRoles: ['secresponse-*', 'admin'],
    policies: { setDenial: async (role, arn, denial) => (written.push([role, arn, denial]), denial) },
  });
  const arn = fc.constantFrom(
    `arn:aws:ec2:eu-west-1:${OURS}:instance/i-0123456789abcdef0`,
    'arn:aws:ec2:eu-west-1:444455556666:instance/i-0123456789abcdef0',
    `arn:aws-cn:ec2:cn-north-1:${OURS}:instance/i-0123456789abcdef0`,
    `arn:aws:ec2:*:${OURS}:instance/*`,
    `arn:aws:ec2:eu-west-1:${OURS}:instance/i-0123456789abcdef0\n`,
  );
  const request = fc.record(
    {
      roleName: mostly<unknown>(
        fc.constantFrom('web', 'web', 'ADMIN', 'Secresponse-responder', '../web', '*'),
        hostileValue,
      ),
      instanceArn: mostly<unknown>(arn, fc.oneof(hostileId, hostileValue)),
      deny: mostly<unknown>(fc.constantFrom('none', 'collecting', 'all'), hostileValue),
    },
    { requiredKeys: ['roleName', 'instanceArn', 'deny'] },
  );
  const strange = fc.tuple(request, hostileText, hostileValue).map(([one, name, value]) => ({ ...one, [name]: value }));
  await fc.assert(
    fc.asyncProperty(mostly<unknown>(request, fc.oneof(strange, hostileValue)), async (given) => {
      const before = written.length;
      try {
        await deny(given);
      } catch (error) {
        expect((error as Error).message).toMatch(/^refused: /);
        expect((error as Error).message).not.toMatch(UNSEEN);
        expect((error as Error).message).not.toMatch(/\n/);
        expect(written).toHaveLength(before);
      }
    }),
    seeded(800),
  );
  expect(written.length).toBeGreaterThan(5);
  for (const [role, of, denial] of written) {
    expect(role).not.toMatch(/^(secresponse-|admin$)/i);
    expect(role).toMatch(/^[\w+=,.@-]{1,64}$/);
    expect(of).toBe(`arn:aws:ec2:eu-west-1:${OURS}:instance/i-0123456789abcdef0`);
    expect(['none', 'collecting', 'all']).toContain(denial);
  }
});
