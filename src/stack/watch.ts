/** Rules on EventBridge that the watcher function is invoked by. */
import { UsageError } from '../cli/command.ts';
import { CANARY_REQUEST, CANARY_TYPE } from '../finding/canary.ts';
import type { Finding, Target } from '../finding/finding.ts';
import { decide } from '../policy/decide.ts';
import type { Policies } from '../policy/policy.ts';

export interface WatchRule {
  name: string;
  source: { pattern: object } | { schedule: string; input: object };
}

/** What names this stack's rules and functions begin with, as in `secresponse-dev`. */
export function watchRules(prefix: string, canary: string): WatchRule[] {
  const ours = [{ prefix: `${prefix}-` }];
  return [
    ...(canary === 'on'
      ? // Not on the hour, when everything else runs.
        [{ name: 'canary', source: { schedule: 'cron(17 6 * * ? *)', input: CANARY_REQUEST } }]
      : []),
    {
      name: 'executions',
      source: {
        pattern: {
          source: ['aws.lambda'],
          'detail-type': ['Durable Execution Status Change'],
          detail: {
            status: ['FAILED', 'STOPPED', 'TIMED_OUT'],
            functionArn: ['responder', 'release'].map((name) => ({ wildcard: `*:function:${prefix}-${name}:*` })),
          },
        },
      },
    },
    {
      name: 'tampering',
      source: {
        pattern: {
          source: ['aws.events'],
          'detail-type': ['AWS API Call via CloudTrail'],
          detail: {
            eventSource: ['events.amazonaws.com'],
            $or: [
              { eventName: ['DisableRule', 'DeleteRule'], requestParameters: { name: ours } },
              { eventName: ['RemoveTargets'], requestParameters: { rule: ours } },
              // A deployment writes rules; nobody can pretend to be one, as this is no word of the caller's.
              {
                eventName: ['PutRule'],
                requestParameters: { name: ours },
                sourceIPAddress: [{ 'anything-but': ['cloudformation.amazonaws.com'] }],
              },
              {
                eventName: ['PutTargets'],
                requestParameters: { rule: ours },
                sourceIPAddress: [{ 'anything-but': ['cloudformation.amazonaws.com'] }],
              },
            ],
          },
        },
      },
    },
  ];
}

/**
 * A sample that no rule lets through would have the alarm of silence on for ever.
 * @throws {UsageError} where the policies ignore it and the canary is on
 */
export function checkCanary(policies: Policies, canary: string): void {
  if (canary !== 'on') return;
  const target: Target = { account: '000000000000', region: 'us-east-1', instanceId: 'i-99999999' };
  const finding: Finding = {
    source: 'guardduty',
    id: 'canary',
    account: target.account,
    region: target.region,
    type: CANARY_TYPE,
    severity: { score: 8, label: 'HIGH' },
    title: CANARY_TYPE,
    description: '',
    role: 'ACTOR',
    resourceType: 'Instance',
    archived: false,
    sample: true,
    targets: [{ ...target, facts: {} }],
    refused: [],
  };
  const { response } = decide({ policy: policies.default, finding, target, facts: {} });
  if (response === 'ignore')
    throw new UsageError(
      `canary is on, but the policies ignore its sample finding (${CANARY_TYPE}, severity 8, Instance): let a rule match it, or set canary=off`,
    );
}
