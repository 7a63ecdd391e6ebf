/** One response to one target, as data: what `--json` prints, the ledger keeps, and the notification and report tell. */
import type { ApprovalAsked, Decision } from '../policy/decision.ts';
import type { Finding, Target } from '../finding/finding.ts';

export type Status = 'quarantined' | 'collected' | 'notified' | 'ignored' | 'joined' | 'awaiting-approval' | 'failed';

/** One object of evidence in the vault. */
export interface Artifact {
  key: string;
  /** Lower-case hexadecimal SHA-256 of the bytes as taken. */
  sha256: string;
  bytes: number;
  collector: string;
  /** ISO 8601, UTC. */
  takenAt: string;
}

export type Outcome = 'done' | 'skipped' | 'failed';

export interface EvidenceResult {
  collector: string;
  status: Outcome;
  reason?: string;
  artifacts: Artifact[];
}

/** A snapshot that has been started; it completes by itself. */
export interface Snapshot {
  snapshotId: string;
  volumeId: string;
  state: string;
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface ChangeResult {
  action: string;
  status: Outcome;
  reason?: string;
  /** State before the first write, by this or an earlier run; null where it was never known. */
  from: Json;
  /** State that was asked for. */
  to: Json;
  /** A second reading showed `to`. */
  verified: boolean;
  /** One line for people: `eni-1: sg-a, sg-b → sg-q (quarantine)`. */
  description: string;
  /** ISO 8601, UTC; absent where nothing was written. */
  at?: string;
}

export interface Isolation {
  verified: boolean;
  establishedFlows: 'cut-attempted' | 'may-continue';
  /** From the handler's first line to the verified reading; null where isolation was not verified, or the clock went back. */
  secondsToIsolation: number | null;
  /** ISO 8601, UTC; when the verified reading was made. */
  verifiedAt?: string;
  /**
   * How it was done. `at-once`: nothing was collected from the host. `lifeline`, `interim`: while the host was collected from,
   * it could reach Systems Manager in its VPC, or anything on 443, and nothing else. `collect-first`: it was collected from
   * before anything was cut off.
   */
  way?: 'at-once' | 'lifeline' | 'interim' | 'collect-first';
  /** Why it was done so. */
  why?: string;
  /** ISO 8601, UTC; when every interface had been asked to leave its former groups. */
  cutOffAt?: string;
  /** What became of the established connections, for people. */
  flows?: string;
}

/** A request for a person's approval, and what came of it. */
export interface ApprovalResult extends ApprovalAsked {
  /** `expired`: nobody decided in time. `superseded`: another run, a release or a closing was faster. */
  state: 'pending' | 'approved' | 'denied' | 'expired' | 'superseded';
  /** ISO 8601, UTC; until when it is waited for. Absent where no execution waits. */
  until?: string;
  /** The request does not stand in the ledger, where alone `approve` and `deny` find it. */
  unrecorded?: true;
  /** Who decided, as claimed. */
  by?: string;
  reason?: string;
  /** ISO 8601, UTC. */
  decidedAt?: string;
}

export interface NotificationResult {
  status: Outcome;
  reason?: string;
  messageId?: string;
}

/** What people need to recognise the instance. */
export interface InstanceSummary {
  name?: string;
  owner?: string;
  state?: string;
  /** Stopped, with its memory on its root volume. */
  hibernated?: boolean;
  instanceType?: string;
  privateIp?: string;
  publicIp?: string;
  vpcs: string[];
  tags: Record<string, string>;
}

export interface IncidentResult {
  incidentId: string;
  status: Status;
  target: Target;
  decision: Decision;
  evidence: EvidenceResult[];
  snapshots: Snapshot[];
  changes: ChangeResult[];
  /** Null where no isolation was asked for. */
  isolation: Isolation | null;
  /** Present where a person was asked whether the instance may be quarantined. */
  approval?: ApprovalResult;
  notification: NotificationResult;
  residualRisks: string[];
  /** Parts of the response that failed, one line each, beside failed evidence and changes (ledger, manifest, observation). */
  failures: string[];
  instance: InstanceSummary | null;
  finding: Finding;
  /** `evidence/<account>/<region>/<instance>/<incident>/`. */
  evidencePrefix: string;
  vault: string;
  manifest?: { key: string; sha256: string };
  /** ISO 8601, UTC. */
  startedAt: string;
}
