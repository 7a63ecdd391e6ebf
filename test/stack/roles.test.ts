/** What each role may do, and above all what none may. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { autoScaling } from '../../src/containment/auto-scaling.ts';
import { actions } from '../../src/containment/index.ts';
import { loadBalancers } from '../../src/containment/load-balancers.ts';
import { collectors } from '../../src/evidence/index.ts';
import { osTriage } from '../../src/evidence/os-triage.ts';
import { arnOf, listed, packaged, ref, ROOT, sub, type Template } from './packaged.ts';

/** Each once, whether or not it is in the registry. */
const changes = [...new Set([...actions, autoScaling, loadBalancers])];

let template: Template;
beforeAll(async () => {
  template = await packaged('api=iam');
}, 60_000);

const ROLES = {
  ResponderRole: 'lambda.amazonaws.com',
  ReleaseRole: 'lambda.amazonaws.com',
  SessionDenierRole: 'lambda.amazonaws.com',
  CollectionRole: 'ec2.amazonaws.com',
  ApiRole: 'lambda.amazonaws.com',
  WatcherRole: 'lambda.amazonaws.com',
};
const ROLE_NAMES = Object.keys(ROLES);
const OUR_GROUPS = ['quarantine', 'lifeline', 'interim', 'open', 'access'];
const instances = sub('arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:instance/*');

