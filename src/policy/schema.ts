/**
 * The schema of the files in `policies/`: one definition for validation, for types and for the JSON Schema that editors use.
 * Not for what goes into a Lambda: there `zod/mini` does, in a third of the bytes.
 */
import * as z from 'zod';
import { ACCOUNT, INSTANCE, REGION, type Form } from '../finding/ids.ts';
import { RESPONSES } from './decision.ts';

/** Weakest first. */
export const SEVERITY_LABELS = ['UNTRIAGED', 'INFORMATIONAL', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const;
export const SOURCES = ['guardduty', 'inspector', 'security-hub', 'manual'] as const;

const textLike = ([form, expectation]: Form) => z.string({ error: expectation }).regex(form, { error: expectation });
const accountId = textLike(ACCOUNT);
const regionName = textLike(REGION);
const instanceId = textLike(INSTANCE);

/** One value or a list of them; a list means "one of these". Always a list once read. */
function oneOrMore<Item extends z.ZodType>(item: Item, description: string) {
  const list = z.array(item).min(1, { error: 'at least one entry' });
  return z.union([item.transform((value) => [value]), list]).describe(description);
}

const glob = z
  .string({ error: 'a name, with * for any characters' })
  .min(1, { error: 'a name, with * for any characters' });
const severityNumber = z
  .number({ error: 'a number from 0 to 10' })
  .min(0, { error: 'a number from 0 to 10' })
  .max(10, { error: 'a number from 0 to 10' })
  // EventBridge compares no more of a number.
  .refine((value) => Number(value.toFixed(6)) === value, { error: 'a number of at most six decimals' });
const label = z.enum(SEVERITY_LABELS);

const range = z
  .strictObject({
    gte: severityNumber.optional(),
    gt: severityNumber.optional(),
    lte: severityNumber.optional(),
    lt: severityNumber.optional(),
  })
  .refine((bounds) => Object.values(bounds).some((bound) => bound !== undefined), {
    error: 'at least one of gte, gt, lte and lt',
  });
export type Range = z.output<typeof range>;

const whenSchema = z
  .strictObject({
    source: oneOrMore(z.enum(SOURCES), 'Who found it.').optional(),
    severity: z
      .union([severityNumber, label.transform((value) => [value]), z.array(label).min(1), range])
      .describe(
        "A label or a list of labels, exactly this number, or a range: { gte: 4, lt: 7 }. Numbers are the detector's.",
      )
      .optional(),
    type: oneOrMore(glob, 'Finding type, such as Backdoor:EC2/*.').optional(),
    role: z
      .enum(['TARGET', 'ACTOR'])
      .describe('GuardDuty: the resource was acted upon (TARGET) or acted itself (ACTOR).')
      .optional(),
    resourceType: oneOrMore(
      glob,
      'As the detector names it: Instance, EKSCluster, AWS_EC2_INSTANCE, …; an attack sequence counts as what it is about: Instance, EKSCluster or ECSCluster.',
    ).optional(),
    account: oneOrMore(accountId, "The target's account.").optional(),
    region: oneOrMore(glob, "The target's Region, such as eu-*.").optional(),
    tags: oneOrMore(glob, 'Tags of the instance: key or key=value, with *. Any one of the list suffices.').optional(),
    vpc: oneOrMore(glob, 'VPCs of which the instance has an interface in one.').optional(),
    exploitAvailable: z.boolean({ error: 'true or false' }).describe('Inspector: an exploit is known.').optional(),
    score: range.describe("Inspector: the finding's own score.").optional(),
    reachable: z
      .boolean({ error: 'true or false' })
      .describe('Inspector, network findings: reachable from the internet.')
      .optional(),
  })
  .describe('All conditions must hold; none at all matches everything.');
export type When = z.output<typeof whenSchema>;

const ruleSchema = z.strictObject({
  id: z
    .string({ error: 'a name of letters, digits and dashes' })
    .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/, { error: 'a name of letters, digits and dashes' })
    .refine((id) => id !== 'default' && id !== 'archived', {
      error: 'another name: default and archived have a meaning',
    })
    .describe('Appears in every decision, message and report.'),
  description: z.string({ error: 'a text' }).describe('Why, for the person who is woken by it.').optional(),
  when: whenSchema,
  respond: z.enum(RESPONSES).describe('ignore < notify < collect < quarantine-after-approval < quarantine'),
});
export type Rule = z.output<typeof ruleSchema>;

