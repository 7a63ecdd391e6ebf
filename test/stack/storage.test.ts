/** Vault, drop box, access logs, ledger and keys, property by property. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { arnOf, listed, NOTHING, packaged, ref, sub, type Template } from './packaged.ts';

const BUCKETS = ['Vault', 'DropBox', 'AccessLogs'];
const KEYS = ['VaultKey', 'LedgerKey', 'MessageKey'];

let template: Template;
beforeAll(async () => {
  template = await packaged();
}, 60_000);

describe.each(BUCKETS)('%s', (bucket) => {
  test('is closed to the public and belongs to its account alone', () => {
    expect(template.properties(bucket)).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    });
  });

  test('answers over TLS only', () => {
    expect(template.properties(`${bucket}Policy`)['Bucket']).toEqual(ref(bucket));
    expect(template.statement(`${bucket}Policy`, 'TlsOnly')).toEqual({
      Sid: 'TlsOnly',
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:*',
      Resource: [arnOf(bucket), sub(`\${${bucket}.Arn}/*`)],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    });
  });
});

const withVaultKey = {
  ServerSideEncryptionConfiguration: [
    {
      ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: arnOf('VaultKey') },
      BucketKeyEnabled: true,
    },
  ],
};
const overwriting = { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } };

describe('the vault', () => {
  test('is versioned, encrypted with its own key, locked for 90 days, and logged', () => {
    expect(template.properties('Vault')).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: withVaultKey,
      ObjectLockEnabled: true,
      ObjectLockConfiguration: {
        ObjectLockEnabled: 'Enabled',
        Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 90 } },
      },
      LoggingConfiguration: { DestinationBucketName: ref('AccessLogs'), LogFilePrefix: 'vault/' },
    });
  });

  test('never loses an object to its lifecycle', () => {
    expect(template.properties('Vault')['LifecycleConfiguration']).toEqual({
      Rules: [
        { Id: 'unfinished-uploads', Status: 'Enabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
      ],
    });
  });

  test('takes a key once', () => {
    expect(template.statement('VaultPolicy', 'WriteOnce')).toEqual({
      Sid: 'WriteOnce',
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:PutObject',
      Resource: sub('${Vault.Arn}/*'),
      Condition: overwriting,
    });
  });

  test("takes nothing that is encrypted otherwise than with the vault's key", () => {
    const key = 's3:x-amz-server-side-encryption-aws-kms-key-id';
    const kind = 's3:x-amz-server-side-encryption';
    // A negated operator holds where the header is absent; the bucket's default applies then.
    expect(template.statement('VaultPolicy', 'VaultKeyOnly')).toMatchObject({
      Effect: 'Deny',
      Action: 's3:PutObject',
      Condition: { Null: { [key]: 'false' }, StringNotEquals: { [key]: arnOf('VaultKey') } },
    });
    expect(template.statement('VaultPolicy', 'NoOtherEncryption')).toMatchObject({
      Effect: 'Deny',
      Action: 's3:PutObject',
      Condition: { Null: { [kind]: 'false' }, StringNotEquals: { [kind]: 'aws:kms' } },
    });
  });

  test('lets nobody delete, unlock, or change the lock or the policy', () => {
    const evidence = template.statement('VaultPolicy', 'KeepEvidence');
    expect(evidence).toMatchObject({ Effect: 'Deny', Principal: '*', Resource: sub('${Vault.Arn}/*') });
    expect(evidence.Action).toEqual(
      expect.arrayContaining([
        's3:BypassGovernanceRetention',
        's3:DeleteObject',
        's3:DeleteObjectVersion',
        's3:PutObjectLegalHold',
        's3:PutObjectRetention',
      ]),
    );
    const protection = template.statement('VaultPolicy', 'KeepProtection');
    expect(protection).toMatchObject({ Effect: 'Deny', Principal: '*', Resource: arnOf('Vault') });
    expect(protection.Action).toEqual(
      expect.arrayContaining([
        's3:DeleteBucket',
        's3:DeleteBucketPolicy',
        's3:PutBucketObjectLockConfiguration',
        's3:PutBucketPolicy',
        's3:PutBucketPublicAccessBlock',
        's3:PutBucketVersioning',
        's3:PutEncryptionConfiguration',
        's3:PutLifecycleConfiguration',
      ]),
    );
    expect([evidence.Condition, protection.Condition]).toEqual([NOTHING, NOTHING]);
  });

  test('allows nobody anything by itself', () => {
    expect(template.statements('VaultPolicy').map(({ Effect }) => Effect)).not.toContain('Allow');
  });
});

describe('the drop box', () => {
  test('is apart from the vault, encrypted, logged, and emptied after a week', () => {
    expect(template.properties('DropBox')).toMatchObject({
      BucketEncryption: withVaultKey,
      LoggingConfiguration: { DestinationBucketName: ref('AccessLogs'), LogFilePrefix: 'drop-box/' },
      LifecycleConfiguration: {
        Rules: [
          {
            Id: 'expiry',
            Status: 'Enabled',
            ExpirationInDays: 7,
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
          },
        ],
      },
    });
    // A version that is kept would outlive the week.
    expect(template.properties('DropBox')).not.toHaveProperty('VersioningConfiguration');
  });

  test('takes a key once, by a link that is not older than 15 minutes and signed by the responder', () => {
    const denied = { Effect: 'Deny', Principal: '*', Resource: sub('${DropBox.Arn}/*') };
    expect(template.statement('DropBoxPolicy', 'WriteOnce')).toMatchObject({
      ...denied,
      Action: 's3:PutObject',
      Condition: overwriting,
    });
    expect(template.statement('DropBoxPolicy', 'FreshLinksOnly')).toMatchObject({
      ...denied,
      Action: 's3:PutObject',
      Condition: { NumericGreaterThan: { 's3:signatureAge': '900000' } },
    });
    expect(template.statement('DropBoxPolicy', 'ResponderOnly')).toMatchObject({
      ...denied,
      Action: ['s3:GetObject', 's3:PutObject'],
      Condition: { ArnNotEquals: { 'aws:PrincipalArn': arnOf('ResponderRole') } },
    });
  });
});

test('the access logs are written by S3 for buckets of this account, and kept for a year', () => {
  expect(template.properties('AccessLogs')).toMatchObject({
    VersioningConfiguration: { Status: 'Enabled' },
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
    },
    LifecycleConfiguration: { Rules: [expect.objectContaining({ ExpirationInDays: 365 })] },
  });
  expect(template.statement('AccessLogsPolicy', 'LogDelivery')).toMatchObject({
    Principal: { Service: 'logging.s3.amazonaws.com' },
    Action: 's3:PutObject',
    Condition: { StringEquals: { 'aws:SourceAccount': ref('AWS::AccountId') } },
  });
  expect(template.statement('AccessLogsPolicy', 'KeepLogs')).toMatchObject({
    Effect: 'Deny',
    Action: ['s3:DeleteBucket', 's3:DeleteObject', 's3:DeleteObjectVersion'],
  });
  for (const bucket of ['Vault', 'DropBox']) expect(template.resource(bucket).DependsOn).toEqual(['AccessLogsPolicy']);
});

test('the ledger has one key, point-in-time recovery, deletion protection, an expiry and its own encryption key', () => {
  expect(template.properties('Ledger')).toEqual({
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'listed', AttributeType: 'S' },
    ],
    GlobalSecondaryIndexes: [
      expect.objectContaining({ IndexName: 'open', Projection: { ProjectionType: 'KEYS_ONLY' } }),
    ],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    DeletionProtectionEnabled: true,
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    SSESpecification: { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: arnOf('LedgerKey') },
    TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
  });
});

describe.each(KEYS)('%s', (key) => {
  test('is rotated, and ended by nobody but the break-glass role', () => {
    expect(template.properties(key)).toMatchObject({ EnableKeyRotation: true, PendingWindowInDays: 30 });
    expect(template.statement(key, 'BreakGlassEndsIt')).toEqual({
      Sid: 'BreakGlassEndsIt',
      Effect: 'Deny',
      Principal: '*',
      Action: ['kms:DisableKey', 'kms:ScheduleKeyDeletion'],
      Resource: '*',
      Condition: NOTHING,
    });
  });

  test('is used as the policies of the account say', () => {
    expect(template.statement(key, 'AccountDecides').Principal).toEqual({
      AWS: sub('arn:${AWS::Partition}:iam::${AWS::AccountId}:root'),
    });
    const allowed = template.statements(key).filter(({ Effect }) => Effect === 'Allow');
    for (const action of allowed.flatMap(({ Action }) => listed(Action))) expect(action).toMatch(/^kms:[A-Za-z]+$/);
  });
});

test("CloudWatch Logs may use the messages' key for the stack's own log groups", () => {
  const groups = 'arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:';
  expect(template.statement('MessageKey', 'Logs')).toMatchObject({
    Principal: { Service: sub('logs.${AWS::Region}.amazonaws.com') },
    Condition: {
      ArnLike: {
        'kms:EncryptionContext:aws:logs:arn': [
          sub(`${groups}/aws/lambda/secresponse-dev-*`),
          sub(`${groups}/aws/api-gateway/secresponse-dev`),
        ],
      },
    },
  });
});

test('evidence, ledger, undelivered findings and the keys to them stay when the stack goes', () => {
  const kept = Object.entries(template.Resources)
    .filter(([, found]) => found.DeletionPolicy === 'Retain' && found.UpdateReplacePolicy === 'Retain')
    .map(([name]) => name);
  expect(kept.sort()).toEqual(
    [
      ...KEYS,
      ...BUCKETS,
      ...BUCKETS.map((bucket) => `${bucket}Policy`),
      'Ledger',
      'DeadLetters',
      'UndeliveredFindings',
    ].sort(),
  );
});