describe.each(Object.entries(ROLES))('%s', (role, service) => {
  test('is for its service and has the statements that are written here, nothing from elsewhere', () => {
    expect(template.properties(role)).toMatchObject({
      AssumeRolePolicyDocument: {
        Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
      },
    });
    expect(template.properties(role)).not.toHaveProperty('ManagedPolicyArns');
    expect(template.properties(role)['Policies']).toHaveLength(1);
  });

  test('gives a reason for every statement', async () => {
    const lines = (await stackFiles()).split('\n').filter((line) => line.trim() !== '{');
    for (const { Sid } of template.statements(role)) {
      const found = lines.flatMap((line, index) => (new RegExp(`Sid: '?${Sid}'?,?$`).test(line) ? [index] : []));
      expect(found.length).toBeGreaterThan(0);
      for (const index of found) expect(lines[index - 1]).toMatch(/^ +(- )?(#|\/\/) .{10,}/);
    }
  });

  test('names every action in full', () => {
    for (const action of template.granted(role)) expect(action).toMatch(/^[a-z0-9-]+:[A-Za-z]+$/);
  });

  test('fits into the 10,240 characters that AWS has for it', () => {
    expect(JSON.stringify(template.properties(role)['Policies']).length).toBeLessThan(10_240);
  });
});

describe('no role of the stack', () => {
  test('can terminate, stop, delete, unlock, bypass, or write policies', () => {
    const forbidden =
      /^(sts|organizations|kms:(Put|Schedule|Disable|CreateGrant))|^iam:(?!(PassRole|GetInstanceProfile|GetRolePolicy)$)|:(Terminate|Stop|Reboot|Delete|Unlock|Bypass|Deregister|PutObject(Acl|Retention|LegalHold)|PutBucket)/;
    const allowed = ROLE_NAMES.flatMap((role) => template.granted(role).map((action) => `${role} ${action}`));
    expect(allowed.filter((line) => forbidden.test(line.split(' ')[1] ?? ''))).toEqual([
      // Out of a load balancer: a registration, which the release gives back.
      'ResponderRole elasticloadbalancing:DeregisterInstancesFromLoadBalancer',
      'ResponderRole elasticloadbalancing:DeregisterTargets',
      // A claim, which is no record of anything.
      'ResponderRole dynamodb:DeleteItem',
      // Where sessionDenial is on: what denies the sessions of a contained instance.
      'SessionDenierRole iam:DeleteRolePolicy',
      'SessionDenierRole iam:PutRolePolicy',
      // The agent's word for "received".
      'CollectionRole ec2messages:DeleteMessage',
    ]);
    expect(template.statement('ResponderRole', 'EndClaim')).toEqual({
      Sid: 'EndClaim',
      Effect: 'Allow',
      Action: 'dynamodb:DeleteItem',
      Resource: arnOf('Ledger'),
      Condition: {
        'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': 'target#*' },
        Null: { 'dynamodb:LeadingKeys': 'false' },
      },
    });
  });

  test('allows an action by wildcard, nor does any policy in the template', () => {
    const documents = JSON.stringify(template.Resources, (_key, value: unknown) => {
      const statement = value as { Effect?: string; Action?: string | string[] } | null;
      return statement?.Effect === 'Deny' ? undefined : value;
    });
    // osls's own policy of the deployment bucket is a Deny, too.
    expect(documents).not.toMatch(/"[a-z0-9-]+:[A-Za-z]*\*[A-Za-z]*"/);
    expect(documents).not.toMatch(/"Action":("\*"|\[[^\]]*"\*")/);
    expect(documents).not.toMatch(/:(Terminate|DeleteSnapshot|DeleteObject|Unlock|Bypass)/);
    expect(documents).not.toContain('NotAction');
  });

  test('is made by osls', () => {
    expect(template.ofType('AWS::IAM::Policy')).toEqual([]);
    expect(template.ofType('AWS::IAM::ManagedPolicy')).toEqual([]);
  });
});

describe('the responder', () => {
  test.each([...changes, ...collectors, osTriage].map(({ name, permissions }) => ({ name, permissions })))(
    'may do what $name needs',
    ({ permissions }) => {
      const granted = template.granted('ResponderRole');
      expect(permissions.filter((permission) => !granted.includes(permission))).toEqual([]);
    },
  );

  test('is unrestricted in resources only where AWS knows none', () => {
    const everywhere = template.statements('ResponderRole').filter(({ Resource }) => Resource === '*');
    expect(Object.fromEntries(everywhere.map(({ Sid, Effect, Action }) => [Sid, [Effect, ...listed(Action)]]))).toEqual(
      {
        Trace: ['Allow', 'xray:PutTelemetryRecords', 'xray:PutTraceSegments'],
        ReadInstance: ['Allow', ...listed(template.statement('ResponderRole', 'ReadInstance').Action)],
        LeaveInstanceAsItIs: ['Deny', 'ec2:ModifyInstanceAttribute'],
        FollowCommands: ['Allow', 'ssm:CancelCommand', 'ssm:DescribeInstanceInformation', 'ssm:GetCommandInvocation'],
        ReadFinding: ['Allow', 'guardduty:GetFindings', 'guardduty:ListDetectors'],
      },
    );
    const reading = listed(template.statement('ResponderRole', 'ReadInstance').Action);
    expect(reading.every((action) => /^(autoscaling|ec2|elasticloadbalancing):Describe/.test(action))).toBe(true);
  });

  test('has no permission that no code uses', () => {
    const granted = template.granted('ResponderRole');
    for (const action of ['ec2:DescribeSecurityGroupRules', 'ec2:DescribeTags', 'ec2:DescribeRegions'])
      expect(granted).not.toContain(action);
    expect(granted.filter((action) => action.startsWith('dynamodb:')).sort()).toEqual([
      'dynamodb:DeleteItem',
      'dynamodb:DescribeTable',
      'dynamodb:GetItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    ]);
  });

  test("makes groups that carry our tag and sets their rules, nobody else's", () => {
    expect(template.statement('ResponderRole', 'CreateOurGroup').Condition).toEqual({
      StringEquals: { 'aws:RequestTag/secresponse:group': OUR_GROUPS },
    });
    expect(template.statement('ResponderRole', 'SetOurRules').Condition).toEqual({
      StringEquals: { 'aws:ResourceTag/secresponse:group': OUR_GROUPS },
    });
  });

  test('tags only what it is making, and snapshots with their incident', () => {
    expect(template.statement('ResponderRole', 'TagWhatIsMade').Condition).toEqual({
      StringEquals: { 'ec2:CreateAction': ['CreateSecurityGroup', 'CreateSnapshot', 'CreateSnapshots'] },
    });
    expect(template.statement('ResponderRole', 'TakeSnapshots')).toMatchObject({
      Resource: sub('arn:${AWS::Partition}:ec2:*::snapshot/*'),
      Condition: { Null: { 'aws:RequestTag/secresponse:incident': 'false' } },
    });
  });

  test('puts the collection profile in place and no other, and passes its role to instances only', () => {
    expect(template.statement('ResponderRole', 'PutCollectionProfile')).toEqual({
      Sid: 'PutCollectionProfile',
      Effect: 'Allow',
      Action: ['ec2:AssociateIamInstanceProfile', 'ec2:ReplaceIamInstanceProfileAssociation'],
      Resource: instances,
      Condition: { ArnEquals: { 'ec2:NewInstanceProfile': arnOf('CollectionProfile') } },
    });
    expect(template.statement('ResponderRole', 'PassCollectionRole')).toEqual({
      Sid: 'PassCollectionRole',
      Effect: 'Allow',
      Action: 'iam:PassRole',
      Resource: arnOf('CollectionRole'),
      Condition: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
    });
  });

  test('takes addresses off, and neither releases them nor gives them to anything', () => {
    expect(template.statement('ResponderRole', 'TakeAddressesOff')).toMatchObject({
      Action: 'ec2:DisassociateAddress',
      Resource: ['elastic-ip', 'instance', 'network-interface'].map((type) =>
        sub(`arn:\${AWS::Partition}:ec2:*:\${AWS::AccountId}:${type}/*`),
      ),
    });
    const addresses = ['ResponderRole', 'ReleaseRole'].map((role) =>
      template.granted(role).filter((action) => /Address$/.test(action)),
    );
    expect(addresses).toEqual([['ec2:DisassociateAddress'], ['ec2:AssociateAddress']]);
  });

  test("runs the stack's document and nothing else", () => {
    const document = sub('arn:${AWS::Partition}:ssm:*:${AWS::AccountId}:document/${CollectionDocument}');
    expect(template.statement('ResponderRole', 'RunCollectionDocument')).toMatchObject({
      Action: 'ssm:SendCommand',
      Resource: [document, instances],
    });
    expect(template.statement('ResponderRole', 'ReadCollectionDocument')).toMatchObject({
      Action: 'ssm:GetDocument',
      Resource: document,
    });
  });

  test('writes evidence where evidence belongs', () => {
    expect(template.statement('ResponderRole', 'StoreEvidence')).toMatchObject({
      Action: ['s3:GetObject', 's3:PutObject'],
      Resource: sub('${Vault.Arn}/evidence/*'),
    });
    expect(template.statement('ResponderRole', 'UseDropBox').Resource).toEqual(sub('${DropBox.Arn}/*'));
  });
});

describe.each([
  ['ResponderRole', 'responder'],
  ['ReleaseRole', 'release'],
])('%s', (role, name) => {
  test('keeps its own checkpoints and log, tells people, and writes the ledger', () => {
    const place = '${AWS::Region}:${AWS::AccountId}';
    expect(template.statement(role, 'KeepCheckpoints')).toMatchObject({
      Action: ['lambda:CheckpointDurableExecution', 'lambda:GetDurableExecutionState'],
      Resource: sub(`arn:\${AWS::Partition}:lambda:${place}:function:secresponse-dev-${name}:*`),
    });
    expect(template.statement(role, 'WriteLog').Resource).toEqual(
      sub(`arn:\${AWS::Partition}:logs:${place}:log-group:/aws/lambda/secresponse-dev-${name}:*`),
    );
    expect(template.statement(role, 'Notify')).toMatchObject({ Action: 'sns:Publish', Resource: ref('Topic') });
    expect(template.statement(role, 'KeepLedger').Resource).toEqual(arnOf('Ledger'));
  });

  test.each([
    ['UseVaultKey', 'VaultKey', ['s3']],
    ['UseLedgerKey', 'LedgerKey', ['dynamodb']],
    ['UseMessageKey', 'MessageKey', ['sns', 'sqs']],
  ])('%s: %s through %s only', (sid, key, services) => {
    const via = services.map((service) => sub(`${service}.\${AWS::Region}.\${AWS::URLSuffix}`));
    expect(template.statement(role, sid)).toMatchObject({
      Resource: arnOf(key),
      Condition: { StringEquals: { 'kms:ViaService': via.length === 1 ? via[0] : via } },
    });
  });
});

describe('the release', () => {
  test('may do what it takes to undo every action', () => {
    const granted = template.granted('ReleaseRole');
    const undoing = changes.flatMap(({ releasePermissions = [] }) => releasePermissions);
    expect(undoing.filter((permission) => !granted.includes(permission))).toEqual([]);
    const writing = changes
      .flatMap(({ permissions }) => permissions)
      .filter((action) => /:(Modify|Describe)/.test(action));
    expect(writing.filter((permission) => !granted.includes(permission))).toEqual([
      // Where the agent of a host finds Systems Manager: nothing is collected by a release.
      'ec2:DescribeVpcEndpoints',
      'ec2:DescribeVpcs',
      'ec2:DescribeDhcpOptions',
    ]);
  });

  test('gives back groups, profile, addresses and attributes, and does nothing else to an instance', () => {
    const writes = template.granted('ReleaseRole').filter((action) => /^ec2:(?!Describe)/.test(action));
    expect(writes.sort()).toEqual([
      'ec2:AssociateAddress',
      'ec2:AssociateIamInstanceProfile',
      // A collection profile that was left behind.
      'ec2:DisassociateIamInstanceProfile',
      'ec2:ModifyInstanceAttribute',
      'ec2:ModifyInstanceMetadataOptions',
      'ec2:ModifyNetworkInterfaceAttribute',
    ]);
    expect(template.granted('ReleaseRole').filter((action) => action.startsWith('ssm'))).toEqual([]);
  });

  test('passes no role where none was listed', () => {
    // Under Fn::If: the condition does not hold then.
    expect(template.Conditions['HasReleasableRoles']).toEqual({ 'Fn::Not': [{ 'Fn::Equals': ['', ''] }] });
  });
});

describe('role policies, and asking for them to be written', () => {
  const POLICIES = /^iam:.*Polic|^lambda:Invoke/;
  const writers = (of: Template) =>
    ROLE_NAMES.flatMap((role) =>
      of.grantedNow(role).flatMap((action) => (POLICIES.test(action) ? [`${role} ${action}`] : [])),
    );
  const reads = ['ResponderRole iam:GetRolePolicy', 'ReleaseRole iam:GetRolePolicy'];
  const api = 'ApiRole lambda:InvokeFunction';
  // Itself, for the other parts of a finding with many targets.
  const itself = 'ResponderRole lambda:InvokeFunction';
  const roles = (...names: string[]) =>
    names.map((name) => sub(`arn:\${AWS::Partition}:iam::\${AWS::AccountId}:role/${name}`));
  const own = ['Responder', 'Release', 'SessionDenier', 'Api', 'Watcher'].map(
    (name) => `\${AWS::StackName}-${name}Role-*`,
  );

  test('is nobody’s where sessionDenial is off', () => {
    expect(writers(template).sort()).toEqual([...reads, api, itself].sort());
    expect(template.statement('ResponderRole', 'StartParts').Resource).toEqual(
      sub('arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:secresponse-dev-responder:*'),
    );
    expect(template.grantedNow('SessionDenierRole')).toEqual([
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'xray:PutTelemetryRecords',
      'xray:PutTraceSegments',
    ]);
  });

  test('is for the session denier alone where it is on, never for the functions and administrators', async () => {
    const on = await packaged(
      'api=iam',
      'sessionDenial=on',
      'adminRoles=*Admin*,arn:aws:iam::111122223333:role/ops/root,team/*',
    );
    expect(writers(on).sort()).toEqual(
      [
        ...reads,
        api,
        itself,
        'ResponderRole lambda:InvokeFunction',
        'ReleaseRole lambda:InvokeFunction',
        'SessionDenierRole iam:DeleteRolePolicy',
        'SessionDenierRole iam:GetRolePolicy',
        'SessionDenierRole iam:PutRolePolicy',
      ].sort(),
    );
    expect(on.statement('SessionDenierRole', 'WriteDenials').Resource).toEqual(roles('*')[0]);
    expect(on.statement('SessionDenierRole', 'NeverWriteThese')).toEqual({
      Sid: 'NeverWriteThese',
      Effect: 'Deny',
      Action: ['iam:DeleteRolePolicy', 'iam:PutRolePolicy'],
      Resource: [...roles(...own, '*Admin*'), 'arn:aws:iam::111122223333:role/ops/root', ...roles('team/*')],
    });
    expect(on.properties('SessionDashdenierLambdaFunction')['ReservedConcurrentExecutions']).toBe(1);
    expect(on.environment('SessionDashdenierLambdaFunction')).toEqual({
      PROTECTED_ROLES: sub([...own, '*Admin*', 'root'].join(',')),
    });
    const denier = sub(
      'arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:secresponse-dev-session-denier',
    );
    for (const role of ['ResponderRole', 'ReleaseRole'])
      expect(on.statement(role, 'AskSessionDenier').Resource).toEqual(denier);
  }, 60_000);
});

describe('the collection role', () => {
  test("makes the agent's own calls and no others", () => {
    expect(template.granted('CollectionRole').sort()).toEqual([
      'ec2messages:AcknowledgeMessage',
      'ec2messages:DeleteMessage',
      'ec2messages:FailMessage',
      'ec2messages:GetEndpoint',
      'ec2messages:GetMessages',
      'ec2messages:SendReply',
      'ssm:ListAssociations',
      'ssm:ListInstanceAssociations',
      'ssm:UpdateInstanceInformation',
      'ssmmessages:CreateControlChannel',
      'ssmmessages:CreateDataChannel',
      'ssmmessages:OpenControlChannel',
      'ssmmessages:OpenDataChannel',
    ]);
  });

  test('is bound to instances of this account where AWS tells where a call comes from', () => {
    expect(template.statement('CollectionRole', 'AnnounceAgent')).toMatchObject({
      Action: ['ssm:UpdateInstanceInformation', 'ssmmessages:CreateControlChannel'],
      Condition: { ArnLike: { 'ec2:SourceInstanceARN': instances } },
    });
    expect(template.properties('CollectionProfile')['Roles']).toEqual([ref('CollectionRole')]);
  });
});

/** Where the roles are written. */
async function stackFiles(): Promise<string> {
  const folder = join(ROOT, 'src/stack/resources');
  const files = (await readdir(folder)).map((file) => join(folder, file));
  const texts = await Promise.all(
    [...files, join(ROOT, 'src/stack/api-role.ts')].map((file) => readFile(file, 'utf8')),
  );
  return texts.join('\n');
}
