/** What AWS asks IAM before it does what a call says: one answer for each resource, and all of them have to be yes. */
import type { Call } from '../../src/lab/proxy.ts';
import { one, unknown, type Authorisation, type Facts } from './authorisation.ts';
import { ec2Authorisations } from './ec2-authorisations.ts';

/** @throws where the operation is not known here: say below what AWS asks for it. */
export function authorisationsOf(call: Call, facts: Facts): Authorisation[] {
  const { service, operation, request } = call;
  switch (service) {
    case 'ec2':
      return ec2Authorisations(operation, new URLSearchParams(request), facts);
    case 'autoscaling':
    case 'elasticloadbalancing':
      return balancing(service, operation, new URLSearchParams(request), facts);
    case 'dynamodb':
      return dynamodb(operation, JSON.parse(request) as TableRequest, facts);
    case 's3':
      return s3(call, facts);
    case 'ssm':
      return ssm(operation, JSON.parse(request) as CommandRequest, facts);
    case 'iam':
      return iam(operation, new URLSearchParams(request), facts);
    case 'sns':
      return [
        one('sns:Publish', new URLSearchParams(request).get('TopicArn') ?? ''),
        ...throughKey('sns', facts.keys.messages, ['kms:Decrypt', 'kms:GenerateDataKey'], facts),
      ];
    case 'lambda':
      return [one('lambda:InvokeFunction', invoked(call, facts))];
    case 'guardduty':
      return [one(operation.endsWith('/findings/get') ? 'guardduty:GetFindings' : 'guardduty:ListDetectors', '*')];
    default:
      throw unknown(service, operation);
  }
}

/** A service uses a key in the name of who calls it. */
function throughKey(service: string, key: string, actions: string[], facts: Facts): Authorisation[] {
  const context = {
    'kms:ViaService': `${service}.${facts.region}.amazonaws.com`,
    'kms:CallerAccount': facts.account,
  };
  return actions.map((action) => one(action, key, context));
}

function balancing(service: string, operation: string, query: URLSearchParams, facts: Facts): Authorisation[] {
  const action = `${service}:${operation}`;
  const at = `${facts.region}:${facts.account}`;
  if (operation.startsWith('Describe')) return [one(action, '*')];
  const group = query.get('AutoScalingGroupName');
  if (group !== null)
    return [one(action, `arn:aws:autoscaling:${at}:autoScalingGroup:${UUID}:autoScalingGroupName/${group}`)];
  const targets = query.get('TargetGroupArn');
  if (targets !== null) return [one(action, targets)];
  const balancer = query.get('LoadBalancerName');
  if (balancer !== null) return [one(action, `arn:aws:elasticloadbalancing:${at}:loadbalancer/${balancer}`)];
  throw unknown(service, operation);
}

const UUID = '8d1c3a52-0000-4000-8000-5f0f3a8f6d11';

interface TableRequest {
  TableName: string;
  IndexName?: string;
  Key?: { pk?: { S?: string } };
  ExpressionAttributeValues?: Record<string, { S?: string }>;
}

function dynamodb(operation: string, body: TableRequest, facts: Facts): Authorisation[] {
  const table = `arn:aws:dynamodb:${facts.region}:${facts.account}:table/${body.TableName}`;
  const key = throughKey('dynamodb', facts.keys.ledger, ['kms:Decrypt'], facts);
  if (operation === 'DescribeTable') return [one('dynamodb:DescribeTable', table)];
  if (operation === 'Query') {
    const keys = Object.values(body.ExpressionAttributeValues ?? {}).flatMap(({ S }) => S ?? []);
    return [one('dynamodb:Query', `${table}/index/${body.IndexName}`, { 'dynamodb:LeadingKeys': keys }), ...key];
  }
  const leading = body.Key?.pk?.S;
  if (leading === undefined) throw unknown('dynamodb', operation);
  return [one(`dynamodb:${operation}`, table, { 'dynamodb:LeadingKeys': [leading] }), ...key];
}

function s3({ operation, path, headers }: Call, facts: Facts): Authorisation[] {
  const { pathname, searchParams } = new URL(path, 'http://s3');
  const object = `arn:aws:s3:::${decodeURIComponent(pathname.slice(1))}`;
  const header = (name: string, key: string) => {
    const value = headers[name];
    return value === undefined ? {} : { [key]: String(value) };
  };
  if (operation === 'GetObject')
    return [one('s3:GetObject', object), ...throughKey('s3', facts.keys.vault, ['kms:Decrypt'], facts)];
  if (operation !== 'PutObject') throw unknown('s3', operation);
  const context = {
    's3:ObjectCreationOperation': 'true',
    ...header('if-none-match', 's3:if-none-match'),
    ...header('x-amz-server-side-encryption', 's3:x-amz-server-side-encryption'),
    ...(searchParams.has('X-Amz-Signature') ? { 's3:signatureAge': '60000', 's3:authType': 'REST-QUERY-STRING' } : {}),
  };
  return [one('s3:PutObject', object, context), ...throughKey('s3', facts.keys.vault, ['kms:GenerateDataKey'], facts)];
}

interface CommandRequest {
  DocumentName?: string;
  Name?: string;
  InstanceIds?: string[];
}

function ssm(operation: string, body: CommandRequest, { account, region }: Facts): Authorisation[] {
  const document = (name = '') => `arn:aws:ssm:${region}:${name.startsWith('AWS-') ? '' : account}:document/${name}`;
  if (operation === 'GetDocument') return [one('ssm:GetDocument', document(body.Name))];
  if (operation === 'SendCommand')
    return [
      one('ssm:SendCommand', document(body.DocumentName)),
      ...(body.InstanceIds ?? []).map((id) =>
        one('ssm:SendCommand', `arn:aws:ec2:${region}:${account}:instance/${id}`),
      ),
    ];
  return [one(`ssm:${operation}`, '*')];
}

function iam(operation: string, query: URLSearchParams, { account }: Facts): Authorisation[] {
  const profile = query.get('InstanceProfileName');
  if (profile !== null) return [one(`iam:${operation}`, `arn:aws:iam::${account}:instance-profile/${profile}`)];
  const role = query.get('RoleName');
  if (role === null) throw unknown('iam', operation);
  return [one(`iam:${operation}`, `arn:aws:iam::${account}:role/${role}`)];
}

/** Lambda takes a name or an ARN, with or without an alias. */
function invoked({ operation, path }: Call, { account, region }: Facts): string {
  const [, name] =
    /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(new URL(path, 'http://lambda').pathname) ?? [];
  if (name === undefined) throw unknown('lambda', operation);
  const given = decodeURIComponent(name);
  return given.startsWith('arn:') ? given : `arn:aws:lambda:${region}:${account}:function:${given}`;
}
