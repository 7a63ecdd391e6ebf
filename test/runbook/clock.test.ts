/** The clock is put forward or back by an hour in the middle of a run: nothing waits for it, and nothing is given up for it. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { withDurableExecution, type DurableContext } from '@aws/durable-execution-sdk-js';
import { keepLease } from '../../src/cli/run-here.ts';
import { collect } from '../../src/evidence/collect.ts';
import { runOrder } from '../../src/evidence/os/channel.ts';
import { BASE } from '../../src/policy/policy.ts';
import { execute, memoryStore, type DurableHandler } from '../../src/runbook/engine.ts';
import { collectFromHost } from '../../src/runbook/host.ts';
import { patience } from '../../src/runbook/patience.ts';
import type { IncidentContext } from '../../src/runbook/runbook.ts';
import { deps, hanging, measured, small, target } from '../support/never-answers.ts';

const HOUR = 3_600_000;
const own = Date.now;
let offset = 0;
beforeEach(() => {
  offset = 0;
  jest.spyOn(Date, 'now').mockImplementation(() => own() + offset);
});
afterEach(() => void jest.restoreAllMocks());

const now = () => Date.now();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test.each([HOUR, -HOUR])('patience lasts as long as it is to, by a clock that jumps by %d ms', async (jump) => {
  const aws = hanging({ ec2: { instance: async () => ({ state: 'pending' }) } });
  const patient = patience({ aws, target, deps: { budgets: { ...small, settleMs: 300 } } });
  offset = jump;
  expect(await patient('IncorrectInstanceState')).toBe(true);
  await pause(310);
  expect(await patient('IncorrectInstanceState')).toBe(false);
});

test.each([HOUR, -HOUR])('what was taken is stored, by a clock that jumps by %d ms', async (jump) => {
  const collector = {
    name: 'finding',
    title: 'Finding',
    permissions: [],
    take: async () => {
      offset = jump;
      return { taken: [{ name: 'finding.json', body: Buffer.from('{}'), contentType: 'application/json' }] };
    },
  };
  const stored = async (key: string) => (await pause(50), { key, sha256: 'x', bytes: 2 });
  const { evidence } = await collect(
    collector,
    hanging({ vault: { put: stored } }),
    { target, incidentId: 'inc-1', event: {} },
    { prefix: 'p/', run: 1, budgetMs: 2_000, now, onTaken: () => {} },
  );
  expect(evidence).toMatchObject({ status: 'done', artifacts: [{ key: 'p/finding.json' }] });
});

test('an agent that takes a command is waited for, by a clock that was put forward', async () => {
  let looks = 0;
  const ssm = {
    send: async () => 'command',
    invocation: async () => {
      offset = HOUR;
      looks += 1;
      return { status: looks > 1 ? 'Success' : 'Pending', details: '', stdout: 'out', stderr: '' };
    },
  };
  const channel = {
    ssm: hanging({ ssm }).ssm,
    instanceId: target.instanceId,
    incidentId: 'inc-1',
    platform: 'Linux' as const,
    deliveryMs: 5_000,
    pollMs: 10,
    now,
    commands: [],
  };
  expect(await runOrder(channel, { do: 'collect', token: 'ab'.repeat(16), limit: 10 })).toBe('out');
});

/** A collection from a host that never answers; the preparation was done at `readyAt`. */
async function collecting(readyAt: number, renew: () => Promise<boolean>) {
  const sent: string[] = [];
  const ec2 = { instance: async () => null };
  const ssm = { send: () => (sent.push('command'), new Promise(() => {})) };
  const aws = hanging({ ec2, ssm, ledger: { renew } });
  const policy = () => ({ ...BASE, collection: { os: 'on' as const, budgetSeconds: 0.2 } });
  const incident = {
    aws,
    target,
    deps: { ...deps, now, policy },
    event: {},
    incidentId: 'inc-1',
    run: 1,
    prefix: 'p/',
    hold: { since: 0, until: 0, lost: false },
  } as unknown as IncidentContext;
  const start = { kind: 'run', platform: 'Linux', agentVersion: '3' } as const;
  let evidence: unknown;
  const took = await measured(async (ctx) => {
    const { result } = collectFromHost(ctx, incident, start, { route: { way: 'collect-first' } as never, readyAt });
    evidence = await result;
  });
  return { evidence, sent, took: took['os-triage'] };
}

test('a collection gets no more than its time, by a clock that was put back since its preparation', async () => {
  const { evidence, took } = await collecting(Date.now() + HOUR, async () => true);
  expect(evidence).toMatchObject({ status: 'failed', reason: expect.stringContaining('could not be stored') });
  expect(took).toBeLessThan(2_000);
});

test('a run that lost its claim while it was away begins no collection', async () => {
  const { evidence, sent } = await collecting(Date.now(), async () => false);
  expect(evidence).toMatchObject({ status: 'failed', reason: expect.stringContaining('taken the incident over') });
  expect(sent).toEqual([]);
});

test.each([HOUR, -HOUR])(
  'a wait takes as long as it is to, by a clock that jumps by %d ms',
  async (jump) => {
    const handler = withDurableExecution(async (_event: unknown, ctx: DurableContext) => {
      await ctx.wait('a moment', { seconds: 1 });
      return 'done';
    }) as unknown as DurableHandler;
    const began = performance.now();
    const store = memoryStore();
    const running = execute(handler, {}, { store, onCheckpoint: () => void (offset = jump) });
    const late = pause(5_000).then(() => 'too late');
    expect(await Promise.race([running, late])).toBe('done');
    expect(performance.now() - began).toBeLessThan(4_000);
  },
  10_000,
);

test('a local lease is renewed, by a clock that was put back', async () => {
  const renewed: number[] = [];
  const aws = hanging({ ledger: { renew: async (...[, , until]: [unknown, unknown, number]) => renewed.push(until) } });
  const lease = keepLease({ targets: [target] as never }, { budgets: { ...small, leaseMs: 400 }, gateways: () => aws });
  lease.renew('arn');
  expect(renewed).toEqual([]);
  offset = -HOUR;
  lease.renew('arn');
  await pause(150);
  lease.end();
  expect(renewed.length).toBeGreaterThanOrEqual(2);
});
