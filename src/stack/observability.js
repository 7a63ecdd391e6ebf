/** `${file(src/stack/observability.js):watcher}` and `:resources`: how the stack is seen from outside. */
import { eventRules } from '../policy/event-rules.ts';
import { alarms } from './alarms.ts';
import { dashboard } from './dashboard.ts';
import { parameters } from './parameters.ts';
import { resolvePolicies } from './policies.ts';
import { variable } from './variables.ts';
import { checkCanary, watchRules } from './watch.ts';

const prefixOf = async (resolve) => `${await resolve('self:service')}-${await resolve('sls:stage')}`;
const policiesOf = async (resolve) => resolvePolicies(process.cwd(), await resolve('param:policies'));
const canaryOf = async (resolve) => parameters.canary(await resolve('param:canary'));

/** Events of the watcher function. */
export const watcher = variable(async (resolve) => {
  const [prefix, canary] = [await prefixOf(resolve), await canaryOf(resolve)];
  checkCanary(await policiesOf(resolve), canary);
  return watchRules(prefix, canary).map(({ name, source }) => ({
    eventBridge: {
      name: `${prefix}-${name}`,
      ...source,
      retryPolicy: { maximumEventAge: 86_400, maximumRetryAttempts: 185 },
      deadLetterQueueArn: { 'Fn::GetAtt': ['UndeliveredFindings', 'Arn'] },
    },
  }));
});

/** Alarms and the dashboard. */
export const resources = variable(async (resolve) => {
  const [prefix, canary] = [await prefixOf(resolve), await canaryOf(resolve)];
  const api = parameters.api(await resolve('param:api'));
  const stack = {
    service: await resolve('self:service'),
    stage: await resolve('sls:stage'),
    canary,
    rules: [
      ...eventRules(await policiesOf(resolve)).map(({ name }) => name),
      'drift',
      ...watchRules(prefix, canary).map(({ name }) => name),
    ],
    functions: {
      responder: 'ResponderLambdaFunction',
      release: 'ReleaseLambdaFunction',
      'session-denier': 'SessionDashdenierLambdaFunction',
      watcher: 'WatcherLambdaFunction',
      ...(api === 'off' ? {} : { api: 'ApiLambdaFunction' }),
    },
  };
  const made = alarms(stack);
  return { Resources: { ...made, Dashboard: dashboard(stack, Object.keys(made)) } };
});
