/** How the vault, the drop box, the topic and the ledger are set up. Reads only; null: AWS says that there is no such thing. */
import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DynamoDBClient,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  S3Client,
  type ObjectLockRule,
  type PublicAccessBlockConfiguration,
} from '@aws-sdk/client-s3';
import {
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  SNSClient,
} from '@aws-sdk/client-sns';
import { absent, clientConfig, errorName, underDeadline, type ClientSettings } from './client.ts';

export interface SubscriptionReading {
  /** `email`, `sqs` and so on. */
  protocol: string;
  endpoint: string;
  /** Null: whoever it goes to has not said yes yet, and gets nothing. */
  arn: string | null;
}

export function bucketReadings(Bucket: string, settings: ClientSettings) {
  const client = new S3Client({
    ...clientConfig(settings),
    // An emulator has no host name per bucket.
    forcePathStyle: Boolean(settings.endpoint ?? process.env['AWS_ENDPOINT_URL']),
  });
  return {
    /** An answer to HEAD has no words: a denied one is given its name here. */
    async exists(): Promise<boolean> {
      try {
        await client.send(new HeadBucketCommand({ Bucket }), underDeadline());
        return true;
      } catch (error) {
        if (/^(NotFound|NoSuchBucket)$/.test(errorName(error))) return false;
        const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
        if ($metadata?.httpStatusCode !== 403) throw error;
        throw new Error('AccessDenied: AWS answers 403', { cause: error });
      }
    },

    isVersioned: async (): Promise<boolean> =>
      (await client.send(new GetBucketVersioningCommand({ Bucket }), underDeadline())).Status === 'Enabled',

    /** `retention`: what an object gets by itself; undefined: nothing. */
    async objectLock(): Promise<{ retention: ObjectLockRule['DefaultRetention'] } | null> {
      const answer = await absent(/^ObjectLockConfigurationNotFound/, () =>
        client.send(new GetObjectLockConfigurationCommand({ Bucket }), underDeadline()),
      );
      const lock = answer?.ObjectLockConfiguration;
      return lock?.ObjectLockEnabled === 'Enabled' ? { retention: lock.Rule?.DefaultRetention } : null;
    },

    async publicAccessBlock(): Promise<PublicAccessBlockConfiguration | null> {
      const answer = await absent(/^NoSuchPublicAccessBlockConfiguration/, () =>
        client.send(new GetPublicAccessBlockCommand({ Bucket }), underDeadline()),
      );
      return answer?.PublicAccessBlockConfiguration ?? null;
    },

    /** `algorithm`: `aws:kms`, `AES256` … `key`: null where none is named. */
    async encryption(): Promise<{ algorithm: string; key: string | null } | null> {
      const answer = await absent(/^ServerSideEncryptionConfigurationNotFound/, () =>
        client.send(new GetBucketEncryptionCommand({ Bucket }), underDeadline()),
      );
      const [rule] = answer?.ServerSideEncryptionConfiguration?.Rules ?? [];
      const { SSEAlgorithm, KMSMasterKeyID } = rule?.ApplyServerSideEncryptionByDefault ?? {};
      return SSEAlgorithm === undefined ? null : { algorithm: SSEAlgorithm, key: KMSMasterKeyID || null };
    },

    /** After how many days every object of it goes. */
    async expiryDays(): Promise<number | null> {
      const answer = await absent(/^NoSuchLifecycleConfiguration/, () =>
        client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }), underDeadline()),
      );
      const days = (answer?.Rules ?? [])
        .filter(({ Status, Filter }) => Status === 'Enabled' && !Filter?.Prefix && !Filter?.Tag && !Filter?.And)
        .flatMap(({ Expiration }) => Expiration?.Days ?? []);
      return days.length === 0 ? null : Math.min(...days);
    },
  };
}

export function topicReadings(TopicArn: string, settings: ClientSettings) {
  const client = new SNSClient(clientConfig({ ...settings, region: TopicArn.split(':')[3] || settings.region }));
  return {
    /** `key`: null where it is not encrypted. */
    async attributes(): Promise<{ key: string | null } | null> {
      const answer = await absent(/^NotFound/, () =>
        client.send(new GetTopicAttributesCommand({ TopicArn }), underDeadline()),
      );
      return answer && { key: answer.Attributes?.['KmsMasterKeyId'] || null };
    },

    /** Which messages alone reach the subscriber; null: all. */
    async filter(SubscriptionArn: string): Promise<string | null> {
      const { Attributes } = await client.send(
        new GetSubscriptionAttributesCommand({ SubscriptionArn }),
        underDeadline(),
      );
      const policy = Attributes?.['FilterPolicy']?.trim() ?? '';
      return /^(\{\s*\})?$/.test(policy) ? null : policy;
    },

    async subscriptions(): Promise<SubscriptionReading[]> {
      const found: SubscriptionReading[] = [];
      let NextToken: string | undefined;
      do {
        const answer = await client.send(
          new ListSubscriptionsByTopicCommand({ TopicArn, ...(NextToken ? { NextToken } : {}) }),
          underDeadline(),
        );
        for (const { Protocol = '', Endpoint = '', SubscriptionArn = '' } of answer.Subscriptions ?? [])
          found.push({
            protocol: Protocol,
            endpoint: Endpoint,
            arn: SubscriptionArn.startsWith('arn:') ? SubscriptionArn : null,
          });
        NextToken = answer.NextToken;
      } while (NextToken);
      return found;
    },
  };
}

export function tableReadings(TableName: string, settings: ClientSettings) {
  const client = new DynamoDBClient(clientConfig(settings));
  return {
    async description(): Promise<TableDescription | null> {
      const answer = await absent(/^ResourceNotFound/, () =>
        client.send(new DescribeTableCommand({ TableName }), underDeadline()),
      );
      return answer?.Table ?? null;
    },

    async isRecoverable(): Promise<boolean> {
      const { ContinuousBackupsDescription: backups } = await client.send(
        new DescribeContinuousBackupsCommand({ TableName }),
        underDeadline(),
      );
      return backups?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus === 'ENABLED';
    },
  };
}
