/** Vault, topic, ledger and drop box. */
import { defineCheck, deployCommand, notReady, ok, warning, type Check, type Room } from './check.ts';

const vaultName = ({ settings }: Room): string => `s3://${settings.places.bucket}`;
const MADE_ANEW = 'it can only be switched on when the bucket is made: use the vault that the stack makes';

const vault: Check[] = [
  defineCheck({
    name: 'vault',
    permission: 's3:ListBucket',
    read: ({ readings }) => readings.vault.exists(),
    judge: (exists, room) =>
      exists
        ? ok(`${vaultName(room)} exists`)
        : notReady(
            `${vaultName(room)} does not exist`,
            `set EVIDENCE_BUCKET to the stack's VaultName, or ${deployCommand(room)}`,
          ),
  }),
  defineCheck({
    name: 'vault-versioning',
    permission: 's3:GetBucketVersioning',
    needs: 'vault',
    read: ({ readings }) => readings.vault.isVersioned(),
    judge: (versioned, room) =>
      versioned
        ? ok('objects are versioned')
        : notReady('versioning is off: evidence can be replaced', `switch on versioning of ${vaultName(room)}`),
  }),
  defineCheck({
    name: 'vault-lock',
    permission: 's3:GetBucketObjectLockConfiguration',
    needs: 'vault',
    read: ({ readings }) => readings.vault.objectLock(),
    judge(lock, room) {
      if (lock === null) return notReady('Object Lock is off: evidence can be deleted', MADE_ANEW);
      const { Mode, Days, Years } = lock.retention ?? {};
      if (!Mode || !(Days ?? Years))
        return notReady(
          'Object Lock is on, but there is no default retention: evidence can be deleted',
          `give ${vaultName(room)} a default retention`,
        );
      return ok(`evidence is locked for ${Days ?? Years} ${Days ? 'days' : 'years'} (${Mode.toLowerCase()})`);
    },
  }),
  defineCheck({
    name: 'vault-public-access',
    permission: 's3:GetBucketPublicAccessBlock',
    needs: 'vault',
    read: ({ readings }) => readings.vault.publicAccessBlock(),
    judge: (block, room) => publicAccess(block, vaultName(room)),
  }),
  defineCheck({
    name: 'vault-encryption',
    permission: 's3:GetEncryptionConfiguration',
    needs: 'vault',
    read: ({ readings }) => readings.vault.encryption(),
    judge(encryption, room) {
      const todo = `encrypt ${vaultName(room)} with a KMS key of your own`;
      if (encryption === null) return notReady('no encryption is configured', todo);
      const { algorithm } = encryption;
      if (!algorithm.startsWith('aws:kms')) return warning(`encrypted with ${algorithm}, not with a KMS key`, todo);
      return ok('encrypted with a KMS key');
    },
  }),
];

const topic: Check[] = [
  defineCheck({
    name: 'topic',
    permission: 'sns:GetTopicAttributes',
    read: ({ readings }) => readings.topic.attributes(),
    judge: (attributes, room) =>
      attributes
        ? ok(`${room.settings.places.topicArn} exists`)
        : notReady(
            `${room.settings.places.topicArn} does not exist`,
            `set NOTIFICATION_TOPIC_ARN to the stack's TopicArn, or ${deployCommand(room)}`,
          ),
  }),
  defineCheck({
    name: 'subscription',
    permission: 'sns:ListSubscriptionsByTopic',
    needs: 'topic',
    read: ({ readings }) => readings.topic.subscriptions(),
    judge(subscriptions) {
      const named = subscriptions.map((one) => ({ ...one, name: `${one.protocol} ${one.endpoint}` }));
      const pending = named.filter(({ arn }) => arn === null).map(({ name }) => name);
      const heard = named.filter(({ arn }) => arn !== null).map(({ name }) => name);
      const confirm = 'answer the mail that AWS sent, or subscribe once more: AWS forgets a request after some days';
      if (heard.length > 0)
        return [
          ok(`confirmed: ${heard.join(', ')}`),
          ...(pending.length === 0 ? [] : [warning(`not confirmed yet: ${pending.join(', ')}`, confirm)]),
        ];
      if (pending.length > 0)
        return notReady(`nobody hears the topic; not confirmed yet: ${pending.join(', ')}`, confirm);
      return notReady(
        'nobody is subscribed to the topic',
        'deploy with --param email=…, or subscribe to the topic and confirm',
      );
    },
  }),
];

