/** Planted in what brings findings: detectors, rules and their targets; and in the network. */
import {
  DeleteRuleCommand,
  DisableRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  type Target,
} from '@aws-sdk/client-eventbridge';
import { createWorld } from '../../../src/lab/world.ts';
import type { ReadyAccount } from '../../support/ready-account.ts';
import { functionArn, PREFIX } from '../../support/ready-stack.ts';
import type { Plant, Row } from './plant.ts';

function ruleIs(rule: string, change: (room: ReadyAccount, Name: string) => Promise<unknown>): Plant {
  return Object.assign((room: ReadyAccount) => change(room, `${PREFIX}${rule}`), { rule });
}

/** The rule's target, otherwise. */
function targetIs(rule: string, change: (room: ReadyAccount) => Partial<Target>): Plant {
  return ruleIs(rule, (room, Rule) => {
    const watches = ['canary', 'executions', 'tampering'].includes(rule);
    const Arn = functionArn(room.account, watches ? 'watcher' : 'responder:durable');
    const DeadLetterConfig = { Arn: Arn.replace(/:lambda:(.*):function:.*/, ':sqs:$1:undelivered') };
    const Targets = [{ Id: 'function', Arn, DeadLetterConfig, ...change(room) }];
    return room.clients.events.send(new PutTargetsCommand({ Rule, Targets }));
  });
}

export const rules: Row[] = [
  ['no detector', 'guardduty', 'not-ready', /no detector in us-east-1/, { detector: null }],
  ['a suspended detector', 'guardduty', 'not-ready', /is suspended/, { detector: { Enable: false } }],
  [
    'a slow detector',
    'guardduty',
    'warning',
    /only every 6 hours/,
    { detector: { Enable: true, FindingPublishingFrequency: 'SIX_HOURS' } },
  ],
  [
    'a disabled rule',
    'rules',
    'not-ready',
    /rule secresponse-dev-guardduty is disabled/,
    ruleIs('guardduty', ({ clients }, Name) => clients.events.send(new DisableRuleCommand({ Name }))),
  ],
  [
    'a rule that admits something else',
    'rules',
    'not-ready',
    /guardduty-2 admits other events/,
    ruleIs('guardduty-2', ({ clients }, Name) =>
      clients.events.send(new PutRuleCommand({ Name, EventPattern: '{"source":["aws.guardduty"]}' })),
    ),
  ],
  [
    'a disabled rule of the watcher',
    'rules',
    'not-ready',
    /rule secresponse-dev-tampering is disabled/,
    ruleIs('tampering', ({ clients }, Name) => clients.events.send(new DisableRuleCommand({ Name }))),
  ],
  [
    'a drift check that hardly ever comes',
    'rules',
    'not-ready',
    /rule secresponse-dev-drift comes by rate\(1000 days\), not by rate\(15 minutes\)/,
    ruleIs('drift', ({ clients }, Name) =>
      clients.events.send(new PutRuleCommand({ Name, ScheduleExpression: 'rate(1000 days)' })),
    ),
  ],
  [
    'a sample finding that hardly ever comes',
    'rules',
    'not-ready',
    /rule secresponse-dev-canary comes by cron\(17 6 1 1 \? \*\), not by cron\(17 6 \* \* \? \*\)/,
    ruleIs('canary', ({ clients }, Name) =>
      clients.events.send(new PutRuleCommand({ Name, ScheduleExpression: 'cron(17 6 1 1 ? *)' })),
    ),
  ],
  [
    'no daily sample finding',
    'rules',
    'warning',
    /there is no rule secresponse-dev-canary/,
    ruleIs('canary', async ({ clients }, Name) => {
      await clients.events.send(new RemoveTargetsCommand({ Rule: Name, Ids: ['function'] }));
      await clients.events.send(new DeleteRuleCommand({ Name }));
    }),
  ],
  [
    'a rule of other policies',
    'rules',
    'warning',
    /guardduty-99 is none that the policies compile to/,
    ruleIs('guardduty-99', ({ clients }, Name) =>
      clients.events.send(new PutRuleCommand({ Name, EventPattern: '{"source":["aws.guardduty"]}' })),
    ),
  ],
  [
    'a rule that starts nothing',
    'rule-targets',
    'not-ready',
    /guardduty does not start arn:aws:lambda:us-east-1:\d+:function:secresponse-dev-responder:durable$/,
    ruleIs('guardduty', ({ clients }, Rule) =>
      clients.events.send(new RemoveTargetsCommand({ Rule, Ids: ['function'] })),
    ),
  ],
  [
    'a rule that does not start the watcher',
    'rule-targets',
    'not-ready',
    /executions does not start arn:\S+:secresponse-dev-watcher$/,
    ruleIs('executions', ({ clients }, Rule) =>
      clients.events.send(new RemoveTargetsCommand({ Rule, Ids: ['function'] })),
    ),
  ],
  [
    'a constant Input for findings',
    'rule-targets',
    'not-ready',
    /guardduty-2 gives secresponse-dev-responder the constant Input \{\} instead of the event/,
    targetIs('guardduty-2', () => ({ Input: '{}' })),
  ],
  [
    'a part of the finding only',
    'rule-targets',
    'not-ready',
    /guardduty-3 gives secresponse-dev-responder what an InputPath makes of the event instead/,
    targetIs('guardduty-3', () => ({ InputPath: '$.detail' })),
  ],
  [
    'something made of the finding',
    'rule-targets',
    'not-ready',
    /inspector gives secresponse-dev-responder what an InputTransformer makes of the event instead/,
    targetIs('inspector', () => ({ InputTransformer: { InputTemplate: '"a finding"' } })),
  ],
  [
    'a drift check that does not say so',
    'rule-targets',
    'not-ready',
    /drift gives secresponse-dev-responder the event instead of \{"secresponse":"drift"\}/,
    targetIs('drift', () => ({})),
  ],
  [
    'a rule that starts a function of another account',
    'rule-targets',
    'not-ready',
    /tampering does not start arn:\S+, but arn:aws:lambda:us-east-1:111122223333:function:secresponse-dev-watcher$/,
    targetIs('tampering', () => ({ Arn: 'arn:aws:lambda:us-east-1:111122223333:function:secresponse-dev-watcher' })),
  ],
  [
    'a rule that starts a function of another Region',
    'rule-targets',
    'not-ready',
    /guardduty does not start arn:\S+, but arn:aws:lambda:eu-west-1:/,
    targetIs('guardduty', ({ account }) => ({
      Arn: functionArn(account, 'responder:durable').replace('us-east-1', 'eu-west-1'),
    })),
  ],
  [
    'a rule that starts a version',
    'rule-targets',
    'not-ready',
    /inspector does not start arn:\S+:durable, but arn:\S+:secresponse-dev-responder:7$/,
    targetIs('inspector', ({ account }) => ({ Arn: functionArn(account, 'responder:7') })),
  ],
  [
    'a rule without a dead-letter queue',
    'rule-targets',
    'not-ready',
    /guardduty-2 has no dead-letter queue: what it cannot bring to its function is lost/,
    targetIs('guardduty-2', () => ({ DeadLetterConfig: undefined })),
  ],
  [
    'a VPC without endpoints',
    'endpoints',
    'warning',
    /^vpc-\w+ \(1 instance\) has no endpoints/,
    (room) => createWorld(room.account),
  ],
  ['a key for signing', 'signing-key', 'warning', /signs no manifest/, {}, { SIGNING_KEY_ID: 'alias/evidence' }],
];
