/**
 * A person's request to release one incident.
 *
 * ```json
 * { "incident_id": "inc-5f0c2a9b7d3e4f10", "reason": "false alarm: a penetration test", "dryRun": false }
 * ```
 * or with `instance_id` (and `account`, `region` where they are not the caller's). Unknown keys are refused.
 */
import * as z from 'zod/mini';
import { FindingError, type Target } from './finding.ts';
import { accountId, instanceId, regionName, textLike } from './ids.ts';
import { refuseUnknownKeys } from './manual.ts';
import { either } from './names.ts';
import { isObject, plainPath, validate } from './validate.ts';

export interface ReleaseRequest {
  which: { incidentId: string } | { target: Target };
  reason: string;
  /** Who asks, as claimed; null where nobody says. */
  by: string | null;
  dryRun: boolean;
}

const requestSchema = z.object({
  instance_id: z.optional(instanceId),
  incident_id: z.optional(textLike(/^[\w.-]{1,100}$/, 'an incident id')),
  // Three dots are copied from the notification: no reason yet.
  reason: textLike(/[\p{L}\p{N}]/u, 'a reason in words'),
  by: z.nullish(z.string({ error: 'a text' }).check(z.maxLength(2_048, { error: 'at most 2,048 characters' }))),
  dryRun: z.nullish(z.boolean({ error: 'true or false' })),
  account: z.nullish(accountId),
  region: z.nullish(regionName),
});
const KEYS = Object.keys(requestSchema.shape);

/** `home`: account and Region where the request names none. @throws FindingError with what is wrong, in one line. */
export function parseReleaseRequest(input: unknown, home: { account: string; region: string }): ReleaseRequest {
  if (!isObject(input)) throw new FindingError('', `a release request is an object with ${either(KEYS)}`);
  refuseUnknownKeys(input, KEYS, 'a release request');
  const { instance_id, incident_id, reason, by, dryRun, account, region } = validate(requestSchema, input, plainPath);
  const common = { reason: reason.trim(), by: by?.trim() || null, dryRun: dryRun === true };
  if (incident_id !== undefined && instance_id === undefined) {
    if (account || region)
      throw new FindingError(account ? 'account' : 'region', 'goes with instance_id; an incident has its own');
    return { which: { incidentId: incident_id }, ...common };
  }
  if (instance_id === undefined || incident_id !== undefined)
    throw new FindingError('', 'give one of instance_id and incident_id');
  const target = { account: account ?? home.account, region: region ?? home.region, instanceId: instance_id };
  return { which: { target }, ...common };
}
