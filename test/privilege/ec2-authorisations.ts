/** What EC2 asks IAM. Resources that it asks for only in some cases are asked for in all: whoever passes here passes there. */
import { one, unknown, type Authorisation, type Facts } from './authorisation.ts';

type Context = Authorisation['context'];

export function ec2Authorisations(operation: string, query: URLSearchParams, facts: Facts): Authorisation[] {
  const { account, region, instanceId, tags } = facts;
  const action = `ec2:${operation}`;
  const arn = (kind: string, id: string | null, owner = account) => `arn:aws:ec2:${region}:${owner}:${kind}/${id}`;
  const tagged = (id: string): Context =>
    Object.fromEntries(Object.entries(tags[id] ?? {}).map(([key, value]) => [`aws:ResourceTag/${key}`, value]));
  const instance = (context: Context = {}) =>
    one(action, arn('instance', instanceId), {
      ...tagged(instanceId),
      ...(facts.profileArn === null ? {} : { 'ec2:InstanceProfile': facts.profileArn }),
      ...context,
    });
  const groups = (ids: string[]) => ids.map((id) => one(action, arn('security-group', id), tagged(id)));
  const subnet = () => one(action, arn('subnet', facts.subnetId));
  const volumes = (ids: string[]) => ids.map((id) => one(action, arn('volume', id), tagged(id)));

  /** What is made, with the tags that it is made with; and the tags themselves. */
  const made = (resource: string): Authorisation[] => {
    const wanted = requestTags(query);
    const tagging = one('ec2:CreateTags', resource, { ...wanted, 'ec2:CreateAction': operation });
    return [one(action, resource, wanted), ...(Object.keys(wanted).length === 0 ? [] : [tagging])];
  };
  const passing = (profile: string | null) =>
    one('iam:PassRole', facts.roleOf(profile ?? ''), { 'iam:PassedToService': 'ec2.amazonaws.com' });
  const newProfile = (): Authorisation[] => {
    const given = query.get('IamInstanceProfile.Arn') ?? query.get('IamInstanceProfile.Name') ?? '';
    const profile = given.startsWith('arn:') ? given : `arn:aws:iam::${account}:instance-profile/${given}`;
    return [instance({ 'ec2:NewInstanceProfile': profile }), passing(given.slice(given.lastIndexOf('/') + 1))];
  };

  switch (operation) {
    case 'GetConsoleOutput':
    case 'GetConsoleScreenshot':
    case 'DescribeInstanceAttribute':
    case 'DisassociateIamInstanceProfile':
    case 'ModifyInstanceMetadataOptions':
      return [instance()];
    case 'ModifyInstanceAttribute':
      return [
        instance({ 'ec2:Attribute': attribute(query) }),
        // The flag is the attachment's, but the reference names volumes as resources of the call, too.
        ...(attribute(query) === 'BlockDeviceMapping' ? volumes(facts.volumeIds) : []),
      ];
    case 'AssociateIamInstanceProfile':
    case 'ReplaceIamInstanceProfileAssociation':
      return newProfile();
    case 'CreateSecurityGroup':
      return [...made(arn('security-group', 'sg-0fedcba9876543210')), one(action, arn('vpc', query.get('VpcId')))];
    case 'AuthorizeSecurityGroupEgress':
    case 'AuthorizeSecurityGroupIngress':
    case 'RevokeSecurityGroupEgress':
    case 'RevokeSecurityGroupIngress':
      return groups([query.get('GroupId') ?? '']);
    case 'ModifyNetworkInterfaceAttribute':
      return [
        one(action, arn('network-interface', query.get('NetworkInterfaceId'))),
        ...groups(numbered(query, 'SecurityGroupId')),
        instance(),
        subnet(),
      ];
    case 'CreateSnapshots':
      return [instance(), ...volumes(facts.volumeIds), ...made(arn('snapshot', 'snap-0fedcba9876543210', ''))];
    case 'CreateSnapshot':
      return [...volumes([query.get('VolumeId') ?? '']), ...made(arn('snapshot', 'snap-0fedcba9876543210', ''))];
    case 'AssociateAddress':
    case 'DisassociateAddress':
      return [
        one(action, arn('elastic-ip', query.get('AllocationId') ?? 'eipalloc-0a1b2c3d4e5f60718')),
        one(action, arn('network-interface', query.get('NetworkInterfaceId') ?? 'eni-0a1b2c3d4e5f60718')),
        ...(operation === 'AssociateAddress' ? [instance()] : []),
      ];
    default:
      if (!operation.startsWith('Describe')) throw unknown('ec2', operation);
      return [one(action, '*')];
  }
}

/** `TagSpecification.1.Tag.2.Key` → `aws:RequestTag/<key>`. */
function requestTags(query: URLSearchParams): Context {
  const pairs = [...query]
    .filter(([name]) => /^TagSpecification\.1\.Tag\.\d+\.Key$/.test(name))
    .map(([name, key]) => [key, query.get(name.replace(/Key$/, 'Value')) ?? ''] as const);
  if (pairs.length === 0) return {};
  const tags = pairs.map(([key, value]) => [`aws:RequestTag/${key}`, value] as const);
  return { ...Object.fromEntries(tags), 'aws:TagKeys': pairs.map(([key]) => key) };
}

function numbered(query: URLSearchParams, name: string): string[] {
  return [...query].filter(([key]) => new RegExp(`^${name}\\.\\d+$`).test(key)).map(([, value]) => value);
}

/** `DisableApiTermination.Value`, `BlockDeviceMapping.1.…`, `Attribute`: what is changed. */
function attribute(query: URLSearchParams): string {
  const names = [...query.keys()].map((key) => key.split('.')[0] ?? '');
  return names.find((name) => !['Action', 'Version', 'InstanceId', 'DryRun'].includes(name)) ?? '';
}
