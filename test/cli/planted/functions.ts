/** Planted in the functions: themselves, their roles, their settings, and who may invoke them. */
import { DeleteRoleCommand, UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam';
import { AddPermissionCommand, PutFunctionConcurrencyCommand, RemovePermissionCommand } from '@aws-sdk/client-lambda';
import { PREFIX, trustIn } from '../../support/ready-stack.ts';
import type { Row } from './plant.ts';

function tagged(name: 'state' | 'last-update', value: string) {
  return { Tags: { [`lambda:${name}`]: value } };
}

export const functions: Row[] = [
  [
    'a failed function',
    'function-release',
    'not-ready',
    /release is Failed/,
    { functions: { release: tagged('state', 'Failed') } },
  ],
  [
    'a failed update',
    'function-session-denier',
    'not-ready',
    /last update of .*session-denier: Failed/,
    { functions: { 'session-denier': tagged('last-update', 'Failed') } },
  ],
  [
    'a function that is not durable',
    'function-responder',
    'not-ready',
    /responder is not durable/,
    { functions: { responder: { DurableConfig: undefined } } },
  ],
  [
    'no session denier',
    'function-session-denier',
    'not-ready',
    /there is no function/,
    { functions: { 'session-denier': null } },
  ],
  [
    'switched off by concurrency',
    'concurrency-responder',
    'not-ready',
    /reserved concurrency of secresponse-dev-responder is 0/,
    ({ clients }) =>
      clients.lambda.send(
        new PutFunctionConcurrencyCommand({ FunctionName: `${PREFIX}responder`, ReservedConcurrentExecutions: 0 }),
      ),
  ],
  [
    'another drop box in the function',
    'settings',
    'not-ready',
    /DROP_BOX_BUCKET is drop-box-\w+ there/,
    {},
    { DROP_BOX_BUCKET: '' },
  ],
  [
    'rules that may not invoke the responder',
    'permission-responder',
    'not-ready',
    /may not invoke secresponse-dev-responder:durable for secresponse-dev-inspector, secresponse-dev-drift$/,
    { invokedBy: { responder: `${PREFIX}guardduty*` } },
  ],
  [
    'rules that may invoke the responder, who knows when',
    'permission-responder',
    'warning',
    /may invoke secresponse-dev-responder:durable for secresponse-dev-guardduty, .* under a condition/,
    async ({ clients }) => {
      const of = { FunctionName: `${PREFIX}responder`, Qualifier: 'durable' };
      await clients.lambda.send(new RemovePermissionCommand({ ...of, StatementId: 'rules' }));
      const may = {
        Action: 'lambda:InvokeFunction',
        Principal: 'events.amazonaws.com',
        PrincipalOrgID: 'o-1234567890',
      };
      await clients.lambda.send(new AddPermissionCommand({ ...of, ...may, StatementId: 'organisation' }));
    },
  ],
  [
    'rules that may not invoke the watcher',
    'permission-watcher',
    'not-ready',
    /may not invoke secresponse-dev-watcher for .*secresponse-dev-executions, secresponse-dev-tampering$/,
    ({ clients }) =>
      clients.lambda.send(new RemovePermissionCommand({ FunctionName: `${PREFIX}watcher`, StatementId: 'rules' })),
  ],
  [
    'a role that is gone',
    'role-responder',
    'not-ready',
    /role responder of secresponse-dev-responder does not exist/,
    ({ clients }) => clients.iam.send(new DeleteRoleCommand({ RoleName: 'responder' })),
  ],
  [
    'a role that Lambda may not take',
    'role-session-denier',
    'not-ready',
    /Lambda may not take role session-denier of secresponse-dev-session-denier/,
    ({ clients }) =>
      clients.iam.send(
        new UpdateAssumeRolePolicyCommand({
          RoleName: 'session-denier',
          PolicyDocument: trustIn('ec2.amazonaws.com'),
        }),
      ),
  ],
  [
    'a role that Lambda may take, who knows when',
    'role-release',
    'warning',
    /Lambda may take role release of secresponse-dev-release under a condition/,
    ({ clients }) =>
      clients.iam.send(
        new UpdateAssumeRolePolicyCommand({
          RoleName: 'release',
          PolicyDocument: trustIn('lambda.amazonaws.com', {
            DateLessThan: { 'aws:CurrentTime': '2030-01-01T00:00:00Z' },
          }),
        }),
      ),
  ],
  [
    'an API whose function failed',
    'function-api',
    'not-ready',
    /secresponse-dev-api is Failed/,
    { functions: { api: tagged('state', 'Failed') } },
  ],
  [
    'no watcher',
    'function-watcher',
    'not-ready',
    /there is no function secresponse-dev-watcher/,
    { functions: { watcher: null } },
  ],
];
