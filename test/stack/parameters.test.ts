/** The parameters of the stack: what each one changes, and how a wrong one is refused. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { breakGlassCondition, parameters, roleArns } from '../../src/stack/parameters.ts';
import { arnOf, NOTHING, packaged, ref, refusal, sub, type Template } from './packaged.ts';

const given = (value: string) => ({ 'Fn::Not': [{ 'Fn::Equals': [value, ''] }] });
const unlessBreakGlass = {
  ArnNotEquals: { 'aws:PrincipalArn': sub('arn:${AWS::Partition}:iam::${AWS::AccountId}:role/break-glass') },
};

describe('set', () => {
  let set: Template;
  beforeAll(async () => {
    set = await packaged(
      'email=soc@example.com',
      'bucketName=the-vault',
      'topicName=alerts',
      'mode=enforce',
      'lockMode=compliance',
      'lockDays=400',
      'releasableRoles=web-*, arn:aws:iam::111122223333:role/batch',
      'adminRoles=*Admin*',
      'breakGlassRole=break-glass',
    );
  }, 60_000);

  test('names and addresses are used', () => {
    expect(set.Conditions).toEqual({
      HasEmail: given('soc@example.com'),
      HasBucketName: given('the-vault'),
      HasTopicName: given('alerts'),
      DeniesSessions: { 'Fn::Equals': ['off', 'on'] },
      HasReleasableRoles: given('web-*, arn:aws:iam::111122223333:role/batch'),
    });
    expect(set.resource('EmailSubscription').Condition).toBe('HasEmail');
    expect(set.properties('EmailSubscription')).toEqual({
      TopicArn: ref('Topic'),
      Protocol: 'email',
      Endpoint: 'soc@example.com',
    });
    const orMadeUp = (condition: string, name: string) => ({ 'Fn::If': [condition, name, NOTHING] });
    expect(set.properties('Vault')['BucketName']).toEqual(orMadeUp('HasBucketName', 'the-vault'));
    expect(set.properties('Topic')['TopicName']).toEqual(orMadeUp('HasTopicName', 'alerts'));
  });

  test('mode arms the responder, and says so', () => {
    expect(set.environment('ResponderLambdaFunction')).toMatchObject({ SECRESPONSE_MODE: 'enforce' });
    expect(set.Outputs['Mode']?.Value).toBe('enforce');
  });

  test('lockMode and lockDays lock the vault', () => {
    expect(set.properties('Vault')['ObjectLockConfiguration']).toMatchObject({
      Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 400 } },
    });
    expect(set.Outputs['VaultLock']?.Value).toBe('COMPLIANCE 400');
  });

  test('breakGlassRole is the one that every ban exempts', () => {
    const bans = [
      set.statement('VaultPolicy', 'KeepEvidence'),
      set.statement('VaultPolicy', 'KeepProtection'),
      set.statement('AccessLogsPolicy', 'KeepLogs'),
      ...['VaultKey', 'LedgerKey', 'MessageKey'].map((key) => set.statement(key, 'BreakGlassEndsIt')),
    ];
    for (const { Condition } of bans) expect(Condition).toEqual(unlessBreakGlass);
  });

  test('releasableRoles are passed to instances only, adminRoles and the own roles never', () => {
    expect(set.statement('ReleaseRole', 'PassReleasableRoles')).toEqual({
      Sid: 'PassReleasableRoles',
      Effect: 'Allow',
      Action: 'iam:PassRole',
      Resource: [
        sub('arn:${AWS::Partition}:iam::${AWS::AccountId}:role/web-*'),
        'arn:aws:iam::111122223333:role/batch',
      ],
      Condition: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
    });
    expect(set.statement('ReleaseRole', 'NeverPassTheseRoles')).toEqual({
      Sid: 'NeverPassTheseRoles',
      Effect: 'Deny',
      Action: 'iam:PassRole',
      Resource: [
        sub('arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${AWS::StackName}-*'),
        sub('arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*Admin*'),
      ],
    });
    const statements = (set.properties('ReleaseRole')['Policies'] as { PolicyDocument: { Statement: object[] } }[])[0];
    expect(statements?.PolicyDocument.Statement).toContainEqual({
      'Fn::If': ['HasReleasableRoles', expect.objectContaining({ Sid: 'PassReleasableRoles' }), NOTHING],
    });
    expect(set.statement('ResponderRole', 'PassCollectionRole').Resource).toEqual(arnOf('CollectionRole'));
  });
});

describe('a wrong value is refused with one line', () => {
  test.each([
    ['email', 'nobody', 'email is nobody: it takes an e-mail address, or nothing'],
    ['bucketName', 'The_Vault', "bucketName is The_Vault: it takes a bucket's name, or nothing"],
    ['topicName', 'a topic', "topicName is a topic: it takes a topic's name, or nothing"],
    ['mode', 'enforced', 'mode is enforced: it takes observe or enforce'],
    ['lockMode', 'none', 'lockMode is none: it takes governance or compliance'],
    ['lockDays', '0', 'lockDays is 0: it takes a whole number of days from 1 to 36500'],
    ['lockDays', '1.5', 'lockDays is 1.5: it takes a whole number of days from 1 to 36500'],
    ['sessionDenial', 'yes', 'sessionDenial is yes: it takes off or on'],
    ['api', 'on', 'api is on: it takes off or iam or key'],
  ] as const)('%s=%s', (name, value, message) => {
    expect(() => parameters[name](value)).toThrow(message);
  });

  test('lists of roles', () => {
    expect(() => roleArns('adminRoles', 'fine, not fine')).toThrow(
      'adminRoles has not fine: it takes names or ARNs of roles, with commas between them',
    );
    // Not the same as nothing: the template would have a statement without roles.
    expect(() => roleArns('releasableRoles', 'web, ')).toThrow('releasableRoles has : it takes names');
    expect(() => roleArns('adminRoles', 'arn:aws:iam::aws:policy/AdministratorAccess')).toThrow('adminRoles has arn:');
    expect(() => breakGlassCondition('a,b')).toThrow('breakGlassRole is a,b: it takes the name or the ARN of one role');
    expect(() => breakGlassCondition('admin*')).toThrow('breakGlassRole is admin*');
  });

  test.each([
    ['mode=enforced', 'mode is enforced: it takes observe or enforce\n'],
    ['releasableRoles=a b', 'releasableRoles has a b: it takes names or ARNs of roles, with commas between them\n'],
  ])(
    'by the packaging: %s',
    async (param, message) => {
      expect(await refusal(param)).toBe(message);
    },
    30_000,
  );

  test('a broken policy stops the packaging with its places and nothing else', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'secresponse-policies-'));
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'default.yml'), 'version: 1\nmode: obzerve\nrule: []\n');
    const lines = (await refusal(`policies=${dir}`)).trimEnd().split('\n');
    await rm(dir, { recursive: true });
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/default\.yml:\d+:\d+ \S/);
  }, 30_000);
});