const count = (expectation: string, max: number) =>
  z.int({ error: expectation }).min(0, { error: expectation }).max(max, { error: expectation });

const limitsSchema = z.strictObject({
  quarantinesPerHour: count('a whole number', 10_000).describe('Per account; 5 where it is not given.').optional(),
  quarantinesPerDay: count('a whole number', 10_000)
    .describe('Per account; no limit where it is not given.')
    .optional(),
  collectionsPerHour: count('a whole number', 10_000)
    .describe('Per account; no limit where it is not given.')
    .optional(),
  groupShare: count('a percentage from 0 to 100', 100)
    .describe('Percentage of an Auto Scaling group that may be contained at once, at least one instance; 50.')
    .optional(),
  reservePerHour: count('a whole number', 10_000)
    .describe('Kept for critical findings, so that decoys cannot use up the limit; 2.')
    .optional(),
  groupTags: z
    .array(z.string({ error: 'the key of a tag' }).min(1, { error: 'the key of a tag' }))
    .describe(
      'Keys of tags: instances with the same value of one are a group too, of which groupShare may be contained at once; none.',
    )
    .optional(),
  onLedgerFailure: z
    .enum(['isolate', 'collect'])
    .describe('What to do where the ledger cannot be asked; isolate.')
    .optional(),
});

const collectionSchema = z.strictObject({
  os: z.enum(['on', 'off']).describe('Collect from the running system through Systems Manager; on.').optional(),
  budgetSeconds: count('a number of seconds up to 600', 600).describe('Isolation waits no longer; 120.').optional(),
});

const approvalSchema = z.strictObject({
  timeoutHours: z
    .int({ error: 'a number of hours from 1 to 144' })
    .min(1, { error: 'a number of hours from 1 to 144' })
    .max(144, { error: 'a number of hours from 1 to 144' })
    .describe('How long a request for approval waits for a person; 4.')
    .optional(),
  onTimeout: z
    .enum(['isolate-critical', 'leave'])
    .describe(
      'What then becomes of what a rule wants approved: isolate-critical (severity 9 and above, and attack sequences, are isolated; the rest is left) or leave; isolate-critical. What a limit, a protection or an earlier release holds back is always left.',
    )
    .optional(),
});

const access = z.union([
  z.literal('none'),
  z.literal('lifeline'),
  z.strictObject({ group: z.string().regex(/^sg-[0-9a-f]{8,17}$/, { error: 'a security group id' }) }),
  z.strictObject({
    cidr: z.string().regex(/^[0-9a-fA-F:.]+\/\d{1,3}$/, { error: 'an address range such as 10.0.0.0/28' }),
  }),
]);

const containmentSchema = z.strictObject({
  order: z.enum(['auto', 'collect-first', 'contain-first']).describe('auto').optional(),
  cutFlows: z.enum(['auto', 'always', 'never']).describe('Cut established connections; auto.').optional(),
  dwellSeconds: count('a number of seconds up to 60', 60).describe('How long the cut takes; 5.').optional(),
  releaseHold: count('a number of days up to 365', 365)
    .describe('Days after a release in which a recurrence asks for approval; 7.')
    .optional(),
  autoScaling: z
    .enum(['standby', 'detach', 'keep'])
    .describe(
      'What becomes of a member of an Auto Scaling group, which would be terminated as unhealthy: standby (a replacement is launched, a release brings it back), detach (likewise, for good) or keep (it stays, and may be terminated); standby.',
    )
    .optional(),
  publicAddress: z
    .enum(['auto', 'disassociate', 'keep'])
    .describe(
      'Elastic IP addresses: auto (taken off where established connections are to be cut), disassociate or keep; auto.',
    )
    .optional(),
  access: access.describe("Analysts' way in: none, lifeline, { group: sg-… } or { cidr: … }; none.").optional(),
});

