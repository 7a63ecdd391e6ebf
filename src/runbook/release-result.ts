/** One release, as data: what `release --json` prints, the ledger keeps, and release.json and the notification tell. */
import type { Target } from '../finding/finding.ts';
import type { Artifact, ChangeResult, NotificationResult } from './incident.ts';

/** `incomplete`: something was not put back, or the ledger does not know of it; the incident stays open. */
export type ReleaseStatus = 'released' | 'incomplete' | 'dry-run';

export interface ReleaseResult {
  incidentId: string;
  status: ReleaseStatus;
  target: Target;
  /** The instance's Name tag, where it could be read. */
  name?: string;
  reason: string;
  /** Who asked, as claimed; null where nobody said. */
  by: string | null;
  /** ISO 8601, UTC. */
  at: string;
  /** In the order in which they were undone. `from` is what containment had made of it, `to` the recorded state before. */
  changes: ChangeResult[];
  /** Parts that failed beside the changes (ledger, record, seal), one line each. */
  failures: string[];
  notification: NotificationResult;
  /** `evidence/<account>/<region>/<instance>/<incident>/`. */
  evidencePrefix: string;
  vault: string;
  /** release.json and its like, this release's last. */
  records: Artifact[];
  manifest?: { key: string; sha256: string };
}

/** What the ledger keeps of the last release of an incident. */
export interface ReleaseRecord extends Omit<ReleaseResult, 'notification' | 'failures' | 'name'> {
  /** Which release of the incident it is, 1 the first. */
  number: number;
}

/** 0 all was put back, or left alone for a reason that is told; 1 some part fell short. */
export function releaseExitCode({ status, changes, failures, notification }: ReleaseResult): 0 | 1 {
  const short =
    status === 'incomplete' ||
    failures.length > 0 ||
    notification.status === 'failed' ||
    changes.some((change) => change.status === 'failed');
  return short ? 1 : 0;
}
