/** `${file(src/stack/events.js):responder}`. osls loads JavaScript only. */
import { eventRules } from '../policy/event-rules.ts';
import { DRIFT_CHECK, DRIFT_SCHEDULE } from '../runbook/drift-check.ts';
import { resolvePolicies } from './policies.ts';
import { variable } from './variables.ts';

/** One rule on EventBridge for each pattern that the policies compile to, and one that comes with the clock. */
export const responder = variable(async (resolveVariable) => {
  const folder = await resolveVariable('param:policies');
  const prefix = `${await resolveVariable('self:service')}-${await resolveVariable('sls:stage')}`;
  const rule = (name, source) => ({
    eventBridge: {
      name: `${prefix}-${name}`,
      ...source,
      // As long as EventBridge tries at all; what cannot be delivered until then is kept.
      retryPolicy: { maximumEventAge: 86_400, maximumRetryAttempts: 185 },
      deadLetterQueueArn: { 'Fn::GetAtt': ['UndeliveredFindings', 'Arn'] },
    },
  });
  const patterns = eventRules(resolvePolicies(process.cwd(), folder));
  return [
    ...patterns.map(({ name, pattern }) => rule(name, { pattern })),
    // Containment is looked after: an open incident's is read again.
    rule('drift', { schedule: DRIFT_SCHEDULE, input: DRIFT_CHECK }),
  ];
});
