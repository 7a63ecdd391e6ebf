/**
 * A person's request to respond to one GuardDuty finding, named by its id. The finding is read from GuardDuty and then
 * decided like one that came as an event.
 *
 * ```json
 * { "finding_id": "5ab1…", "detector_id": "d0d0…", "region": "eu-west-1", "reason": "…", "dryRun": false, "force": false }
 * ```
 */
import * as z from 'zod/mini';
import type { Finding } from './finding.ts';
import { FindingError } from './finding.ts';
import { regionName, textLike } from './ids.ts';
import { isManualRequest, refuseUnknownKeys } from './manual.ts';
import { isObject, plainPath, validate } from './validate.ts';

const findingId = textLike(/^[A-Za-z0-9-]{1,300}$/, 'the id of a GuardDuty finding, the last part of its ARN');
const detectorId = textLike(/^[A-Za-z0-9-]{1,300}$/, 'the id of a GuardDuty detector');
const flag = z.nullish(z.boolean({ error: 'true or false' }));

const requestSchema = z.object({
  finding_id: z.optional(findingId),
  findingId: z.optional(findingId),
  detector_id: z.nullish(detectorId),
  detectorId: z.nullish(detectorId),
  region: z.nullish(regionName),
  reason: z.nullish(z.string({ error: 'a text' })),
  dryRun: flag,
  force: flag,
});

export interface FindingRequest {
  findingId: string;
  /** Absent: the detector of the account in the Region. */
  detectorId?: string;
  /** Absent: the caller's. */
  region?: string;
  request: NonNullable<Finding['request']>;
}

/**
 * The look-up that has to come before `parseFinding`; null for everything that is no request by finding id.
 * @throws FindingError where it is one and cannot be understood
 */
export function findingRequest(input: unknown): FindingRequest | null {
  if (!isObject(input) || isManualRequest(input) || !('finding_id' in input || 'findingId' in input)) return null;
  refuseUnknownKeys(input, Object.keys(requestSchema.shape), 'a request by finding id');
  const given = validate(requestSchema, input, plainPath);
  const id = oneName('finding_id', 'findingId', given.finding_id, given.findingId);
  const detector = oneName('detector_id', 'detectorId', given.detector_id, given.detectorId);
  if (id === undefined) throw new FindingError('finding_id', 'expected the id of a GuardDuty finding, found nothing');
  const reason = given.reason?.trim();
  return {
    findingId: id,
    ...(detector === undefined ? {} : { detectorId: detector }),
    ...(given.region ? { region: given.region } : {}),
    request: { ...(reason ? { reason } : {}), dryRun: given.dryRun === true, force: given.force === true },
  };
}

function oneName(snake: string, camel: string, a?: string | null, b?: string | null): string | undefined {
  if (a && b && a !== b) throw new FindingError(snake, `${snake} and ${camel} are different`);
  return a ?? b ?? undefined;
}