const testFindingSchema = z.strictObject({
  source: z.enum(SOURCES).describe('guardduty where it is not given.').optional(),
  type: z.string({ error: 'a finding type' }).optional(),
  severity: z.union([severityNumber, label]).optional(),
  role: z.enum(['TARGET', 'ACTOR']).optional(),
  resourceType: z
    .string({ error: 'a resource type' })
    .describe('Where it is not given: Instance, AWS_EC2_INSTANCE for Inspector.')
    .optional(),
  account: accountId.optional(),
  region: regionName.optional(),
  instance: instanceId.optional(),
  tags: z
    .record(z.string(), z.string({ error: 'a text' }))
    .describe('Left out: not known yet.')
    .optional(),
  vpc: z.string({ error: 'a VPC id' }).describe('Left out: not known yet.').optional(),
  exploitAvailable: z.boolean({ error: 'true or false' }).describe('Inspector.').optional(),
  score: severityNumber.describe('Inspector.').optional(),
  reachable: z.boolean({ error: 'true or false' }).describe('Inspector, network findings.').optional(),
  archived: z.boolean({ error: 'true or false' }).describe('Inspector: suppressed or closed.').optional(),
  sample: z.boolean({ error: 'true or false' }).optional(),
  force: z.boolean({ error: 'true or false' }).describe('Manual requests.').optional(),
  reason: z.string({ error: 'a text' }).describe('Manual requests.').optional(),
});

const testSchema = z.strictObject({
  name: z.string({ error: 'a text' }).optional(),
  finding: testFindingSchema,
  expect: z.enum(RESPONSES),
  rule: z.string({ error: 'the id of a rule' }).describe('Also: the rule that must have decided.').optional(),
});
export type PolicyTest = z.output<typeof testSchema>;
export type TestFinding = z.output<typeof testFindingSchema>;

export const policyFileSchema = z
  .strictObject({
    version: z.literal(1, { error: '1, the only version' }),
    extends: z
      .literal('default', { error: '"default"' })
      .describe(
        'Only in accounts/<account id>.yml: what is not given here is as in default.yml; rules come before its rules.',
      )
      .optional(),
    mode: z
      .enum(['observe', 'enforce'])
      .describe('observe: decide and tell, change nothing. enforce: do it.')
      .optional(),
    rules: z.array(ruleSchema, { error: 'a list of rules' }).describe('The first that matches decides.').optional(),
    protect: z
      .strictObject({
        instances: z
          .array(instanceId)
          .describe('Ids of instances that are never quarantined: no approval lifts it, only a request with force.')
          .optional(),
        tags: z
          .array(glob)
          .describe(
            'Instances with one of these tags (key or key=value, with *) are collected from at most. Tags whose key begins with aws: are absolute; for any other, which the instance may have given itself, approval to quarantine is asked.',
          )
          .optional(),
      })
      .describe('What must not be taken off the network without a person.')
      .optional(),
    limits: limitsSchema.describe('How much may be done at once.').optional(),
    approval: approvalSchema.describe('How long approval is waited for, and what happens without.').optional(),
    collection: collectionSchema.describe('What is collected from the host itself.').optional(),
    containment: containmentSchema.describe('How isolation is done.').optional(),
    administrators: z
      .array(accountId)
      .describe("Only in default.yml: accounts whose events may be about other accounts' instances.")
      .optional(),
    tests: z.array(testSchema).describe('Cases that `policy check` runs.').optional(),
  })
  .describe('A policy of secresponse: which finding gets which response.');
export type PolicyFile = z.output<typeof policyFileSchema>;

/** The JSON Schema of the files as people write them, for editors. */
export function policyJsonSchema(): object {
  return z.toJSONSchema(policyFileSchema, { io: 'input' });
}
