/**
 * The body of `POST /secresponse`: `{ "instance_id": "i-…" }`, and what a manual request may say beside it. Protection is
 * overridden by invoking the function, not by the API: there is no `force` here.
 */
import * as z from 'zod/mini';
import { FindingError } from './finding.ts';
import { instanceId, regionName } from './ids.ts';
import { refuseUnknownKeys } from './manual.ts';
import { isObject, plainPath, validate } from './validate.ts';

const bodySchema = z.object({
  instance_id: instanceId,
  region: z.optional(regionName),
  reason: z.optional(
    z.string({ error: 'a text' }).check(z.maxLength(1000, { error: 'a text of at most 1,000 characters' })),
  ),
  dryRun: z.optional(z.boolean({ error: 'true or false' })),
});
const KEYS = Object.keys(bodySchema.shape);

export type ApiRequest = z.infer<typeof bodySchema>;

/** The same for API Gateway, which refuses most of what is wrong before anything of ours runs. */
export function bodyModel(): object {
  return { ...z.toJSONSchema(bodySchema, { target: 'draft-4', io: 'input' }), additionalProperties: false };
}

/** @throws FindingError with what is wrong, in one line. */
export function parseApiRequest(body: string): ApiRequest {
  let input: unknown;
  try {
    input = JSON.parse(body);
  } catch {
    throw new FindingError('', 'the body is no JSON');
  }
  if (!isObject(input)) throw new FindingError('', 'the body is no JSON object');
  refuseUnknownKeys(input, KEYS, 'a request');
  return validate(bodySchema, input, plainPath);
}

const INCIDENT_ID = /^inc-[0-9a-f]{16}$/;

export function isIncidentId(text: string): boolean {
  return INCIDENT_ID.test(text);
}
