/** Every time limit and attempt count in one object, so that tests and sweeps can shrink them. Milliseconds. */

export interface Budgets {
  /** One AWS call, one attempt: connect, send, read the answer. */
  callTimeoutMs: number;
  /** Attempts per call, the first included; throttling, 5xx and time-outs are tried again. */
  attempts: number;
  /** The claim in the ledger; past it the run goes on unclaimed. */
  claimMs: number;
  /** A reading before isolation; past it the reading counts as failed. */
  readMs: number;
  /** Writing down `from` before the first change; past it isolation goes on (the durable state holds it too). */
  recordMs: number;
  /** How long the first change waits for evidence that has been asked for. */
  preserveMs: number;
  /** One collector in all, storing included; it runs beside isolation. */
  collectorMs: number;
  /** Asking Systems Manager whether it reaches the host, beside the other readings; past it the host counts as out of reach. */
  agentMs: number;
  /** Putting the collection profile in place, or taking it off again; past it the collection goes on without. */
  profileMs: number;
  /** How long the agent may take to accept the first command; past it it counts as hung. */
  deliveryMs: number;
  /** Pause between two looks at a command. */
  commandPollMs: number;
  /** One action's preparation or write, its own attempts included. */
  writeMs: number;
  /** Readings of the containment before it is reported as not verified. */
  verifyAttempts: number;
  /** Pause between two of them. */
  verifyPauseMs: number;
  /** How long a change is tried that AWS refuses while the instance starts or stops, or an association is on its way. */
  settleMs: number;
  /** The manifest, the report, the notification, the ledger's last entry: each. */
  closeMs: number;
  notifyAttempts: number;
  /** How long findings that are only told are gathered for one message. */
  digestSeconds: number;
  /** How long a local claim holds without a checkpoint. */
  leaseMs: number;
  /** How long a Lambda's claim holds: longer than one invocation may last, so that only a dead execution loses it. */
  lambdaLeaseMs: number;
  /**
   * How long the claim of a release in the Lambda holds, which it renews before each change: long enough for an invocation that
   * is ended by its time-out to begin anew, and no longer, as a finding waits for the end of one that was stopped.
   */
  releaseLeaseMs: number;
  /** The function that denies sessions, all in all: it says what went wrong while somebody listens. */
  denialMs: number;
  /** Pause between two looks at a claim that another run holds. */
  leasePollSeconds: number;
  /** Looks at an incident that a run holds, before a release in the Lambda gives up. */
  releaseLooks: number;
}

export const defaultBudgets: Budgets = {
  callTimeoutMs: 5_000,
  attempts: 3,
  claimMs: 5_000,
  readMs: 10_000,
  recordMs: 5_000,
  preserveMs: 4_000,
  collectorMs: 60_000,
  agentMs: 3_000,
  profileMs: 5_000,
  deliveryMs: 20_000,
  commandPollMs: 1_000,
  writeMs: 30_000,
  verifyAttempts: 4,
  verifyPauseMs: 1_000,
  settleMs: 120_000,
  closeMs: 20_000,
  notifyAttempts: 3,
  digestSeconds: 3_600,
  leaseMs: 120_000,
  lambdaLeaseMs: 1_200_000,
  releaseLeaseMs: 300_000,
  denialMs: 18_000,
  leasePollSeconds: 3,
  releaseLooks: 100,
};

/**
 * The defaults, with single values replaced by SECRESPONSE_BUDGETS (JSON, for tests and rehearsals).
 * @throws Error where it is no object of known names and positive numbers.
 */
export function budgetsFrom(env: Record<string, string | undefined>): Budgets {
  const text = env['SECRESPONSE_BUDGETS'];
  if (!text) return defaultBudgets;
  const given = JSON.parse(text) as Record<string, unknown>;
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaultBudgets, name)) throw new Error(`SECRESPONSE_BUDGETS: there is no budget ${name}`);
    if (typeof value !== 'number' || !(value > 0))
      throw new Error(`SECRESPONSE_BUDGETS: ${name} takes a positive number`);
  }
  return { ...defaultBudgets, ...given };
}
