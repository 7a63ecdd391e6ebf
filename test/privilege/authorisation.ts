/** One question that AWS puts to IAM, and what is known of the place in which it does. */

export interface Authorisation {
  /** `ec2:CreateTags` */
  action: string;
  /** An ARN, or `*` where AWS knows no resource. */
  resource: string;
  /** What AWS knows of the request, beyond what it knows of every request. */
  context: Record<string, string | string[]>;
}

/** What is known of the place in which the calls were made. */
export interface Facts {
  account: string;
  region: string;
  instanceId: string;
  volumeIds: string[];
  subnetId: string;
  profileArn: string | null;
  /** Of an instance profile: ARN of the role in it. */
  roleOf: (profile: string) => string;
  /** Tags of security groups and whatever else has some, by id. */
  tags: Record<string, Record<string, string>>;
  /** ARNs of the stack's keys. */
  keys: { vault: string; ledger: string; messages: string };
}

export function one(action: string, resource: string, context: Authorisation['context'] = {}): Authorisation {
  return { action, resource, context };
}

export function unknown(service: string, operation: string): Error {
  return new Error(
    `${service}:${operation} is not known: say in test/privilege/authorisations.ts or ec2-authorisations.ts what AWS asks IAM for it`,
  );
}
