/** Planted in what the stack keeps: vault, ledger, drop box, and what hosts are asked with. */
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  RemoveRoleFromInstanceProfileCommand,
} from '@aws-sdk/client-iam';
import {
  DeleteBucketLifecycleCommand,
  PutBucketEncryptionCommand,
  PutBucketVersioningCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { PROFILE } from '../../support/host.ts';
import { CLOSED, type ReadyAccount } from '../../support/ready-account.ts';
import { callsIn } from '../../support/ready-stack.ts';
import { type Row, idOf } from './plant.ts';

const vault = ({ env }: ReadyAccount) => env['EVIDENCE_BUCKET'];

const strings = [{ AttributeName: 'pk', AttributeType: 'S' as const }];

export const places: Row[] = [
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
    'a disabled key of the vault',
    'vault-key',
    'not-ready',
    /the key of s3:\/\/vault-\w+, arn:aws:kms:\S+, is disabled/,
    ({ account, keys }) => callsIn(account, 'kms')('DisableKey', { KeyId: idOf(keys.vault) }),
  ],
  [
    'a key of the vault that is gone',
    'vault-key',
    'not-ready',
    /the key of s3:\/\/vault-\w+, \S+, does not exist/,
    (room) => {
      const encryption = {
        SSEAlgorithm: 'aws:kms',
        KMSMasterKeyID: room.keys.vault.replace(/.{8}$/, '00000000'),
      } as const;
      const Rules = [{ ApplyServerSideEncryptionByDefault: encryption }];
      return room.clients.s3.send(
        new PutBucketEncryptionCommand({ Bucket: vault(room), ServerSideEncryptionConfiguration: { Rules } }),
      );
    },
  ],
  [
    'a key of the ledger that is to be deleted',
    'ledger-key',
    'not-ready',
    /the key of table ledger-\w+, \S+, is pending deletion: .*all is lost on \d{4}-\d\d-\d\dT/,
    ({ account, keys }) =>
      callsIn(account, 'kms')('ScheduleKeyDeletion', { KeyId: idOf(keys.ledger), PendingWindowInDays: 7 }),
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
];
