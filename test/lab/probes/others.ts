import { LockSnapshotCommand } from '@aws-sdk/client-ec2';
import { PutEventsCommand, PutTargetsCommand, TestEventPatternCommand } from '@aws-sdk/client-eventbridge';
import { ListFindingsCommand } from '@aws-sdk/client-guardduty';
import {
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  GetContextKeysForCustomPolicyCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import {
  CreateBucketCommand,
  GetObjectRetentionCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
} from '@aws-sdk/client-s3';
import { CreateTopicCommand, PublishCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { createHash, randomUUID } from 'node:crypto';
import { labConfig } from '../../../src/lab/client.ts';
import { receiveMessages } from '../../../src/lab/deployment.ts';
import { createRules, putEvent } from '../../../src/lab/event-bus.ts';
import { failure, type Lab, type Probe } from './probe.ts';

const LAMBDA = 'arn:aws:lambda:us-east-1:123456789012:function:responder';
const EVENT = { source: 'aws.guardduty', 'detail-type': 'GuardDuty Finding', detail: { severity: 8 } };
const DENY = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:GetObject","Resource":"*"}]}';
const PATTERN = { source: ['aws.guardduty'] };

/** A rule that also sends to a queue, so that what passed the bus can be read without a listener. */
async function busWithQueue(lab: Lab, rule: { pattern: object; enabled?: boolean; lambda?: boolean }) {
  const sqs = new SQSClient(labConfig(lab));
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'heard' }));
  const queueUrl = lab.endpoint + new URL(QueueUrl).pathname;
  await createRules({ endpoint: lab.endpoint, rules: [{ name: 'rule', pattern: rule.pattern }], targetArn: LAMBDA });
  const [account] = new URL(QueueUrl).pathname.split('/').filter(Boolean);
  const Targets = [{ Id: 'zz-queue', Arn: `arn:aws:sqs:us-east-1:${account}:heard` }];
  await lab.events.send(new PutTargetsCommand({ Rule: 'rule', Targets }));
  return async () => {
    const messages = await receiveMessages({ endpoint: lab.endpoint, queueUrl });
    return messages.map(({ body }) => JSON.parse(body) as { region: string; id: string });
  };
}

const publish = async (lab: Lab, input: Omit<ConstructorParameters<typeof PublishCommand>[0], 'TopicArn'>) => {
  const { TopicArn } = await lab.sns.send(new CreateTopicCommand({ Name: 'notices' }));
  return failure(lab.sns.send(new PublishCommand({ TopicArn, ...input })));
};

/** A new role's policies, each with its text. */
async function rolePolicies(lab: Lab) {
  const RoleName = `role-${randomUUID()}`;
  await lab.iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: DENY }));
  return {
    put: (PolicyName: string, PolicyDocument: string) =>
      failure(lab.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument }))),
  };
}

/** Of so many characters, blanks not counted. */
function policyOf(characters: number): string {
  return DENY.replace('"*"', `"${'arn:aws:s3:::'.padEnd(characters - DENY.length + 1, 'a')}"`);
}

/** Into a bucket with three days of default retention. */
async function putLocked(lab: Lab, more: { ChecksumAlgorithm?: 'SHA256' } = {}) {
  const Bucket = `locked-${randomUUID()}`;
  await lab.s3.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
  await lab.s3.send(
    new PutObjectLockConfigurationCommand({
      Bucket,
      ObjectLockConfiguration: {
        ObjectLockEnabled: 'Enabled',
        Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 3 } },
      },
    }),
  );
  const ChecksumSHA256 = createHash('sha256').update('text').digest('base64');
  await lab.s3.send(new PutObjectCommand({ Bucket, Key: 'evidence', Body: 'text', ChecksumSHA256, ...more }));
  return Bucket;
}

