/** What no role of the stack can do, whatever its function is made to ask for: by IAM's rules, conditions included. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { packaged } from '../stack/packaged.ts';
import type { Authorisation } from './authorisation.ts';
import { verdictOn } from './simulator.ts';
import { stackOf, type Stack } from './stack.ts';

const account = '111122223333';
const region = 'eu-central-1';
const EC2 = `arn:aws:ec2:${region}:${account}`;
const INSTANCE = `${EC2}:instance/i-0123456789abcdef0`;
const SNAPSHOT = `arn:aws:ec2:${region}::snapshot/snap-0123456789abcdef0`;
const GROUP = `${EC2}:security-group/sg-0123456789abcdef0`;
const role = (name: string) => `arn:aws:iam::${account}:role/${name}`;
const profile = (name: string) => `arn:aws:iam::${account}:instance-profile/${name}`;
// Documents of AWS have no account in their ARN, which the simulator insists on: by its name, none of them is ours.
const document = (name: string) => `arn:aws:ssm:${region}:${account}:document/${name}`;

let stack: Stack;
beforeAll(async () => {
  // The widest that parameters can make it.
  const template = await packaged('api=iam', 'sessionDenial=on', 'releasableRoles=*', 'adminRoles=*Admin*');
  stack = stackOf(template, { account, region, names: { CollectionDocument: 'collection' } });
}, 120_000);

type Asked = [action: string, resource: string, context?: Authorisation['context']];
const PASSED = { 'iam:PassedToService': 'ec2.amazonaws.com' };

/** By what it would be. `except`: roles that may, for what they are there for. */
const forbidden: Record<string, { asked: (stack: Stack) => Asked[]; except?: string[] }> = {
  'end an instance': {
    asked: () => ['TerminateInstances', 'StopInstances', 'RebootInstances'].map((name) => [`ec2:${name}`, INSTANCE]),
  },
  'delete, unlock or share a snapshot': {
    asked: () =>
      ['DeleteSnapshot', 'UnlockSnapshot', 'ModifySnapshotAttribute', 'LockSnapshot'].map((name) => [
        `ec2:${name}`,
        SNAPSHOT,
      ]),
  },
  'delete a volume or take it off': {
    asked: () => [
      ['ec2:DeleteVolume', `${EC2}:volume/vol-0123456789abcdef0`],
      ['ec2:DetachVolume', `${EC2}:volume/vol-0123456789abcdef0`],
    ],
  },
  'delete, unlock or relabel evidence': {
    asked: ({ arnOf }) =>
      [
        'BypassGovernanceRetention',
        'DeleteObject',
        'DeleteObjectVersion',
        'PutObjectAcl',
        'PutObjectLegalHold',
        'PutObjectRetention',
        'DeleteObjectVersionTagging',
      ].map((name) => [`s3:${name}`, `${arnOf('Vault')}/evidence/${account}/manifest.json`]),
  },
  'write evidence over': {
    asked: ({ arnOf }) => [
      ['s3:PutObject', `${arnOf('Vault')}/evidence/manifest.json`, { 's3:ObjectCreationOperation': 'true' }],
    ],
  },
  'write beside the evidence': {
    asked: ({ arnOf }) => [
      ['s3:PutObject', `${arnOf('Vault')}/other`, { 's3:ObjectCreationOperation': 'true', 's3:if-none-match': '*' }],
    ],
  },
  'change what protects the evidence': {
    asked: ({ arnOf }) =>
      [
        'PutBucketPolicy',
        'DeleteBucketPolicy',
        'PutLifecycleConfiguration',
        'PutBucketObjectLockConfiguration',
        'PutBucketVersioning',
      ].map((name) => [`s3:${name}`, arnOf('Vault')]),
  },
  'end or open a key': {
    asked: ({ arnOf }) =>
      ['VaultKey', 'LedgerKey', 'MessageKey'].flatMap((key) =>
        ['ScheduleKeyDeletion', 'DisableKey', 'PutKeyPolicy', 'CreateGrant'].map((name): Asked => [
          `kms:${name}`,
          arnOf(key),
        ]),
      ),
  },
  'use a key by itself': {
    asked: ({ arnOf }) => ['VaultKey', 'LedgerKey', 'MessageKey'].map((key) => ['kms:Decrypt', arnOf(key)]),
  },
  'write the policies of a role': {
    asked: () => ['PutRolePolicy', 'DeleteRolePolicy'].map((name) => [`iam:${name}`, role('shop-web')]),
    except: ['SessionDenierRole'],
  },
  "write the policies of the stack's functions, or of administrators": {
    asked: ({ arnOf }) =>
      [
        arnOf('ResponderRole'),
        arnOf('ReleaseRole'),
        arnOf('SessionDenierRole'),
        arnOf('ApiRole'),
        role('TeamAdmin'),
      ].flatMap((arn) => ['PutRolePolicy', 'DeleteRolePolicy'].map((name): Asked => [`iam:${name}`, arn])),
  },
  'get rights in other ways': {
    asked: () => [
      ...[
        'AttachRolePolicy',
        'DetachRolePolicy',
        'UpdateAssumeRolePolicy',
        'PutRolePermissionsBoundary',
        'DeleteRolePermissionsBoundary',
      ].map((name): Asked => [`iam:${name}`, role('shop-web')]),
      ['iam:AddRoleToInstanceProfile', profile('shop-web')],
      ['iam:CreateRole', role('new')],
      ['iam:CreateAccessKey', `arn:aws:iam::${account}:user/somebody`],
      ['sts:AssumeRole', role('shop-web')],
    ],
  },
  'pass a role of the functions, or of administrators': {
    asked: ({ arnOf }) =>
      [arnOf('ResponderRole'), arnOf('SessionDenierRole'), arnOf('ApiRole'), role('TeamAdmin')].map((arn) => [
        'iam:PassRole',
        arn,
        PASSED,
      ]),
  },
  'pass another role to an instance': {
    asked: () => [['iam:PassRole', role('shop-web'), PASSED]],
    // Where releasableRoles lists it.
    except: ['ReleaseRole'],
  },
  'pass a role to another service': {
    asked: ({ arnOf }) =>
      [arnOf('CollectionRole'), role('shop-web')].map((arn) => [
        'iam:PassRole',
        arn,
        { 'iam:PassedToService': 'lambda.amazonaws.com' },
      ]),
  },
  'give an instance another profile': {
    asked: () => [['ec2:AssociateIamInstanceProfile', INSTANCE, { 'ec2:NewInstanceProfile': profile('shop-web') }]],
    // With a role that it may pass, and no other.
    except: ['ReleaseRole'],
  },
  'replace a profile by another': {
    asked: () => [
      ['ec2:ReplaceIamInstanceProfileAssociation', INSTANCE, { 'ec2:NewInstanceProfile': profile('shop-web') }],
    ],
  },
  'run another document on a host': {
    asked: () =>
      ['AWS-RunShellScript', 'AWS-RunPowerShellScript', 'AWS-RunRemoteScript', 'collection2'].map((name) => [
        'ssm:SendCommand',
        document(name),
      ]),
  },
  'change a document, open a session, read a parameter': {
    asked: () => [
      ['ssm:UpdateDocument', document('collection')],
      ['ssm:CreateDocument', document('new')],
      ['ssm:StartSession', INSTANCE],
      ['ssm:GetParameter', `arn:aws:ssm:${region}:${account}:parameter/secret`],
    ],
  },
  "change a group that is not the stack's": {
    asked: () =>
      ['AuthorizeSecurityGroupIngress', 'RevokeSecurityGroupEgress'].flatMap((name): Asked[] => [
        [`ec2:${name}`, GROUP],
        [`ec2:${name}`, GROUP, { 'aws:ResourceTag/secresponse:group': 'theirs' }],
      ]),
  },
  'make a group without its tag, delete one': {
    asked: () => [
      ['ec2:CreateSecurityGroup', GROUP],
      ['ec2:CreateSecurityGroup', GROUP, { 'aws:RequestTag/secresponse:group': 'theirs' }],
      ['ec2:DeleteSecurityGroup', GROUP, { 'aws:ResourceTag/secresponse:group': 'quarantine' }],
    ],
  },
  'tag what is there': {
    asked: () =>
      [INSTANCE, GROUP, SNAPSHOT].map((arn) => ['ec2:CreateTags', arn, { 'aws:RequestTag/secresponse:group': 'open' }]),
  },
  'change what a host is, or runs at its next start': {
    asked: () =>
      ['UserData', 'userData', 'InstanceType', 'Kernel', 'Ramdisk'].map((name) => [
        'ec2:ModifyInstanceAttribute',
        INSTANCE,
        { 'ec2:Attribute': name },
      ]),
  },
  'delete an incident': {
    asked: ({ arnOf }) => [
      ['dynamodb:DeleteItem', arnOf('Ledger'), { 'dynamodb:LeadingKeys': ['incident#inc-0123456789abcdef'] }],
      ['dynamodb:DeleteItem', arnOf('Ledger'), { 'dynamodb:LeadingKeys': ['target#a', 'incident#inc-1'] }],
      ['dynamodb:DeleteItem', arnOf('Ledger')],
      ['dynamodb:DeleteTable', arnOf('Ledger')],
    ],
  },
  'send to, or listen at, another topic': {
    asked: ({ arnOf }) => [
      ['sns:Publish', `arn:aws:sns:${region}:${account}:other`],
      ['sns:Subscribe', arnOf('Topic')],
    ],
  },
  'change a function': {
    asked: ({ arnOf }) =>
      ['UpdateFunctionCode', 'UpdateFunctionConfiguration', 'AddPermission'].map((name) => [
        `lambda:${name}`,
        arnOf('ResponderLambdaFunction'),
      ]),
  },
  'start the function that denies sessions': {
    asked: ({ arnOf }) => [['lambda:InvokeFunction', arnOf('SessionDashdenierLambdaFunction')]],
    except: ['ResponderRole', 'ReleaseRole'],
  },
};

