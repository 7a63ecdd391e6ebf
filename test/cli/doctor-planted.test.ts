/** `doctor` finds each planted misconfiguration, and nothing but that. */
import { expect, test } from '@jest/globals';
import {
  DeleteRuleCommand,
  DisableRuleCommand,
  PutRuleCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  RemoveRoleFromInstanceProfileCommand,
} from '@aws-sdk/client-iam';
import { PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import {
  DeleteBucketLifecycleCommand,
  PutBucketVersioningCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { checks } from '../../src/doctor/index.ts';
import { createWorld } from '../../src/lab/world.ts';
import { PROFILE } from '../support/host.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { CLOSED, PREFIX, readyAccount, type Planted, type ReadyAccount } from '../support/ready-account.ts';
import { diagnosed } from '../support/doctor.ts';

const local = useLocalAws();

type Plant = Planted | ((room: ReadyAccount) => Promise<unknown>);
type Row = [name: string, check: string, level: 'not-ready' | 'warning', says: RegExp, plant: Plant, env?: object];

const vault = ({ env }: ReadyAccount) => env['EVIDENCE_BUCKET'];
const rule = `${PREFIX}guardduty`;
const many = [{ Protocol: 'email', Endpoint: 'mia@example.com' }];
const strings = [{ AttributeName: 'pk', AttributeType: 'S' as const }];

const rows: Row[] = [
  ['no vault', 'vault', 'not-ready', /s3:\/\/nowhere does not exist/, {}, { EVIDENCE_BUCKET: 'nowhere' }],
  [
    'versioning off',
    'vault-versioning',
    'not-ready',
    /versioning is off/,
    (room) =>
      room.clients.s3.send(
        new PutBucketVersioningCommand({ Bucket: vault(room), VersioningConfiguration: { Status: 'Suspended' } }),
      ),
  ],
  ['no default retention', 'vault-lock', 'not-ready', /no default retention/, { bucket: { retention: false } }],
  [
    'open to the public in part',
    'vault-public-access',
    'not-ready',
    /not blocked \(BlockPublicPolicy\)/,
    (room) =>
      room.clients.s3.send(
        new PutPublicAccessBlockCommand({
          Bucket: vault(room),
          PublicAccessBlockConfiguration: { ...CLOSED, BlockPublicPolicy: false },
        }),
      ),
  ],
  ['encrypted without a key', 'vault-encryption', 'warning', /AES256/, { bucket: { encryption: 'AES256' } }],
  ['not encrypted', 'vault-encryption', 'not-ready', /no encryption/, { bucket: { encryption: false } }],
  [
    'no topic',
    'topic',
    'not-ready',
    /arn:aws:sns:us-east-1:111122223333:nowhere does not exist/,
    {},
    { NOTIFICATION_TOPIC_ARN: 'arn:aws:sns:us-east-1:111122223333:nowhere' },
  ],
  ['nobody subscribed', 'subscription', 'not-ready', /nobody is subscribed/, { subscribe: [] }],
  ['nobody has confirmed', 'subscription', 'not-ready', /nobody hears.*email mia@example\.com/, { subscribe: many }],
  [
    'one of two has not confirmed',
    'subscription',
    'warning',
    /not confirmed yet: email mia@example\.com/,
    { subscribe: [...many, { Protocol: 'sqs', Endpoint: 'arn:aws:sqs:us-east-1:111122223333:pager' }] },
  ],
  ['no table', 'ledger', 'not-ready', /table nowhere does not exist/, {}, { INCIDENT_TABLE: 'nowhere' }],
  [
    'no index',
    'ledger-index',
    'not-ready',
    /no index "open"/,
    { table: { AttributeDefinitions: strings, GlobalSecondaryIndexes: undefined } },
  ],
  ['no recovery', 'ledger-recovery', 'not-ready', /point-in-time recovery is off/, { recovery: false }],
  ['no drop box', 'drop-box', 'not-ready', /s3:\/\/nowhere does not exist/, {}, { DROP_BOX_BUCKET: 'nowhere' }],
  [
    'drop box open to the public',
    'drop-box-public-access',
    'not-ready',
    /not blocked \(RestrictPublicBuckets\)/,
    ({ clients, env }) =>
      clients.s3.send(
        new PutPublicAccessBlockCommand({
          Bucket: env['DROP_BOX_BUCKET'],
          PublicAccessBlockConfiguration: { ...CLOSED, RestrictPublicBuckets: false },
        }),
      ),
  ],
  [
    'uploads stay',
    'drop-box-expiry',
    'warning',
    /stays for ever/,
    ({ clients, env }) => clients.s3.send(new DeleteBucketLifecycleCommand({ Bucket: env['DROP_BOX_BUCKET'] })),
  ],
  ['no collection profile set', 'collection', 'warning', /PROFILE is not set/, {}, { COLLECTION_INSTANCE_PROFILE: '' }],
  ['no document set', 'collection', 'warning', /DOCUMENT is not set/, {}, { COLLECTION_DOCUMENT: '' }],
  [
    'no such profile',
    'collection-profile',
    'not-ready',
    /instance profile nowhere does not exist/,
    {},
    { COLLECTION_INSTANCE_PROFILE: 'nowhere' },
  ],
  [
    'an empty profile',
    'collection-profile',
    'not-ready',
    /has no role/,
    ({ clients }) =>
      clients.iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName: PROFILE, RoleName: PROFILE })),
  ],
  ['a role that EC2 may not take', 'collection-profile', 'not-ready', /EC2 may not take role/, { trust: '{}' }],
  [
    'a role with more than it needs',
    'collection-role',
    'not-ready',
    /more than the agent needs.*:policy\/everything/,
    async ({ clients }) => {
      const PolicyDocument = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}';
      const { Policy } = await clients.iam.send(new CreatePolicyCommand({ PolicyName: 'everything', PolicyDocument }));
      await clients.iam.send(new AttachRolePolicyCommand({ RoleName: PROFILE, PolicyArn: Policy?.Arn }));
    },
  ],
  ['no document', 'collection-document', 'not-ready', /does not exist/, { document: null }],
  [
    'another document',
    'collection-document',
    'not-ready',
    /not the one of this version/,
    { document: { schemaVersion: '2.2', mainSteps: [] } },
  ],
  ['no detector', 'guardduty', 'not-ready', /no detector in us-east-1/, { detector: null }],
  ['a suspended detector', 'guardduty', 'not-ready', /is suspended/, { detector: { Enable: false } }],
  [
    'a slow detector',
    'guardduty',
    'warning',
    /only every 6 hours/,
    { detector: { Enable: true, FindingPublishingFrequency: 'SIX_HOURS' } },
  ],
  [
    'a failed function',
    'function-release',
    'not-ready',
    /release is Failed/,
    { functions: { release: tagged('state', 'Failed') } },
  ],
  [
    'a failed update',
    'function-session-denier',
    'not-ready',
    /last update of .*session-denier: Failed/,
    { functions: { 'session-denier': tagged('last-update', 'Failed') } },
  ],
  [
    'a function that is not durable',
    'function-responder',
    'not-ready',
    /responder is not durable/,
    { functions: { responder: { DurableConfig: undefined } } },
  ],
  [
    'no session denier',
    'function-session-denier',
    'not-ready',
    /there is no function/,
    { functions: { 'session-denier': null } },
  ],
  [
    'switched off by concurrency',
    'concurrency-responder',
    'not-ready',
    /reserved concurrency of secresponse-dev-responder is 0/,
    ({ clients }) =>
      clients.lambda.send(
        new PutFunctionConcurrencyCommand({ FunctionName: `${PREFIX}responder`, ReservedConcurrentExecutions: 0 }),
      ),
  ],
  [
    'another drop box in the function',
    'settings',
    'not-ready',
    /DROP_BOX_BUCKET is drop-box-\w+ there/,
    {},
    { DROP_BOX_BUCKET: '' },
  ],
  [
    'a disabled rule',
    'rules',
    'not-ready',
    /rule secresponse-dev-guardduty is disabled/,
    ({ clients }) => clients.events.send(new DisableRuleCommand({ Name: rule })),
  ],
  [
    'a rule that admits something else',
    'rules',
    'not-ready',
    /guardduty admits other events/,
    ({ clients }) =>
      clients.events.send(new PutRuleCommand({ Name: rule, EventPattern: '{"source":["aws.guardduty"]}' })),
  ],
  [
    'a rule that starts nothing',
    'rules',
    'not-ready',
    /guardduty does not start secresponse-dev-responder:durable/,
    ({ clients }) => clients.events.send(new RemoveTargetsCommand({ Rule: rule, Ids: ['responder'] })),
  ],
  [
    'a disabled rule of the watcher',
    'rules',
    'not-ready',
    /rule secresponse-dev-tampering is disabled/,
    ({ clients }) => clients.events.send(new DisableRuleCommand({ Name: `${PREFIX}tampering` })),
  ],
  [
    'a rule that does not start the watcher',
    'rules',
    'not-ready',
    /executions does not start secresponse-dev-watcher/,
    ({ clients }) => clients.events.send(new RemoveTargetsCommand({ Rule: `${PREFIX}executions`, Ids: ['watcher'] })),
  ],
  [
    'no daily sample finding',
    'rules',
    'warning',
    /there is no rule secresponse-dev-canary/,
    async ({ clients }) => {
      const Name = `${PREFIX}canary`;
      await clients.events.send(new RemoveTargetsCommand({ Rule: Name, Ids: ['watcher'] }));
      await clients.events.send(new DeleteRuleCommand({ Name }));
    },
  ],
  [
    'no watcher',
    'function-watcher',
    'not-ready',
    /there is no function secresponse-dev-watcher/,
    { functions: { watcher: null } },
  ],
  [
    'a rule of other policies',
    'rules',
    'warning',
    /guardduty-99 is none that the policies compile to/,
    ({ clients }) =>
      clients.events.send(
        new PutRuleCommand({ Name: `${PREFIX}guardduty-99`, EventPattern: '{"source":["aws.guardduty"]}' }),
      ),
  ],
  [
    'a VPC without endpoints',
    'endpoints',
    'warning',
    /^vpc-\w+ \(1 instance\) has no endpoints/,
    (room) => createWorld(room.account),
  ],
  ['a key for signing', 'signing-key', 'warning', /signs no manifest/, {}, { SIGNING_KEY_ID: 'alias/evidence' }],
];