export const probes: Probe[] = [
  {
    mend: 'clean_errors',
    holds: 'what moto does not implement is a clean refusal',
    run: async (lab) => [
      await failure(lab.ec2.send(new LockSnapshotCommand({ SnapshotId: 'snap-1', LockMode: 'governance' }))),
      await failure(lab.iam.send(new GetContextKeysForCustomPolicyCommand({ PolicyInputList: ['{}'] }))),
      await failure(lab.s3.send(new HeadBucketCommand({ Bucket: 'no-such-bucket' }))),
      await failure(lab.guardduty.send(new ListFindingsCommand({ DetectorId: '0123456789abcdef' }))),
    ],
    answer: ['InvalidAction', 'InvalidAction', 'NotFound', 'InvalidAction'],
  },
  {
    mend: 'events.deliver_to_lambda',
    holds: 'a Lambda target neither fails the call nor stops later targets',
    async run(lab) {
      const heard = await busWithQueue(lab, { pattern: PATTERN });
      const Entries = [{ Source: EVENT.source, DetailType: EVENT['detail-type'], Detail: '{"severity":8}' }];
      const { FailedEntryCount } = await lab.events.send(new PutEventsCommand({ Entries }));
      return [FailedEntryCount, (await heard()).length];
    },
    answer: [0, 1],
  },
  {
    mend: 'events.keep_envelope',
    holds: 'an event keeps the account, region and id it came with',
    async run(lab) {
      const heard = await busWithQueue(lab, { pattern: { account: ['999988887777'] } });
      await putEvent({ ...lab, event: { ...EVENT, account: '999988887777', region: 'eu-west-1', id: 'one' } });
      return (await heard()).map(({ region, id }) => [region, id]);
    },
    answer: [['eu-west-1', 'one']],
  },
  {
    mend: 'events.match_inside_arrays',
    holds: 'a pattern looks into arrays of objects, at one element at a time',
    async run(lab) {
      const match = async (tags: object[]) => {
        const { Result } = await lab.events.send(
          new TestEventPatternCommand({
            EventPattern: JSON.stringify({ detail: { tags: { key: ['team'], value: [{ prefix: 'sh' }] } } }),
            Event: JSON.stringify({ ...whole, detail: { tags } }),
          }),
        );
        return Result;
      };
      return [
        await match([
          { key: 'a', value: 'b' },
          { key: 'team', value: 'shop' },
        ]),
        await match([
          { key: 'team', value: 'b' },
          { key: 'a', value: 'shop' },
        ]),
        await match([]),
      ];
    },
    answer: [true, false, false],
  },
  {
    mend: 'events.answer_test_event_pattern',
    holds: 'TestEventPattern tells whether the pattern matches, and refuses a broken one',
    async run(lab) {
      const match = async (pattern: string) => {
        const input = { EventPattern: pattern, Event: JSON.stringify(whole) };
        return (await lab.events.send(new TestEventPatternCommand(input))).Result;
      };
      return [
        await match('{"detail":{"severity":[{"numeric":[">=",7]}]}}'),
        await match('{"detail":{"severity":[{"numeric":["<",7]}]}}'),
        await match('{"detail":{"archived":[{"exists":false}]}}'),
        await failure(match('{"detail":{"severity":8}}')),
      ];
    },
    answer: [true, false, true, 'InvalidEventPatternException'],
  },
  {
    mend: 'iam.profile_id_prefix',
    holds: 'the id of an instance profile looks like one',
    async run(lab) {
      const { InstanceProfile } = await lab.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: 'web' }));
      return /^AIPA[A-Z0-9]{16,}$/.test(InstanceProfile?.InstanceProfileId ?? '');
    },
    answer: true,
  },
  {
    mend: 'iam.role_policy_quota',
    holds: "a role's inline policies have 10,240 characters together, and blanks do not count",
    async run(lab) {
      const { put } = await rolePolicies(lab);
      return [
        await put('one', policyOf(6_000)),
        await put('two', policyOf(4_240).replaceAll('":', '": ')),
        await put('three', DENY),
        await put('two', policyOf(4_241)),
        await put('two', policyOf(4_000)),
      ];
    },
    answer: ['no error', 'no error', 'LimitExceededException', 'LimitExceededException', 'no error'],
  },
  {
    mend: 's3.checked_sha256',
    holds: 'an object is refused where its SHA-256 differs, and keeps it where it does not',
    async run(lab) {
      const Bucket = `vault-${randomUUID()}`;
      await lab.s3.send(new CreateBucketCommand({ Bucket }));
      const put = (Key: string, ChecksumSHA256: string) =>
        lab.s3.send(new PutObjectCommand({ Bucket, Key, Body: 'evidence', ChecksumSHA256 }));
      const right = createHash('sha256').update('evidence').digest('base64');
      const wrong = createHash('sha256').update('something else').digest('base64');
      const refused = await failure(put('wrong', wrong));
      await put('right', right);
      const head = await lab.s3.send(new HeadObjectCommand({ Bucket, Key: 'right', ChecksumMode: 'ENABLED' }));
      return [refused, head.ChecksumSHA256 === right];
    },
    answer: ['BadDigest', true],
  },
  {
    mend: 's3.checksum_says_its_algorithm',
    holds: 'a checksum alone is enough in a bucket with default retention',
    run: async (lab) => failure(putLocked(lab)),
    answer: 'no error',
  },
  {
    mend: 's3.object_retention',
    holds: 'the retention of an object can be read',
    async run(lab) {
      const Bucket = await putLocked(lab, { ChecksumAlgorithm: 'SHA256' });
      const { Retention } = await lab.s3.send(new GetObjectRetentionCommand({ Bucket, Key: 'evidence' }));
      const days = ((Retention?.RetainUntilDate?.getTime() ?? 0) - Date.now()) / 86_400_000;
      return [Retention?.Mode, Math.round(days)];
    },
    answer: ['GOVERNANCE', 3],
  },
  {
    mend: 'sns.refuse_bad_subject',
    holds: 'a subject is ASCII, one line, shorter than 100 characters',
    run: async (lab) =>
      Promise.all(
        ['a'.repeat(99), 'a'.repeat(100), 'naïve', 'two\nlines'].map((Subject) =>
          publish(lab, { Subject, Message: 'text' }),
        ),
      ),
    answer: ['no error', 'InvalidParameterException', 'InvalidParameterException', 'InvalidParameterException'],
  },
  {
    mend: 'sns.refuse_large_message',
    holds: 'the attributes count into the size of a message',
    run: async (lab) =>
      publish(lab, {
        Message: 'a'.repeat(262_140),
        MessageAttributes: { status: { DataType: 'String', StringValue: 'quarantined' } },
      }),
    answer: 'InvalidParameterException',
  },
  {
    mend: 'sns.refuse_bad_structure',
    holds: 'a message of several texts needs the default one, also where nobody listens',
    run: async (lab) => [
      await publish(lab, { MessageStructure: 'json', Message: '{"email":"text"}' }),
      await publish(lab, { MessageStructure: 'json', Message: '{"default":"text"}' }),
    ],
    answer: ['InvalidParameterException', 'no error'],
  },
];

const whole = {
  ...EVENT,
  id: 'c8c4daa7-a20c-2f03-0070-b7393dd542ad',
  account: '123456789012',
  region: 'us-east-1',
  time: '2026-01-02T03:04:05Z',
  resources: [],
};
