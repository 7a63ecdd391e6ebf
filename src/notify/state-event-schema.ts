/**
 * The events that tell other systems what has become of an incident: source `secresponse`, detail-type
 * `Incident State Change`, on the default bus. `state-event.schema.json` is made from this; nothing in it ever goes away
 * or changes its meaning under the same `version`.
 */
import * as z from 'zod';

/**
 * `opened`: a run has claimed the target for a new incident. `approved`, by a person or by `approval.onTimeout`; `denied`, by a
 * person; `expired`: nobody decided in time, and the instance is left as it is. `releasing`: a release has begun and is not
 * through. `closed`: by a person, by the clock, or since the instance is gone. `drift`: an open incident's containment is not as it
 * was asked for.
 */
export const INCIDENT_STATES = [
  'opened',
  'quarantined',
  'collected',
  'notified',
  'awaiting-approval',
  'approved',
  'denied',
  'expired',
  'releasing',
  'released',
  'closed',
  'failed',
  'drift',
] as const;

export const stateEventSchema = z.strictObject({
  version: z.literal(1),
  incidentId: z.string().describe('inc-…; the same for every event about the incident'),
  state: z.enum(INCIDENT_STATES),
  at: z.iso.datetime().describe('when this was found to be so'),
  account: z.string().regex(/^\d{12}$/),
  region: z.string(),
  instanceId: z.string().regex(/^i-[0-9a-f]+$/),
  decision: z
    .strictObject({
      response: z.enum(['ignore', 'notify', 'collect', 'quarantine-after-approval', 'quarantine']),
      rule: z.string(),
      dryRun: z.boolean().describe('nothing was changed'),
    })
    .optional()
    .describe('absent in releasing, released, closed and drift'),
  finding: z
    .strictObject({ source: z.string(), id: z.string(), type: z.string(), severity: z.string() })
    .optional()
    .describe('absent in releasing, released, closed and drift'),
  isolation: z
    .strictObject({
      verified: z.boolean().describe('a second reading showed the isolation'),
      secondsToIsolation: z.number().nullable(),
      establishedFlows: z.enum(['cut-attempted', 'may-continue']),
    })
    .nullable()
    .optional()
    .describe('null where none was asked for'),
  evidence: z
    .strictObject({ bucket: z.string(), prefix: z.string() })
    .optional()
    .describe('where the evidence lies; none of it is in the event'),
});

export type StateEvent = z.infer<typeof stateEventSchema>;

/** `state-event.schema.json` as data. */
export function stateEventJsonSchema(): object {
  return {
    title: 'Incident State Change',
    description: 'The detail of the events that secresponse puts on the default event bus',
    ...z.toJSONSchema(stateEventSchema),
  };
}
