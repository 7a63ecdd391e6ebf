/** The keys without which nothing can be written or read. */
import type { KeyReading } from '../aws/readiness-messages.ts';
import { defineCheck, notReady, ok, type Check, type Room, type Verdict } from './check.ts';
import { deadLetterQueues } from './messages.ts';

/** A key, and what is encrypted with it. */
interface Use {
  what: string;
  /** Null: none of the account's own. */
  key: string | null;
}

interface Keys {
  name: string;
  /** Beside kms:DescribeKey. */
  permission: string;
  needs?: string;
  region?: (room: Room) => string;
  uses: (room: Room) => Promise<Use[]>;
}

function keysCheck({ name, permission, needs, region = (room) => room.region, uses }: Keys): Check {
  return defineCheck({
    name,
    permission: `${permission}, kms:DescribeKey`,
    ...(needs === undefined ? {} : { needs }),
    async read(room) {
      const byKey = new Map<string, string[]>();
      for (const { what, key } of await uses(room)) if (key !== null) byKey.set(key, [...(byKey.get(key) ?? []), what]);
      return Promise.all(
        [...byKey].map(async ([key, whats]) => ({
          key,
          what: whats.join(', '),
          reading: await room.readings.keys.key(key, region(room)),
        })),
      );
    },
    judge: (keys, room) => keys.map(({ key, what, reading }) => judgeKey(key, what, reading, region(room))),
  });
}

function judgeKey(key: string, what: string, reading: KeyReading | null, region: string): Verdict {
  const named = `the key of ${what}, ${key},`;
  const of = `--region ${region} --key-id ${key}`;
  const enable = `aws kms enable-key ${of}`;
  if (reading === null)
    return notReady(
      `${named} does not exist: nothing there can be written or read`,
      `encrypt ${what} with another key`,
    );
  const { state, deletedAt } = reading;
  // While it is updated it can be used.
  if (state === 'Enabled' || state === 'Updating') return ok(`the key of ${what} is enabled`);
  if (state === 'Disabled') return notReady(`${named} is disabled: nothing there can be written or read`, enable);
  if (state === 'PendingDeletion')
    return notReady(
      `${named} is pending deletion: nothing there can be written or read, and all is lost ${deletedAt === null ? 'with it' : `on ${deletedAt}`}`,
      `aws kms cancel-key-deletion ${of}, then ${enable}`,
    );
  return notReady(`${named} is ${state}: it cannot be used`, `look at it: aws kms describe-key ${of}`);
}

export const keys: Check[] = [
  keysCheck({
    name: 'vault-key',
    permission: 's3:GetEncryptionConfiguration',
    needs: 'vault',
    async uses({ readings, settings: { places } }) {
      const vault = { what: `s3://${places.bucket}`, key: (await readings.vault.encryption())?.key ?? null };
      if (places.dropBox === undefined || !(await readings.dropBox.exists())) return [vault];
      return [vault, { what: `s3://${places.dropBox}`, key: (await readings.dropBox.encryption())?.key ?? null }];
    },
  }),
  keysCheck({
    name: 'ledger-key',
    permission: 'dynamodb:DescribeTable',
    async uses({ readings, settings: { places } }) {
      const { SSEDescription } = (await readings.table.description()) ?? {};
      return [{ what: `table ${places.table}`, key: SSEDescription?.KMSMasterKeyArn ?? null }];
    },
  }),
  keysCheck({
    name: 'message-key',
    permission: 'sns:GetTopicAttributes, sqs:GetQueueUrl, sqs:GetQueueAttributes',
    region: ({ settings: { places }, region }) => places.topicArn.split(':')[3] || region,
    async uses(room) {
      const { readings, settings } = room;
      const queues = await deadLetterQueues(room);
      return [
        { what: settings.places.topicArn, key: (await readings.topic.attributes())?.key ?? null },
        ...(await Promise.all(
          queues.map(async (arn) => ({ what: arn, key: (await readings.queues.queue(arn))?.key ?? null })),
        )),
      ];
    },
  }),
];
