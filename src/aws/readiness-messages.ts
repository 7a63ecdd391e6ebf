/** Keys, alarms and queues, as they are in AWS. Reads only; null: AWS says that there is no such thing. */
import { GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs';
import { absent, clientConfig, underDeadline, type ClientSettings } from './client.ts';
import { jsonCalls } from './json-call.ts';

export interface KeyReading {
  /** `Enabled`, `Disabled`, `PendingDeletion` … */
  state: string;
  /** ISO 8601: when it will be gone. */
  deletedAt: string | null;
}

export interface AlarmReading {
  name: string;
  /** False: it changes its state and does nothing. */
  acts: boolean;
  /** ARNs of what it tells when it goes off. */
  actions: string[];
}

export interface QueueReading {
  /** As SQS has it: a key's id, ARN or alias. */
  key: string | null;
  /** Who may send, as JSON. */
  policy: string;
}

export function keyReadings(settings: ClientSettings) {
  return {
    /** `key`: id, ARN or alias; `region`: where it is, unless it is an ARN. */
    async key(key: string, region: string): Promise<KeyReading | null> {
      const where = key.startsWith('arn:') ? key.split(':')[3] || region : region;
      const answer = (await absent(/^NotFound/, () =>
        jsonCalls('kms', { ...settings, region: where })('DescribeKey', { KeyId: key }),
      )) as { KeyMetadata?: { KeyState?: string; DeletionDate?: number } } | null;
      if (answer === null) return null;
      const { KeyState = 'unknown', DeletionDate } = answer.KeyMetadata ?? {};
      return {
        state: KeyState,
        deletedAt: DeletionDate === undefined ? null : new Date(DeletionDate * 1_000).toISOString(),
      };
    },
  };
}

interface AlarmPage {
  MetricAlarms?: { AlarmName?: string; ActionsEnabled?: boolean; AlarmActions?: string[] }[];
  NextToken?: string;
}

export function alarmReadings(settings: ClientSettings) {
  const call = jsonCalls('cloudwatch', settings);
  return {
    async alarms(AlarmNamePrefix: string): Promise<AlarmReading[]> {
      const found: AlarmReading[] = [];
      let NextToken: string | undefined;
      do {
        const input = {
          AlarmNamePrefix,
          AlarmTypes: ['MetricAlarm'],
          MaxRecords: 100,
          ...(NextToken ? { NextToken } : {}),
        };
        const page = (await call('DescribeAlarms', input)) as AlarmPage;
        for (const { AlarmName = '', ActionsEnabled, AlarmActions = [] } of page.MetricAlarms ?? [])
          found.push({ name: AlarmName, acts: ActionsEnabled === true, actions: AlarmActions });
        NextToken = page.NextToken;
      } while (NextToken);
      return found;
    },
  };
}

export function queueReadings(settings: ClientSettings) {
  // Where AWS_ENDPOINT_URL points elsewhere, the queue's own URL would not lead there.
  const client = new SQSClient({ ...clientConfig(settings), useQueueUrlAsEndpoint: false });
  return {
    /** In its function's or rule's Region, as AWS wants it. */
    async queue(arn: string): Promise<QueueReading | null> {
      const [account = '', name = ''] = arn.split(':').slice(4);
      const answer = await absent(/NonExistentQueue|QueueDoesNotExist/, async () => {
        const where = await client.send(
          new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: account }),
          underDeadline(),
        );
        return client.send(
          new GetQueueAttributesCommand({ QueueUrl: where.QueueUrl, AttributeNames: ['KmsMasterKeyId', 'Policy'] }),
          underDeadline(),
        );
      });
      if (answer === null) return null;
      return { key: answer.Attributes?.['KmsMasterKeyId'] || null, policy: answer.Attributes?.['Policy'] ?? '' };
    },
  };
}
