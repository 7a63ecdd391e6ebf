/** What a check is: one reading of the account, and what it means. */
import type { Aws } from '../aws/connect.ts';
import type { Settings } from '../handlers/settings.ts';
import type { ParsedPolicies } from '../policy/parse.ts';
import type { Problem } from '../policy/problems.ts';
import type { Readings } from './readings.ts';

/**
 * `ok`; `warning`: works, and could do more or is so by choice; `not-ready`: a finding would not be answered as it should;
 * `unchecked`: could not be read, so nothing is claimed.
 */
export type Level = 'ok' | 'warning' | 'not-ready' | 'unchecked';

export interface Verdict {
  level: Level;
  /** One line. */
  says: string;
  /** What to do about it, one line. */
  todo?: string;
}

export interface CheckResult extends Verdict {
  check: string;
  /** The permission that the caller lacks. */
  permission?: string;
}

/** What the checks look at. */
export interface Room {
  settings: Settings;
  env: NodeJS.ProcessEnv;
  account: string;
  region: string;
  stage: string;
  policies: ParsedPolicies | { problems: Problem[] };
  aws: Aws;
  readings: Readings;
}

export interface Check {
  name: string;
  /** What the reading needs: `s3:GetBucketVersioning`. */
  permission: string;
  /** Checks without which this one says nothing: it is left out where one of them is not ready. */
  needs?: string | readonly string[];
  /** Default: always. */
  applies?: (room: Room) => boolean;
  run: (room: Room) => Promise<Verdict[]>;
}

interface Parts<Reading> extends Omit<Check, 'run'> {
  read: (room: Room) => Promise<Reading>;
  /** Pure. */
  judge: (reading: Reading, room: Room) => Verdict | Verdict[];
}

export function defineCheck<Reading>({ read, judge, ...check }: Parts<Reading>): Check {
  return { ...check, run: async (room) => [judge(await read(room), room)].flat() };
}

export const ok = (says: string): Verdict => ({ level: 'ok', says });
export const warning = (says: string, todo: string): Verdict => ({ level: 'warning', says, todo });
export const notReady = (says: string, todo: string): Verdict => ({ level: 'not-ready', says, todo });

export const SERVICE = 'secresponse';

/** How every function and rule of the stack begins. */
export function prefixOf({ stage }: Pick<Room, 'stage'>): string {
  return `${SERVICE}-${stage}-`;
}

/** ARN of what the stack has in its own account and Region. */
export function arnOf(room: Room, service: string, resource: string): string {
  return ['arn', room.settings.places.topicArn.split(':')[1], service, room.region, room.account, resource].join(':');
}

/** What puts most things right. */
export function deployCommand({ stage, region }: Pick<Room, 'stage' | 'region'>): string {
  return `npx sls deploy --stage ${stage} --region ${region}`;
}

/** What puts right what was changed or deleted beside CloudFormation: a deployment of the same takes it for unchanged. */
export function revertCommand({ stage, region }: Pick<Room, 'stage' | 'region'>): string {
  return (
    `aws cloudformation create-change-set --region ${region} --stack-name ${SERVICE}-${stage} --change-set-name put-right ` +
    '--use-previous-template --capabilities CAPABILITY_NAMED_IAM --deployment-mode REVERT_DRIFT, look at it, execute it'
  );
}
