/** The verdict for one target. JSON-safe. */

/** The ladder, weakest first. */
export const RESPONSES = ['ignore', 'notify', 'collect', 'quarantine-after-approval', 'quarantine'] as const;
export type Response = (typeof RESPONSES)[number];

/**
 * Who holds a quarantine back until a person has decided: the rule itself, a protected tag, a limit, or a release of the same
 * instance not long ago.
 */
export type HeldBy = 'rule' | 'protection' | 'limit' | 'release';

/** A request for approval to quarantine. */
export interface ApprovalAsked {
  heldBy: HeldBy;
  /** What it is that holds it back, for people; no full stop. */
  because: string;
}

/** A person's yes, or what stands for it. */
export interface Approved {
  /** As claimed: the caller's ARN, or what happened without anybody. */
  by: string;
  reason: string;
  /** False: the policy's own word for want of a person's. That lifts what a rule has asked about, and nothing else. */
  person: boolean;
}

export interface Decision {
  response: Response;
  /** Id of the rule that matched; `archived` for an archived finding, `default` where no rule matched. */
  rule: string;
  /** Why, in sentences for people, in the order in which they counted. */
  reasons: string[];
  /** Say what would be done and change nothing: policy mode `observe`, a sample finding, or a request for it. */
  dryRun: boolean;
  /** Conditions on facts that were not known, e.g. `tags`; such a condition was taken as true. */
  undecided: string[];
  /** Present where a person is asked whether the instance may be quarantined. */
  approval?: ApprovalAsked;
}

/** How far up the ladder: `rank('quarantine') > rank('collect')`. */
export function rank(response: Response): number {
  return RESPONSES.indexOf(response);
}
