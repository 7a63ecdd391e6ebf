/**
 * A step that begins close by the time-out of its invocation is ended with it, and begins anew in the next one: there it has to
 * have the time to end. So does each function that is no durable one. By the code's own limits, and by steps in which nothing
 * answers in time.
 */
import { readFileSync, readdirSync } from 'node:fs';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { beforeAll, expect, test } from '@jest/globals';
import { terminationProtection } from '../../src/containment/termination-protection.ts';
import { parseFinding } from '../../src/finding/parse.ts';
import { apiLimits } from '../../src/handlers/api.ts';
import { BASE } from '../../src/policy/policy.ts';
import { defaultBudgets as budgets } from '../../src/runbook/budgets.ts';
import { TRUSTED } from '../../src/runbook/hold.ts';
import { tellDrift } from '../../src/runbook/outside.ts';
import { release, type ReleaseDeps } from '../../src/runbook/release.ts';
import { preserve } from '../../src/runbook/preserve.ts';
import { respond, type IncidentContext, type RunbookDeps } from '../../src/runbook/runbook.ts';
import { longestSteps, unrenewed } from '../support/longest-steps.ts';
import { deps, hanging, measured, small, target } from '../support/never-answers.ts';
import { packaged, type Template } from '../stack/packaged.ts';

/** Of a time-out: the rest is for starting, for taking up what is on record, and for a machine that is slow. */
const SHARE = 0.9;
/** Until an invocation that was ended by its time-out is followed by the next one. AWS names no time. */
const RESTART_MS = 120_000;

let template: Template;
beforeAll(async () => {
  template = await packaged('api=key', 'sessionDenial=on');
}, 60_000);

const timeoutOf = (name: string): number => Number(template.properties(`${name}LambdaFunction`)['Timeout']) * 1000;

/** The most that the schema lets a policy set. */
function extremes() {
  const { properties } = JSON.parse(readFileSync('policies/policy.schema.json', 'utf8')) as {
    properties: Record<string, { properties: Record<string, { maximum: number }> }>;
  };
  const most = (section: string, name: string) => properties[section]?.properties[name]?.maximum ?? NaN;
  return { budgetSeconds: most('collection', 'budgetSeconds'), dwellSeconds: most('containment', 'dwellSeconds') };
}

const longest = () => longestSteps(budgets, extremes());

test('every step of the source has its longest time', () => {
  const seen = new Set<string>();
  for (const room of ['runbook', 'handlers'])
    for (const file of readdirSync(`src/${room}`))
      for (const [, name = ''] of readFileSync(`src/${room}/${file}`, 'utf8').matchAll(
        /\.step\(\s*((?:`[^`]*`|[^,`])+),/g,
      ))
        seen.add(`${room}/${file} ${name}`);
  expect([...seen].toSorted()).toEqual(Object.keys(longest()).toSorted());
});

test('no step of a durable function lasts longer than an invocation, with a margin', () => {
  for (const name of ['Responder', 'Release']) {
    const limit = SHARE * timeoutOf(name);
    expect(Object.entries(longest()).filter(([, ms]) => !(ms <= limit))).toEqual([]);
  }
});

test('every other function answers before its time-out', () => {
  const functions = template
    .ofType('AWS::Lambda::Function')
    .map(([name]) => name.replace('LambdaFunction', ''))
    .filter((name) => !['Responder', 'Release'].includes(name));
  const longestOf: Record<string, number> = {
    SessionDashdenier: budgets.denialMs,
    Watcher: budgets.closeMs,
    Api: apiLimits.startMs + apiLimits.ledgerMs,
  };
  expect(functions.toSorted()).toEqual(Object.keys(longestOf).toSorted());
  for (const name of functions) expect(longestOf[name]).toBeLessThanOrEqual(SHARE * timeoutOf(name));
  // Whoever asks the denier waits for four calls' time, and is to hear the reason.
  expect(budgets.denialMs).toBeLessThan(4 * budgets.callTimeoutMs);
});

test('a lease outlasts what goes by without a renewal, with a time-out in the middle of it', () => {
  const step = Math.max(...Object.values(longest()));
  // Trusted until the last moment, and then the longest step begins, which is ended and begins anew.
  expect(TRUSTED * budgets.lambdaLeaseMs + step + RESTART_MS).toBeLessThanOrEqual(budgets.lambdaLeaseMs);
  const gap = Math.max(...Object.values(unrenewed(budgets)));
  expect(gap + RESTART_MS).toBeLessThanOrEqual(SHARE * budgets.releaseLeaseMs);
  // A person's command is not started again by itself.
  expect(gap).toBeLessThanOrEqual(SHARE * budgets.leaseMs);
});

const settings = { budgetSeconds: 1.2, dwellSeconds: 0.05 };
/** What timers and the machine may add to a step: less than one write. */
const SLOW_MS = 250;

function longerThan(took: Record<string, number>, allowed: (name: string) => number | undefined): string[] {
  return Object.entries(took).flatMap(([name, ms]) => {
    const limit = allowed(name);
    return limit !== undefined && ms <= limit + SLOW_MS ? [] : [`${name}: ${ms} ms of ${limit}`];
  });
}

