/** What a detector said, in one shape for every source. Plain JSON-safe data: it travels through durable state. */

/** One EC2 instance in one account and region. */
export interface Target {
  /** Twelve digits. */
  account: string;
  region: string;
  /** `i-` and 8 or 17 hexadecimal digits. */
  instanceId: string;
}

export type Source = 'guardduty' | 'inspector' | 'security-hub' | 'manual';

export type SeverityLabel = 'INFORMATIONAL' | 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL' | 'UNTRIAGED';

export interface Severity {
  /** The detector's own number (GuardDuty 1 to 10), null where it gives none. */
  score: number | null;
  label: SeverityLabel;
}

/** What the event itself says of a target; an observation replaces it later. */
export interface TargetFacts {
  /** The instance's tags; absent where nothing has read them. */
  tags?: Record<string, string>;
  /** Every VPC that the instance has an interface in; absent where nothing has read them. */
  vpcs?: string[];
}

export interface FindingTarget extends Target {
  facts: TargetFacts;
}

/** A target that the event names but must not be believed about; or one whose names cannot be read, which are then as shown. */
export interface RefusedTarget extends Target {
  reason: string;
}

export interface Finding {
  source: Source;
  id: string;
  arn?: string;
  /** The account and region that the finding is about, not those of the envelope. */
  account: string;
  region: string;
  /** GuardDuty's finding type, Inspector's kind of finding, `ManualRequest`. */
  type: string;
  severity: Severity;
  title: string;
  description: string;
  /** GuardDuty: did the resource act, or was it acted upon? */
  role?: 'TARGET' | 'ACTOR';
  /**
   * As the detector names it: `Instance`, `EKSCluster`, `AccessKey`, `AWS_EC2_INSTANCE`, `Manual`, …; an attack sequence
   * counts as what it is about.
   */
  resourceType: string;
  /** Dealt with: archived in GuardDuty, suppressed or closed in Inspector. */
  archived: boolean;
  sample: boolean;
  /** ISO 8601 in UTC; absent where the detector gives none. */
  createdAt?: string;
  updatedAt?: string;
  /** How often the detector has seen it. */
  count?: number;
  /** Inspector: is an exploit known? Absent where it does not say. */
  exploitAvailable?: boolean;
  /** Inspector's own score, 0 to 10. */
  score?: number;
  /** Inspector, network findings: is there a way in from the internet? */
  reachable?: boolean;
  targets: FindingTarget[];
  refused: RefusedTarget[];
  /** Why `targets` is empty. */
  noTarget?: string;
  /** Link to the finding in the AWS console; absent for manual requests. */
  consoleUrl?: string;
  /** Present where a person asked: for an instance, or for this finding by its id. */
  request?: { reason?: string; dryRun: boolean; force: boolean };
}

/** An event that cannot be understood, or must not be acted on: says what and where; nothing is changed. */
export class FindingError extends Error {
  override readonly name = 'FindingError';
  /** Where in the event: `detail.resource.instanceDetails.instanceId`. */
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super(path === '' ? message : `${path}: ${message}`, options);
    this.path = path;
  }
}