function tagged(name: 'state' | 'last-update', value: string) {
  return { Tags: { [`lambda:${name}`]: value } };
}

/** Rows that do not get in one another's way share an account, since making one takes a second. Rows about settings take a place away from others. */
function batches(): Row[][] {
  const needed = new Map(checks.map(({ name, needs }) => [name, needs]));
  const alone = (check: string): string => (/^(collection|settings)/.test(check) ? 'settings' : check);
  const apart = (one: string, other: string): boolean =>
    alone(one) === alone(other) || needed.get(one) === other || needed.get(other) === one;
  const made: Row[][] = [];
  for (const row of rows) {
    const fits = made.find((batch) => batch.every((other) => !apart(row[1], other[1])));
    if (fits) fits.push(row);
    else made.push([row]);
  }
  return made;
}

function merged(plants: Plant[]): Planted {
  const all: Record<string, unknown> = {};
  for (const plant of plants)
    for (const [key, value] of Object.entries(typeof plant === 'function' ? {} : plant))
      all[key] =
        value !== null && typeof value === 'object' && !Array.isArray(value)
          ? { ...(all[key] ?? {}), ...value }
          : value;
  return all;
}

const names = (batch: Row[]): string => batch.map(([name]) => name).join(', ');

test.each(batches().map((batch) => [names(batch), batch] as const))(
  '%s: each is found, and nothing else',
  async (_names, batch) => {
    const room = await readyAccount(await local.newAccount(), merged(batch.map((row) => row[4])));
    for (const [, , , , plant] of batch) if (typeof plant === 'function') await plant(room);
    const { code, wrong } = await diagnosed(
      room,
      [],
      Object.assign({}, ...batch.map((row) => row[5] ?? {})) as Record<string, string>,
    );
    const expected = batch.map(([, check, level, says]) =>
      expect.objectContaining({ check, level, says: expect.stringMatching(says) }),
    );
    // A place that is not the function's own is told beside it.
    const beside = wrong.filter(({ check }) => check !== 'settings' || batch.some((row) => row[1] === 'settings'));
    expect(beside).toHaveLength(expected.length);
    for (const one of expected) expect(beside).toContainEqual(one);
    expect(code).toBe(wrong.some(({ level }) => level === 'not-ready') ? 1 : 0);
  },
);