/** Steps of a response by the names that they have there. */
const placeOf = (name: string): string | undefined => {
  const places = Object.keys(longest());
  const own = places.filter((place) => place.endsWith(` '${name}'`) && !/(drift|release|rehearse)\.ts/.test(place));
  if (own.length > 0) return own[0];
  if (name === 'claim') return 'runbook/claim.ts look === 0 ? name : `${name}-${look + 1}`';
  if (name === 'observe') return 'runbook/rehearse.ts name';
  if (name.startsWith('plan-')) return 'runbook/contain.ts `plan-${name}`';
  if (/^(finding|instance-metadata|console-|ebs-)/.test(name)) return 'runbook/preserve.ts collector.name';
  return 'runbook/beside.ts action.name';
};

/** AWS refuses a change for the moment, and each call is as late as it may be. `on`: termination protection, as it is. */
function refusing(on: boolean) {
  const late = async <T>(ms: number, answer: T): Promise<T> => {
    await new Promise((resolve) => setTimeout(resolve, ms * 0.9));
    return answer;
  };
  const instance = { state: 'pending', tags: {}, interfaces: [], volumeIds: [], vpcId: 'vpc-1' };
  return {
    instance: () => late(small.readMs, instance),
    terminationProtection: () => late(small.readMs, on),
    setTerminationProtection: async () => {
      await late(small.writeMs, null);
      throw Object.assign(new Error('not now'), { name: 'IncorrectInstanceState' });
    },
  };
}

test('where AWS never answers or refuses a change for the moment, every step ends within its time, and the run does', async () => {
  const policy = {
    ...BASE,
    mode: 'enforce' as const,
    rules: [{ id: 'all', when: {}, respond: 'quarantine' as const }],
  };
  const request = { instance_id: target.instanceId, reason: 'test' };
  const finding = parseFinding(request, target);
  const given: RunbookDeps = { ...deps, aws: () => hanging({ ec2: refusing(false) }), policy: () => policy };
  const took = await measured((ctx) => respond(ctx, finding, request, given));
  expect(Object.keys(took)).toEqual(
    expect.arrayContaining(['claim', 'prepare', 'verify', 'manifest', 'notify', 'close']),
  );
  expect(took[terminationProtection.name]).toBeGreaterThan(small.settleMs);
  const steps = longestSteps(small, settings);
  expect(longerThan(took, (name) => steps[placeOf(name) ?? ''])).toEqual([]);
}, 60_000);

test('an undo that AWS refuses for the moment, each call as late as may be: it ends within its time', async () => {
  const open = {
    kind: 'open',
    incidentId: 'inc-1',
    target,
    from: { [terminationProtection.name]: false },
    result: null,
    last: null,
  };
  const calls: string[] = [];
  let until = 0;
  const ledger = {
    claimRelease: async ({ leaseMs }: { leaseMs: number }) => (calls.push(`claim ${leaseMs}`), open),
    renew: async (_target: unknown, _holder: string, leaseUntil: number) => {
      calls.push('renew');
      until = leaseUntil - Date.now();
      return true;
    },
  };
  const vault = { bucket: 'vault', put: (key: string) => (calls.push(key), new Promise(() => {})) };
  const aws = hanging({ ec2: refusing(true), ledger, vault });
  const given: ReleaseDeps = { ...deps, aws: () => aws, home: target };
  const request = { which: { incidentId: 'inc-1' }, reason: 'test', by: 'mia', dryRun: false };
  const took = await measured((ctx) => release(ctx, request, given));
  const steps = longestSteps(small, settings);
  expect(took[terminationProtection.name]).toBeGreaterThan(small.settleMs);
  expect(
    longerThan(took, (name) => steps[`runbook/release.ts '${name}'`] ?? steps['runbook/release.ts action.name']),
  ).toEqual([]);
  // Long enough to begin anew after a time-out, and as long before its last steps.
  expect(calls[0]).toBe(`claim ${small.releaseLeaseMs}`);
  expect(until).toBeGreaterThan(small.releaseLeaseMs - SLOW_MS);
  const [record, after] = calls.slice(calls.findIndex((call) => call.endsWith('release.json')));
  expect([record, after]).toEqual([expect.stringMatching(/release\.json$/), 'renew']);
}, 60_000);

test('two hundred incidents are closed, and no event can be put: each step ends within its time', async () => {
  const closed = Array.from({ length: 200 }, (_, index) => ({
    incidentId: `inc-${index}`,
    target,
    at: '2026-01-02T03:04:05Z',
  }));
  const drift = { verifications: [], notifications: [], completed: [], overdue: [], failures: [], closed };
  let lines = 0;
  const telemetry = { line: () => void (lines += 1) };
  const took = await measured((ctx) => tellDrift(ctx, hanging({}), drift, { ...deps, telemetry }));
  expect(lines).toBe(200);
  const steps = longestSteps(small, settings);
  expect(longerThan(took, () => steps["runbook/outside.ts index === 0 ? 'closed' : `closed-${index + 1}`"])).toEqual(
    [],
  );
}, 60_000);

test('all evidence was taken by an earlier invocation: none is waited for', async () => {
  const ctx = { runInChildContext: async () => [] } as unknown as DurableContext;
  const incident = { deps, target } as unknown as IncidentContext;
  const { taken } = preserve(ctx, incident, null);
  const late = new Promise((resolve) => setTimeout(resolve, 100, 'late'));
  expect(await Promise.race([taken, late])).not.toBe('late');
});
