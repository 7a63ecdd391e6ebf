/** Time limits of the sweep: a call that never answers costs little, and a busy machine is no fault. */
import { defaultBudgets, type Budgets } from '../../runbook/budgets.ts';

export const sweepBudgets: Budgets = {
  ...defaultBudgets,
  callTimeoutMs: 2_500,
  claimMs: 6_000,
  readMs: 8_000,
  recordMs: 6_000,
  preserveMs: 4_000,
  collectorMs: 30_000,
  agentMs: 6_000,
  profileMs: 6_000,
  deliveryMs: 6_000,
  commandPollMs: 100,
  writeMs: 18_000,
  verifyAttempts: 3,
  verifyPauseMs: 50,
  closeMs: 10_000,
  leaseMs: 8_000,
  lambdaLeaseMs: 16_000,
  leasePollSeconds: 1,
};
