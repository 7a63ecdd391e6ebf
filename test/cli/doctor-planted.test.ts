/** `doctor` finds each planted misconfiguration, and nothing but that. */
import { expect, test } from '@jest/globals';
import { checks } from '../../src/doctor/index.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { type Planted, readyAccount } from '../support/ready-account.ts';
import { diagnosed } from '../support/doctor.ts';
import { functions } from './planted/functions.ts';
import { messages } from './planted/messages.ts';
import { places } from './planted/places.ts';
import type { Plant, Row } from './planted/plant.ts';
import { rules } from './planted/rules.ts';

const local = useLocalAws();
const rows: Row[] = [...places, ...functions, ...rules, ...messages];

/** Rows that do not get in one another's way share an account, since making one takes a second. Rows about settings take a place away from others. */
function batches(): Row[][] {
  const needed = new Map(checks.map(({ name, needs }) => [name, [needs ?? []].flat()]));
  const needs = (one: string, other: string): boolean => needed.get(one)?.includes(other) ?? false;
  const apart = ([, one, , , plant]: Row, [, other, , , beside]: Row): boolean => {
    const [rule, another] = [ruleOf(plant), ruleOf(beside)];
    if (rule !== undefined && another !== undefined) return rule === another;
    return subjects(one).some((what) => subjects(other).includes(what)) || needs(one, other) || needs(other, one);
  };
  const made: Row[][] = [];
  for (const row of rows) {
    const fits = made.find((batch) => batch.every((other) => !apart(row, other)));
    if (fits) fits.push(row);
    else made.push([row]);
  }
  return made;
}

/** What only one row can be about at a time. */
function subjects(check: string): string[] {
  if (check === 'collection') return ['profile', 'document'];
  if (/^collection-(profile|role)$/.test(check)) return ['profile'];
  if (check === 'collection-document') return ['document'];
  if (/^(settings|drop-box)/.test(check)) return ['drop-box'];
  if (/^subscription/.test(check)) return ['subscription'];
  if (/^vault-(key|encryption)$/.test(check)) return ['vault-key'];
  if (check === 'ledger-key') return ['ledger'];
  return [check.replace(/^(function|role|alias|concurrency|permission)-/, '')];
}

function ruleOf(plant: Plant): string | undefined {
  return typeof plant === 'function' ? plant.rule : undefined;
}

function merged(plants: Plant[]): Planted {
  return plants.reduce<object>((all, plant) => (typeof plant === 'function' ? all : both(all, plant)), {});
}

function both(one: object, other: object): object {
  const values: Record<string, unknown> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const before = values[key];
    values[key] = isGroup(before) && isGroup(value) ? both(before, value) : value;
  }
  return values;
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const names = (batch: Row[]): string => batch.map(([name]) => name).join(', ');

test.each(batches().map((batch) => [names(batch), batch] as const))(
  '%s: each is found, and nothing else',
  async (_names, batch) => {
    const room = await readyAccount(await local.newAccount(), merged(batch.map((row) => row[4])));
    for (const [, , , , plant] of batch) if (typeof plant === 'function') await plant(room);
    const { code, wrong } = await diagnosed(
      room,
      [],
      Object.assign({}, ...batch.map((row) => row[5] ?? {})) as Record<string, string>,
    );
    const expected = batch.map(([, check, level, says]) =>
      expect.objectContaining({ check, level, says: expect.stringMatching(says) }),
    );
    // A place that is not the function's own is told beside it.
    const beside = wrong.filter(({ check }) => check !== 'settings' || batch.some((row) => row[1] === 'settings'));
    expect(beside).toHaveLength(expected.length);
    for (const one of expected) expect(beside).toContainEqual(one);
    expect(code).toBe(wrong.some(({ level }) => level === 'not-ready') ? 1 : 0);
  },
);
