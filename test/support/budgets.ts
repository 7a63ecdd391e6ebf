/** Time limits for tests. */
import { defaultBudgets, type Budgets } from '../../src/runbook/budgets.ts';

/** Small enough that a call which never answers costs a test no time, large enough for a busy machine. */
export const smallBudgets: Budgets = {
  ...defaultBudgets,
  callTimeoutMs: 1_000,
  attempts: 2,
  claimMs: 1_500,
  readMs: 2_500,
  recordMs: 1_500,
  preserveMs: 1_500,
  collectorMs: 3_000,
  agentMs: 1_500,
  profileMs: 2_000,
  deliveryMs: 1_500,
  commandPollMs: 100,
  writeMs: 4_000,
  verifyAttempts: 2,
  verifyPauseMs: 50,
  settleMs: 3_000,
  closeMs: 2_500,
  notifyAttempts: 2,
  digestSeconds: 2,
  leaseMs: 2_000,
  lambdaLeaseMs: 4_000,
  leasePollSeconds: 1,
};

/** For tests in which no call hangs: slow is no failure there, however busy the machine. */
export const patientBudgets: Budgets = {
  ...smallBudgets,
  callTimeoutMs: 20_000,
  claimMs: 30_000,
  readMs: 30_000,
  writeMs: 30_000,
  recordMs: 30_000,
  closeMs: 30_000,
  collectorMs: 60_000,
};

/** Little patience only where calls may hang: a busy machine is slow as well. */
export function budgetsFor({ isSlow }: { isSlow: () => boolean }): Budgets {
  return isSlow() ? smallBudgets : patientBudgets;
}
