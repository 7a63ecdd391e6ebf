/** The verdict for one target. JSON-safe. */

/** The ladder, weakest first. */
export const RESPONSES = ['ignore', 'notify', 'collect', 'quarantine-after-approval', 'quarantine'] as const;
export type Response = (typeof RESPONSES)[number];

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
}

/** How far up the ladder: `rank('quarantine') > rank('collect')`. */
export function rank(response: Response): number {
  return RESPONSES.indexOf(response);
}
