/**
 * A person's request to quarantine one instance.
 *
 * ```json
 * { "instance_id": "i-0123456789abcdef0", "reason": "beacons every 60 s", "dryRun": false, "force": false }
 * ```
 * Unknown keys are refused: a mistyped `dryRun` must not become a real run.
 */
import * as z from 'zod/mini';
import type { Finding } from './finding.ts';
import { FindingError } from './finding.ts';
import { accountId, instanceId, regionName } from './ids.ts';
import { either, nearest, show } from './names.ts';
import { plainPath, validate } from './validate.ts';

const requestSchema = z.object({
  instance_id: z.optional(instanceId),
  instanceId: z.optional(instanceId),
  account: z.nullish(accountId),
  region: z.nullish(regionName),
  reason: z.nullish(z.string({ error: 'a text' })),
  dryRun: z.nullish(z.boolean({ error: 'true or false' })),
  force: z.nullish(z.boolean({ error: 'true or false' })),
});
const KEYS = Object.keys(requestSchema.shape);

export function isManualRequest(input: Record<string, unknown>): boolean {
  // A slip of the pen is still a request: refuseUnknownKeys says what was meant.
  return Object.keys(input).some((key) => /^instance[-_ ]?id$/i.test(key));
}

/** Account and Region are the caller's unless the request names others. */
export function parseManual(
  input: Record<string, unknown>,
  caller: { account?: string | undefined; region?: string | undefined },
): Finding {
  refuseUnknownKeys(input, KEYS, 'a manual request');
  const request = validate(requestSchema, input, plainPath);
  const target = request.instance_id ?? request.instanceId;
  if (target === undefined) throw new FindingError('instance_id', 'the request names no instance');
  if ((request.instanceId ?? target) !== target) {
    throw new FindingError('instance_id', 'instance_id and instanceId name different instances');
  }
  const account = request.account ?? caller.account;
  if (account === undefined) throw new FindingError('account', 'not given, and not known from credentials or options');
  const region = request.region ?? caller.region;
  if (region === undefined) throw new FindingError('region', 'not given, and not known from AWS_REGION');
  const reason = request.reason?.trim();
  return {
    source: 'manual',
    id: `manual-${target}`,
    account,
    region,
    type: 'ManualRequest',
    severity: { score: null, label: 'UNTRIAGED' },
    title: `Manual request to quarantine ${target}`,
    description: reason || 'No reason was given.',
    resourceType: 'Manual',
    archived: false,
    sample: false,
    targets: [{ account, region, instanceId: target, facts: {} }],
    refused: [],
    request: { ...(reason ? { reason } : {}), dryRun: request.dryRun === true, force: request.force === true },
  };
}

/** A mistyped key of a request is a fault: what it was to say would not be done. */
export function refuseUnknownKeys(input: Record<string, unknown>, known: readonly string[], what: string): void {
  const key = Object.keys(input).find((candidate) => !known.includes(candidate));
  if (key === undefined) return;
  const meant = nearest(key, known);
  const hint = meant === undefined ? `${what} has ${either(known)}` : `did you mean ${meant}?`;
  throw new FindingError(show(key), `not a key of ${what}; ${hint}`);
}
