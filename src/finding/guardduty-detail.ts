/** The parts of a GuardDuty finding that are used: what decides is checked, what is only shown or read again may be strange. */
import * as z from 'zod';
import { accountId, regionName, textLike } from './ids.ts';

const NUMBER = 'a number from 0 to 10';
const severityNumber = z.number({ error: NUMBER }).min(0, { error: NUMBER }).max(10, { error: NUMBER });
const shownText = z.string().nullish().catch(undefined);

function word(expectation: string): z.ZodString {
  return textLike(/^[^\s\p{Cc}]{1,300}$/u, expectation);
}

/** Tags as GuardDuty writes them; dropped where they are strange, and then not known. */
export const tagList = z
  .array(z.object({ key: z.string(), value: z.string().nullish() }))
  .nullish()
  .catch(undefined);

/** A container or cluster that is named; samples carry empty ones. */
const named = z.looseObject({ id: shownText, name: shownText, arn: shownText }).nullish().catch(undefined);

const instanceDetails = z.looseObject({
  instanceId: z.unknown().optional(),
  tags: tagList,
  networkInterfaces: z
    .array(z.object({ vpcId: z.string().nullish() }))
    .nullish()
    .catch(undefined),
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
    createdAt: z.unknown().optional(),
    updatedAt: z.unknown().optional(),
    resource: z.object(
      {
        resourceType: word('a resource type such as Instance'),
        instanceDetails: instanceDetails.nullish().catch(undefined),
        containerDetails: named,
        eksClusterDetails: named,
        ecsClusterDetails: named,
        accessKeyDetails: z.looseObject({ principalId: z.unknown().optional() }).nullish().catch(undefined),
      },
      { error: 'the resource that the finding is about' },
    ),
    service: z
      .object(
        {
          archived: z.boolean({ error: 'true or false' }).nullish(),
          count: z.number().nullish().catch(undefined),
          resourceRole: z.enum(['TARGET', 'ACTOR']).nullish().catch(undefined),
          additionalInfo: z.unknown().optional(),
          detection: z.unknown().optional(),
        },
        { error: 'an object' },
      )
      .nullish(),
  },
  { error: 'a GuardDuty finding' },
);
export type Detail = z.output<typeof detailSchema>;
