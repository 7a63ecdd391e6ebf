/**
 * What roles allow although no call of the scenes needs it: who does, and why it is right all the same. What a scene can show
 * belongs into scenes.ts instead.
 */
import type { Authorisation } from './authorisation.ts';
import type { Stack } from './stack.ts';

export interface Unseen {
  roles: string[];
  sid: string;
  actions: string[];
  why: string;
  /** A request that needs it, the action apart. */
  request: (stack: Stack, role: string) => Omit<Authorisation, 'action'>;
}

const FUNCTIONS: Record<string, string> = {
  ResponderRole: 'responder',
  ReleaseRole: 'release',
  SessionDenierRole: 'session-denier',
  ApiRole: 'api',
  WatcherRole: 'watcher',
};
const DURABLE = ['ResponderRole', 'ReleaseRole'];

const at = (service: string, what: (role: string) => string): Unseen['request'] => {
  return ({ region, account }, role) => ({
    resource: `arn:aws:${service}:${region}:${account}:${what(role)}`,
    context: {},
  });
};
const nameOf = (role: string) => `secresponse-dev-${FUNCTIONS[role]}`;

const agent = (sid: string, why: string, actions: string[], context: 'instance' | 'none' = 'none'): Unseen => ({
  roles: ['CollectionRole'],
  sid,
  actions,
  why,
  request: ({ region, account }) => {
    const instance = `arn:aws:ec2:${region}:${account}:instance/i-0123456789abcdef0`;
    // Each is a question about the asking instance, or about nothing that AWS has a name for.
    const resource = /UpdateInstanceInformation|ListInstanceAssociations/.test(actions[0] ?? '') ? instance : '*';
    return { resource, context: context === 'instance' ? { 'ec2:SourceInstanceARN': instance } : {} };
  },
});

export const unseen: Unseen[] = [
  {
    roles: Object.keys(FUNCTIONS),
    sid: 'WriteLog',
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    why: 'Lambda writes the log of a function with its role.',
    request: at('logs', (role) => `log-group:/aws/lambda/${nameOf(role)}:log-stream:2026/01/02/[7]0123abcd`),
  },
  {
    roles: DURABLE,
    sid: 'KeepCheckpoints',
    actions: ['lambda:CheckpointDurableExecution', 'lambda:GetDurableExecutionState'],
    why: 'The durable SDK keeps its state in Lambda; off Lambda it is kept in a file.',
    request: at('lambda', (role) => `function:${nameOf(role)}:7/durable-execution/inc-0123456789abcdef/01JZ`),
  },
  {
    roles: DURABLE,
    sid: 'SendDeadLetters',
    actions: ['sqs:SendMessage'],
    why: 'Lambda sends what a function failed on with its role; the function sends notifications there that SNS does not take.',
    request: (stack) => ({ resource: stack.arnOf('DeadLetters'), context: {} }),
  },
  {
    roles: [...DURABLE, 'ApiRole'],
    sid: 'UseLedgerKey',
    actions: ['kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'],
    why: "DynamoDB's guide names them for whoever uses a table under a customer's key; it uses them in the caller's name.",
    request: (stack) => ({
      resource: stack.arnOf('LedgerKey'),
      context: { 'kms:ViaService': `dynamodb.${stack.region}.amazonaws.com` },
    }),
  },
  {
    roles: Object.keys(FUNCTIONS),
    sid: 'Trace',
    actions: ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'],
    why: 'Lambda sends the traces of a function with its role.',
    request: () => ({ resource: '*', context: {} }),
  },
  {
    roles: DURABLE,
    sid: 'TellState',
    actions: ['events:PutEvents'],
    why: 'The scenes are rehearsals, which put no events; test/stack/seen.test.ts runs the bundle and reads them from the bus.',
    request: ({ region, account }) => ({
      resource: `arn:aws:events:${region}:${account}:event-bus/default`,
      context: { 'events:source': ['secresponse'], 'events:detail-type': ['Incident State Change'] },
    }),
  },
  {
    roles: ['WatcherRole'],
    sid: 'FindDetector',
    actions: ['guardduty:ListDetectors'],
    why: 'The watcher looks up the detector; test/handlers/watcher.test.ts has it do so, at a stand-in for GuardDuty.',
    request: () => ({ resource: '*', context: {} }),
  },
  {
    roles: ['WatcherRole'],
    sid: 'SendCanary',
    actions: ['guardduty:CreateSampleFindings'],
    why: 'It asks for the daily sample finding, seen at the same place.',
    request: () => ({ resource: '*', context: {} }),
  },
  agent(
    'AnnounceAgent',
    'The agent of Systems Manager on the host says that it is there.',
    ['ssm:UpdateInstanceInformation'],
    'instance',
  ),
  agent('AnnounceAgent', 'It opens its channel.', ['ssmmessages:CreateControlChannel'], 'instance'),
  agent('ListOwnAssociations', 'It asks so at every start.', ['ssm:ListAssociations']),
  agent('ListOwnAssociations', 'It asks so at every start.', ['ssm:ListInstanceAssociations']),
  agent('UseChannels', 'Newer agents get commands and send results over it.', [
    'ssmmessages:CreateDataChannel',
    'ssmmessages:OpenControlChannel',
    'ssmmessages:OpenDataChannel',
  ]),
  agent('UseOldChannels', 'Older agents get commands and send results over it.', [
    'ec2messages:AcknowledgeMessage',
    'ec2messages:DeleteMessage',
    'ec2messages:FailMessage',
    'ec2messages:GetEndpoint',
    'ec2messages:GetMessages',
    'ec2messages:SendReply',
  ]),
];

/** `role sid action` of each. */
export const unseenPermissions: string[] = unseen.flatMap(({ roles, sid, actions }) =>
  roles.flatMap((role) => actions.map((action) => `${role} ${sid} ${action}`)),
);
