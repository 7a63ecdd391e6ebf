/** `doctor` as a person runs it, against an account of a test. */
import { expect } from '@jest/globals';
import { run } from '../../src/cli/main.ts';
import type { CheckResult } from '../../src/doctor/check.ts';
import { smallBudgets } from './incident-room.ts';
import type { ReadyAccount } from './ready-account.ts';

/** A busy machine is no finding. */
const patient = { ...smallBudgets, callTimeoutMs: 15_000, readMs: 20_000 };

interface Answer {
  code: number;
  out: string;
  err: string;
}

export async function doctor(
  { env }: ReadyAccount,
  args: string[] = [],
  more: Record<string, string> = {},
): Promise<Answer> {
  const all = { ...env, SECRESPONSE_BUDGETS: JSON.stringify(patient), ...more };
  Object.assign(process.env, env);
  const answer: Answer = { code: -1, out: '', err: '' };
  answer.code = await run(['doctor', ...args], {
    out: (text) => void (answer.out += text),
    err: (text) => void (answer.err += text),
    env: all,
    cwd: process.cwd(),
  });
  return answer;
}

interface Diagnosis {
  ready: boolean;
  account: string;
  checks: CheckResult[];
}

/** The exit code, and all that is not in order. */
export async function diagnosed(room: ReadyAccount, args: string[] = [], env: Record<string, string> = {}) {
  const { code, out, err } = await doctor(room, ['--json', ...args], env);
  expect(err).toBe('');
  const { doctor: diagnosis } = JSON.parse(out) as { doctor: Diagnosis };
  expect(code).toBe(diagnosis.ready ? 0 : 1);
  const wrong = diagnosis.checks.filter(({ level }) => level !== 'ok');
  for (const { todo } of wrong) expect(todo).toBeTruthy();
  return { code, wrong, all: diagnosis.checks };
}
