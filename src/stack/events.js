/** `${file(src/stack/events.js):responder}`. osls loads JavaScript only. */
import { eventRules } from '../policy/event-rules.ts';
import { resolvePolicies } from './policies.ts';
import { variable } from './variables.ts';

/** One rule on EventBridge for each pattern that the policies compile to. */
export const responder = variable(async (resolveVariable) => {
  const folder = await resolveVariable('param:policies');
  const prefix = `${await resolveVariable('self:service')}-${await resolveVariable('sls:stage')}`;
  return eventRules(resolvePolicies(process.cwd(), folder)).map(({ name, pattern }) => ({
    eventBridge: {
      name: `${prefix}-${name}`,
      pattern,
      // As long as EventBridge tries at all; what cannot be delivered until then is kept.
      retryPolicy: { maximumEventAge: 86_400, maximumRetryAttempts: 185 },
      deadLetterQueueArn: { 'Fn::GetAtt': ['UndeliveredFindings', 'Arn'] },
    },
  }));
});