const ledger: Check[] = [
  defineCheck({
    name: 'ledger',
    permission: 'dynamodb:DescribeTable',
    read: ({ readings }) => readings.table.description(),
    judge(table, room) {
      const name = `table ${room.settings.places.table}`;
      if (table === null)
        return notReady(
          `${name} does not exist`,
          `set INCIDENT_TABLE to the stack's LedgerName, or ${deployCommand(room)}`,
        );
      const status = table.TableStatus ?? 'unknown';
      if (status.startsWith('INACCESSIBLE'))
        return notReady(`${name} is ${status}: DynamoDB cannot use its key`, 'put right what ledger-key says');
      if (!['ACTIVE', 'UPDATING'].includes(status)) return notReady(`${name} is ${status}`, 'wait until it is ACTIVE');
      const types = new Map((table.AttributeDefinitions ?? []).map((one) => [one.AttributeName, one.AttributeType]));
      const wrong = (table.KeySchema ?? []).filter(({ AttributeName }) => types.get(AttributeName) !== 'S');
      if (wrong.length > 0)
        return notReady(
          `the key ${wrong.map(({ AttributeName }) => AttributeName).join(', ')} of ${name} is no string: nothing can be written`,
          'use the table that the stack makes: one string key, pk',
        );
      return ok(`${name} exists`);
    },
  }),
  defineCheck({
    name: 'ledger-index',
    permission: 'dynamodb:DescribeTable',
    needs: 'ledger',
    read: ({ readings }) => readings.table.description(),
    judge(table, room) {
      const index = table?.GlobalSecondaryIndexes?.find(({ IndexName }) => IndexName === 'open');
      const key = index?.KeySchema?.find(({ KeyType }) => KeyType === 'HASH')?.AttributeName;
      if (key === 'listed') return ok('open incidents are listed by the index "open"');
      return notReady(
        `there is no index "open" over "listed": the function, which may not go through the table, cannot look after open incidents`,
        deployCommand(room),
      );
    },
  }),
  defineCheck({
    name: 'ledger-recovery',
    permission: 'dynamodb:DescribeContinuousBackups',
    needs: 'ledger',
    read: ({ readings }) => readings.table.isRecoverable(),
    judge: (recoverable, room) =>
      recoverable
        ? ok('point-in-time recovery is on')
        : notReady(
            'point-in-time recovery is off: a release needs what is in the table',
            `switch it on for table ${room.settings.places.table}`,
          ),
  }),
];

const hasDropBox = ({ settings }: Room): boolean => settings.places.dropBox !== undefined;
const dropBoxName = ({ settings }: Room): string => `s3://${settings.places.dropBox}`;

const dropBox: Check[] = [
  defineCheck({
    name: 'drop-box',
    permission: 's3:ListBucket',
    applies: hasDropBox,
    read: ({ readings }) => readings.dropBox.exists(),
    judge: (exists, room) =>
      exists
        ? ok(`${dropBoxName(room)} exists`)
        : notReady(`${dropBoxName(room)} does not exist`, "set DROP_BOX_BUCKET to the stack's DropBoxName"),
  }),
  defineCheck({
    name: 'drop-box-public-access',
    permission: 's3:GetBucketPublicAccessBlock',
    needs: 'drop-box',
    applies: hasDropBox,
    read: ({ readings }) => readings.dropBox.publicAccessBlock(),
    judge: (block, room) => publicAccess(block, dropBoxName(room)),
  }),
  defineCheck({
    name: 'drop-box-expiry',
    permission: 's3:GetLifecycleConfiguration',
    needs: 'drop-box',
    applies: hasDropBox,
    read: ({ readings }) => readings.dropBox.expiryDays(),
    judge: (days, room) =>
      days === null
        ? warning('what suspect hosts upload stays for ever', `let the objects of ${dropBoxName(room)} expire`)
        : ok(`uploads go after ${days} days`),
  }),
];

interface PublicAccessBlock {
  BlockPublicAcls?: boolean | undefined;
  BlockPublicPolicy?: boolean | undefined;
  IgnorePublicAcls?: boolean | undefined;
  RestrictPublicBuckets?: boolean | undefined;
}

function publicAccess(block: PublicAccessBlock | null, name: string) {
  const parts = ['BlockPublicAcls', 'BlockPublicPolicy', 'IgnorePublicAcls', 'RestrictPublicBuckets'] as const;
  const open = parts.filter((part) => block?.[part] !== true);
  if (open.length === 0) return ok('public access is blocked');
  return notReady(`public access is not blocked (${open.join(', ')})`, `block all public access to ${name}`);
}

export const stores: Check[] = [...vault, ...topic, ...ledger, ...dropBox];
