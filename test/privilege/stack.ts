/** The packaged template as policies with names in them: what CloudFormation would make of it in a given place. */
import { listed, type Template } from '../stack/packaged.ts';

export interface Place {
  account: string;
  region: string;
  /** Names that are known, by logical id: of the vault, the ledger … All others are made up. */
  names: Record<string, string>;
}

export interface PolicyStatement {
  Sid: string;
  Effect: 'Allow' | 'Deny';
  Principal?: unknown;
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

export interface Document {
  Version: string;
  Statement: PolicyStatement[];
}

export type Stack = ReturnType<typeof stackOf>;

/** Types of resources that are policies, or have one in them, and the property that says of what. */
const POLICIES: Record<string, string | null> = {
  'AWS::S3::BucketPolicy': 'Bucket',
  'AWS::SQS::QueuePolicy': 'Queues',
  'AWS::SNS::TopicPolicy': 'Topics',
  'AWS::KMS::Key': null,
};

const NOTHING = Symbol('AWS::NoValue');
export const STACK = 'secresponse-dev';

export function stackOf(template: Template, { account, region, names }: Place) {
  const pseudo: Record<string, unknown> = {
    'AWS::AccountId': account,
    'AWS::NoValue': NOTHING,
    'AWS::Partition': 'aws',
    'AWS::Region': region,
    'AWS::StackName': STACK,
    'AWS::URLSuffix': 'amazonaws.com',
  };

  function nameOf(logical: string): string {
    const given = template.properties(logical)['FunctionName'];
    // As CloudFormation makes up names.
    return names[logical] ?? (typeof given === 'string' ? given : `${STACK}-${logical}-1A2B3C4D5E6F`);
  }

  function arnOf(logical: string): string {
    const name = nameOf(logical);
    const { Type } = template.resource(logical);
    switch (Type) {
      case 'AWS::S3::Bucket':
        return `arn:aws:s3:::${name}`;
      case 'AWS::IAM::Role':
        return `arn:aws:iam::${account}:role/${name}`;
      case 'AWS::IAM::InstanceProfile':
        return `arn:aws:iam::${account}:instance-profile/${name}`;
      case 'AWS::KMS::Key':
        return `arn:aws:kms:${region}:${account}:key/${name}`;
      case 'AWS::DynamoDB::Table':
        return `arn:aws:dynamodb:${region}:${account}:table/${name}`;
      case 'AWS::SQS::Queue':
        return `arn:aws:sqs:${region}:${account}:${name}`;
      case 'AWS::SNS::Topic':
        return `arn:aws:sns:${region}:${account}:${name}`;
      case 'AWS::Lambda::Function':
        return `arn:aws:lambda:${region}:${account}:function:${name}`;
      case 'AWS::Events::EventBus':
        return `arn:aws:events:${region}:${account}:event-bus/${name}`;
      default:
        throw new Error(`say in ${import.meta.filename} what the ARN of ${logical} (${Type}) looks like`);
    }
  }

  function reference(logical: string): unknown {
    if (logical in pseudo) return pseudo[logical];
    return template.resource(logical).Type === 'AWS::SNS::Topic' ? arnOf(logical) : nameOf(logical);
  }

  function substituted(given: string | [string, Record<string, unknown>]): string {
    const [text, own]: [string, Record<string, unknown>] = typeof given === 'string' ? [given, {}] : given;
    return text.replaceAll(/\$\{([^}]+)\}/g, (_all, name: string) => {
      if (name in own) return String(resolved(own[name]));
      return name.endsWith('.Arn') ? arnOf(name.slice(0, -4)) : String(reference(name));
    });
  }

  /** Intrinsic functions worked out; what is NoValue is gone. */
  function resolved(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(resolved).filter((item) => item !== NOTHING);
    if (typeof value !== 'object' || value === null) return value;
    const [[kind, argument] = ['', null], ...others] = Object.entries(value) as [string, unknown][];
    if (others.length === 0)
      switch (kind) {
        case 'Ref':
          return reference(argument as string);
        case 'Fn::GetAtt':
          return arnOf((argument as [string])[0]);
        case 'Fn::Sub':
          return substituted(argument as string);
        case 'Fn::Join': {
          const [separator, parts] = argument as [string, unknown[]];
          return (resolved(parts) as string[]).join(separator);
        }
        case 'Fn::If': {
          const [condition, then, otherwise] = argument as [string, unknown, unknown];
          return resolved(template.holds(condition) ? then : otherwise);
        }
      }
    const entries = Object.entries(value).map(([key, item]) => [key, resolved(item)] as const);
    return Object.fromEntries(entries.filter(([, item]) => item !== NOTHING));
  }

  const roles = template.ofType('AWS::IAM::Role').map(([logical]) => logical);
  const rolePolicies = new Map(
    roles.map((role) => {
      const policies = resolved(template.properties(role)['Policies'] ?? []) as { PolicyDocument: Document }[];
      return [role, policies[0]?.PolicyDocument ?? { Version: '2012-10-17', Statement: [] }];
    }),
  );
  const resourcePolicies = Object.entries(POLICIES).flatMap(([type, property]) =>
    template.ofType(type).flatMap(([logical, { Properties }]) => {
      const document = resolved(Properties['PolicyDocument'] ?? Properties['KeyPolicy']) as Document;
      const owners = property === null ? { Ref: logical } : Properties[property];
      return listed(owners as { Ref: string }).map(({ Ref }) => ({ logical, of: arnOf(Ref), document }));
    }),
  );

  return {
    account,
    region,
    arnOf,
    resolved,
    /** By the logical id of the role: what it may do. Empty where its policies are not the stack's own. */
    rolePolicies,
    /** Policies of buckets, queues, topics and keys, with the ARN of what each is attached to. */
    resourcePolicies,
  };
}
