/** From an account, a region and the settings to the gateways that a response works through. */
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { Target } from '../finding/finding.ts';
import type { Budgets } from '../runbook/budgets.ts';
import { autoScalingGateway, type AutoScaling } from './auto-scaling.ts';
import { clientConfig, underDeadline, type ClientSettings } from './client.ts';
import { deadLettersGateway, type DeadLetters } from './dead-letters.ts';
import { digestsGateway, type Digests } from './digests.ts';
import { dropBoxGateway, type DropBox } from './drop-box.ts';
import { ec2Gateway, type Ec2 } from './ec2.ts';
import { ledgerGateway, type Ledger } from './ledger.ts';
import { eventsGateway, type Events } from './events.ts';
import { loadBalancersGateway, type LoadBalancers } from './load-balancers.ts';
import { requestsGateway, type Requests } from './requests.ts';
import { sessionsGateway, type SessionWriter, type Sessions } from './sessions.ts';
import { ssmGateway, type Ssm } from './ssm.ts';
import { topicGateway, type Topic } from './topic.ts';
import { vaultGateway, type Vault } from './vault.ts';

/** Everything that a response to one target may touch. */
export interface Aws {
  ec2: Ec2;
  autoScaling: AutoScaling;
  loadBalancers: LoadBalancers;
  vault: Vault;
  topic: Topic;
  /** Null: there is no queue for what could not be sent. */
  deadLetters: DeadLetters | null;
  ledger: Ledger;
  digests: Digests;
  requests: Requests;
  events: Events;
  ssm: Ssm;
  sessions: Sessions;
  /** Null: results come back as Run Command output. */
  dropBox: DropBox | null;
  collection: CollectionNames;
  /** Region of the responder and of all that its stack holds. */
  homeRegion: string;
}

/** What the stack holds ready for collecting from a host; each may be missing. */
export interface CollectionNames {
  /** Name of the minimal instance profile. */
  profile?: string;
  /** Name of the document with the collection script. */
  document?: string;
}

export interface Places {
  bucket: string;
  topicArn: string;
  /** URL of the queue of dead letters. */
  deadLetterQueue?: string;
  table: string;
  /** Region of the responder itself: vault and ledger are there. */
  homeRegion: string;
  dropBox?: string;
  collection?: CollectionNames;
  sessions: SessionWriter;
}

/** Gateways are kept: a warm Lambda answers the next finding over connections that are open already. */
const kept = new Map<string, Aws>();

export function connect(
  target: Pick<Target, 'account' | 'region'>,
  places: Places,
  budgets: Budgets,
  options: Omit<ClientSettings, 'region' | 'budgets'> = {},
): Aws {
  const name = JSON.stringify([
    target.account,
    target.region,
    places,
    budgets,
    options,
    process.env['AWS_ENDPOINT_URL'],
  ]);
  const before = kept.get(name);
  if (before) return before;
  const home = { ...options, budgets, region: places.homeRegion };
  const there = { ...options, budgets, region: target.region };
  const aws = {
    ec2: ec2Gateway(there),
    autoScaling: autoScalingGateway(there),
    loadBalancers: loadBalancersGateway(there),
    vault: vaultGateway(places.bucket, home),
    topic: topicGateway(places.topicArn, home),
    deadLetters: places.deadLetterQueue === undefined ? null : deadLettersGateway(places.deadLetterQueue, home),
    ledger: ledgerGateway(places.table, home),
    digests: digestsGateway(places.table, home),
    requests: requestsGateway(places.table, home),
    events: eventsGateway(home),
    ssm: ssmGateway(there),
    sessions: sessionsGateway(places.sessions, there, home),
    dropBox: places.dropBox === undefined ? null : dropBoxGateway(places.dropBox, home),
    collection: places.collection ?? {},
    homeRegion: places.homeRegion,
  };
  kept.set(name, aws);
  return aws;
}

export interface Caller {
  /** Twelve digits. */
  account: string;
  arn: string | null;
}

/** Whose credentials are in use. */
export async function caller(settings: ClientSettings): Promise<Caller> {
  const client = new STSClient(clientConfig(settings));
  const answer = await client.send(new GetCallerIdentityCommand({}), underDeadline());
  if (!answer.Account) throw new Error('sts:GetCallerIdentity answered without an account');
  return { account: answer.Account, arn: answer.Arn ?? null };
}

/** Account of the credentials in use: twelve digits. */
export async function callerAccount(settings: ClientSettings): Promise<string> {
  return (await caller(settings)).account;
}
