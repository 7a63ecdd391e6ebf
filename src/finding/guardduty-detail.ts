/** The parts of a GuardDuty finding that are used: what decides is checked, what is only shown or read again may be strange. */
import * as z from 'zod/mini';
import { accountId, lenient, regionName, textLike } from './ids.ts';

const NUMBER = 'a number from 0 to 10';
const severityNumber = z
  .number({ error: NUMBER })
  .check(z.minimum(0, { error: NUMBER }), z.maximum(10, { error: NUMBER }));
const shownText = lenient(z.string());

function word(expectation: string): z.ZodMiniString {
  return textLike(/^[^\s\p{Cc}]{1,300}$/u, expectation);
}

/** Tags as GuardDuty writes them; dropped where they are strange, and then not known. */
export const tagList = lenient(z.array(z.object({ key: z.string(), value: z.nullish(z.string()) })));

/** A container or cluster that is named; samples carry empty ones. */
const named = lenient(z.looseObject({ id: shownText, name: shownText, arn: shownText }));

const instanceDetails = z.looseObject({
  instanceId: z.optional(z.unknown()),
  tags: tagList,
  networkInterfaces: lenient(z.array(z.object({ vpcId: z.nullish(z.string()) }))),
});

export const detailSchema = z.object(
  {
    id: word('a finding id'),
    arn: shownText,
    accountId,
    region: regionName,
    type: word('a finding type such as Backdoor:EC2/C&CActivity.B!DNS'),
    severity: severityNumber,
    title: shownText,
    description: shownText,
    createdAt: z.optional(z.unknown()),
    updatedAt: z.optional(z.unknown()),
    resource: z.object(
      {
        resourceType: word('a resource type such as Instance'),
        instanceDetails: lenient(instanceDetails),
        containerDetails: named,
        eksClusterDetails: named,
        ecsClusterDetails: named,
        accessKeyDetails: lenient(z.looseObject({ principalId: z.optional(z.unknown()) })),
      },
      { error: 'the resource that the finding is about' },
    ),
    service: z.nullish(
      z.object(
        {
          archived: z.nullish(z.boolean({ error: 'true or false' })),
          count: lenient(z.number()),
          resourceRole: lenient(z.enum(['TARGET', 'ACTOR'])),
          additionalInfo: z.optional(z.unknown()),
          detection: z.optional(z.unknown()),
        },
        { error: 'an object' },
      ),
    ),
  },
  { error: 'a GuardDuty finding' },
);
export type Detail = z.output<typeof detailSchema>;
