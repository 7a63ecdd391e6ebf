/** What a policy lets a service do, and what it leaves open. */
import { expect, test } from '@jest/globals';
import { granted, type Grant } from '../../src/doctor/grants.ts';

const queue = 'arn:aws:sqs:us-east-1:111122223333:letters';
const use = {
  service: 'events.amazonaws.com',
  action: 'sqs:SendMessage',
  resource: queue,
  context: { 'aws:sourcearn': 'arn:aws:events:us-east-1:111122223333:rule/secresponse-dev-drift' },
};
const allow = { Effect: 'Allow', Principal: { Service: use.service }, Action: use.action, Resource: queue };
const deny = { ...allow, Effect: 'Deny', Principal: '*' };
const fromRule = (rule: string) => ({
  ArnLike: { 'aws:SourceArn': `arn:aws:events:us-east-1:111122223333:rule/${rule}` },
});

const rows: [name: string, grant: Grant, ...statements: object[]][] = [
  ['nothing is said', 'no'],
  ['allowed', 'yes', allow],
  ['by any name of the action', 'yes', { ...allow, Action: ['sqs:GetQueueUrl', 'SQS:Send*'] }],
  ['on any queue', 'yes', { ...allow, Resource: '*' }],
  ['in Regions with names of their own', 'yes', { ...allow, Principal: { Service: ['events.amazonaws.com.cn'] } }],
  ['to everybody', 'yes', { ...allow, Principal: '*' }],
  ['for the rule', 'yes', { ...allow, Condition: fromRule('secresponse-dev-*') }],
  ['another service', 'no', { ...allow, Principal: { Service: 'sns.amazonaws.com' } }],
  ['an account', 'no', { ...allow, Principal: { AWS: '111122223333' } }],
  ['another action', 'no', { ...allow, Action: 'sqs:ReceiveMessage' }],
  ['another queue', 'no', { ...allow, Resource: `${queue}-too` }],
  ['for another rule', 'no', { ...allow, Condition: fromRule('other') }],
  ['allowed and denied', 'no', allow, deny],
  ['denied without TLS', 'unclear', allow, { ...deny, Condition: { Bool: { 'aws:SecureTransport': 'false' } } }],
  ['denied to another rule', 'yes', allow, { ...deny, Condition: fromRule('other') }],
  [
    'a condition that nobody looks at',
    'unclear',
    { ...allow, Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } } },
  ],
  ['an operator that nobody knows', 'unclear', { ...allow, Condition: { StringNotEquals: { 'aws:SourceArn': 'a' } } }],
  ['all but an action', 'unclear', { ...allow, Action: undefined, NotAction: 'sqs:ReceiveMessage' }],
  ['all but a queue', 'unclear', { ...allow, Resource: undefined, NotResource: `${queue}-too` }],
  ['all but a principal', 'unclear', { ...allow, Principal: undefined, NotPrincipal: { AWS: '111122223333' } }],
];

test.each(rows)('%s: %s', (_name, grant, ...statements) => {
  expect(granted(JSON.stringify({ Statement: statements }), use)).toBe(grant);
  // One statement need not be in a list.
  if (statements.length === 1) expect(granted(JSON.stringify({ Statement: statements[0] }), use)).toBe(grant);
});

test('what is no policy grants nothing; with TLS, what denies its absence does not', () => {
  expect(granted('', use)).toBe('no');
  const context = { 'aws:securetransport': 'true' };
  const tlsOnly = { ...deny, Condition: { Bool: { 'aws:SecureTransport': 'false' } } };
  expect(granted(JSON.stringify({ Statement: [allow, tlsOnly] }), { ...use, context })).toBe('yes');
});