describe.each(Object.entries(forbidden))('%s', (_what, { asked, except = [] }) => {
  test('is for nobody, or for those alone whose task it is', async () => {
    const able = new Set<string>();
    for (const name of stack.rolePolicies.keys())
      for (const [action, resource, context = {}] of asked(stack)) {
        const { result, unheardOf } = await verdictOn(stack, name, { action, resource, context });
        expect({ action, unheardOf }).toEqual({ action, unheardOf: [] });
        if (result === 'Allowed') able.add(name);
      }
    expect([...able].sort()).toEqual(except.toSorted());
  });
});

test('each Deny of a role is what forbids, although another statement would allow', async () => {
  const denials: [string, string, Asked][] = [
    [
      'ResponderRole',
      'LeaveInstanceAsItIs',
      ['ec2:ModifyInstanceAttribute', INSTANCE, { 'ec2:Attribute': 'UserData' }],
    ],
    ['ReleaseRole', 'LeaveInstanceAsItIs', ['ec2:ModifyInstanceAttribute', INSTANCE, { 'ec2:Attribute': 'Kernel' }]],
    ['ReleaseRole', 'NeverPassTheseRoles', ['iam:PassRole', stack.arnOf('ResponderRole'), PASSED]],
    ['SessionDenierRole', 'NeverWriteThese', ['iam:PutRolePolicy', stack.arnOf('ReleaseRole')]],
    ['SessionDenierRole', 'NeverWriteThese', ['iam:DeleteRolePolicy', role('TeamAdmin')]],
  ];
  for (const [name, sid, [action, resource, context = {}]] of denials) {
    const { result, allowedBy, deniedBy } = await verdictOn(stack, name, { action, resource, context });
    expect({ result, deniedBy }).toEqual({ result: 'ExplicitlyDenied', deniedBy: [sid] });
    expect(allowedBy).toHaveLength(1);
  }
  const written = [...stack.rolePolicies].flatMap(([name, { Statement }]) =>
    Statement.flatMap(({ Sid, Effect, Action }) =>
      Effect === 'Deny' ? [Action].flat().map((action) => `${name} ${Sid} ${action}`) : [],
    ),
  );
  expect(written.sort()).toEqual(
    [...new Set(denials.map(([name, sid, [action]]) => `${name} ${sid} ${action}`))].sort(),
  );
});
