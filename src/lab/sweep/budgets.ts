/** Time limits of the sweep: a call that never answers costs little, and a busy machine is no fault. */
import { defaultBudgets, type Budgets } from '../../runbook/budgets.ts';

export const sweepBudgets: Budgets = {
  ...defaultBudgets,
  callTimeoutMs: 900,
  claimMs: 4_000,
  readMs: 4_000,
  recordMs: 4_000,
  preserveMs: 1_500,
  collectorMs: 10_000,
  agentMs: 4_000,
  profileMs: 4_000,
  deliveryMs: 2_000,
  commandPollMs: 100,
  writeMs: 9_000,
  verifyAttempts: 3,
  verifyPauseMs: 50,
  closeMs: 4_000,
  leaseMs: 4_000,
  lambdaLeaseMs: 8_000,
  leasePollSeconds: 1,
};
