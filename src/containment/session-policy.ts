/**
 * The inline policy on a role that denies the sessions of single instances; others that share the role keep theirs. Pure.
 * AWS matches a session by either of two traits, so every instance stands in two lists: by its ARN and by its id.
 */

export const POLICY_NAME = 'secresponse-session-denial';

/** `collecting`: everything but the calls of the agent of Systems Manager. `all`: everything, for good. */
export type Denied = 'collecting' | 'all';
export type Denial = 'none' | Denied;

/** Whom a policy denies. The lists are apart because somebody may have altered one of them. */
export interface Denials {
  /** Instance ARN → what is denied. */
  arns: Record<string, Denied>;
  /** Instance id → what is denied. */
  ids: Record<string, Denied>;
}

/** What the agent does for Run Command, as the collection role may; nothing that a thief could want. */
export const AGENT_CALLS = [
  'ssm:UpdateInstanceInformation',
  'ssm:ListAssociations',
  'ssm:ListInstanceAssociations',
  'ssmmessages:CreateControlChannel',
  'ssmmessages:CreateDataChannel',
  'ssmmessages:OpenControlChannel',
  'ssmmessages:OpenDataChannel',
  'ec2messages:AcknowledgeMessage',
  'ec2messages:DeleteMessage',
  'ec2messages:FailMessage',
  'ec2messages:GetEndpoint',
  'ec2messages:GetMessages',
  'ec2messages:SendReply',
];

/** Partition, account, instance id. */
export const INSTANCE_ARN = /^arn:(aws[a-z-]*):ec2:[a-z0-9-]+:(\d{12}):instance\/(i-(?:[0-9a-f]{8}|[0-9a-f]{17}))$/;
const USER_ID = /^\*:(i-(?:[0-9a-f]{8}|[0-9a-f]{17}))$/;

const SOURCE_INSTANCE = 'ec2:SourceInstanceARN';
const USER = 'aws:userid';

/** What the policy says of the instance; `partly`: somebody has taken it out of one of the lists. */
export function denialOf({ arns, ids }: Denials, instanceArn: string): Denial | 'partly' {
  const [byArn, byId] = [arns[instanceArn], ids[idOf(instanceArn)]];
  return byArn === byId ? (byArn ?? 'none') : 'partly';
}

/** The same with one instance's entry set, or taken out. */
export function withDenial({ arns, ids }: Denials, instanceArn: string, deny: Denial): Denials {
  const id = idOf(instanceArn);
  const { [instanceArn]: _arn, ...otherArns } = arns;
  const { [id]: _id, ...otherIds } = ids;
  if (deny === 'none') return { arns: otherArns, ids: otherIds };
  return { arns: { ...otherArns, [instanceArn]: deny }, ids: { ...otherIds, [id]: deny } };
}

/** The document: at most four statements, each a Deny. Null: nobody is denied, the policy has to go. */
export function renderDenials({ arns, ids }: Denials): string | null {
  const Statement = (['all', 'collecting'] as const).flatMap((deny) => {
    const whom = (entries: Record<string, Denied>) =>
      Object.keys(entries)
        .filter((key) => entries[key] === deny)
        .toSorted();
    const denied = {
      Effect: 'Deny',
      ...(deny === 'all' ? { Action: '*' } : { NotAction: AGENT_CALLS }),
      Resource: '*',
    };
    const byArn = whom(arns);
    const byId = whom(ids).map((id) => `*:${id}`);
    return [
      ...(byArn.length > 0 ? [{ ...denied, Condition: { ArnEquals: { [SOURCE_INSTANCE]: byArn } } }] : []),
      ...(byId.length > 0 ? [{ ...denied, Condition: { StringLike: { [USER]: byId } } }] : []),
    ];
  });
  return Statement.length === 0 ? null : JSON.stringify({ Version: '2012-10-17', Statement });
}

/**
 * Whom a document denies, in whatever order, with whatever Sids and in however many statements somebody may have put it.
 * @throws Error where it holds anything else: writing it anew would lose that.
 */
export function parseDenials(document: string): Denials {
  const found: Denials = { arns: {}, ids: {} };
  const statements = listed(record(parsedJson(document), 'it')['Statement'] ?? []);
  for (const [index, given] of statements.entries()) {
    const where = `statement ${index + 1}`;
    const statement = record(given, where);
    const deny = deniedBy(statement);
    if (deny === null) throw new Error(`${where} is none of ours`);
    const { kind, keys } = condition(statement['Condition'], where);
    // In both lists of a kind: the stronger one is what holds.
    for (const key of keys) found[kind][key] = found[kind][key] === 'all' ? 'all' : deny;
  }
  return found;
}

function deniedBy({ Effect, Action, NotAction, Resource, Condition, Sid: _sid, ...rest }: Fields): Denied | null {
  const form = Effect === 'Deny' && listed(Resource).join() === '*' && Condition !== undefined;
  if (!form || Object.keys(rest).length > 0) return null;
  if (NotAction === undefined) return listed(Action).join() === '*' ? 'all' : null;
  return Action === undefined && sameCalls(listed(NotAction), AGENT_CALLS) ? 'collecting' : null;
}

function condition(given: unknown, where: string): { kind: keyof Denials; keys: string[] } {
  const [[operator, test] = ['', {}], ...operators] = Object.entries(record(given, where));
  const [[key, values] = ['', []], ...keys] = Object.entries(record(test, where));
  if (operators.length > 0 || keys.length > 0) throw new Error(`${where} has more conditions than ours`);
  // AWS takes the names of keys in any case.
  const name = key.toLowerCase();
  const texts = listed(values).map(String);
  if (name === SOURCE_INSTANCE.toLowerCase() && /^(Arn|String)(Equals|Like)$/.test(operator))
    return { kind: 'arns', keys: texts.map((text) => matched(INSTANCE_ARN, text, where)[0]) };
  if (name === USER && operator === 'StringLike')
    return { kind: 'ids', keys: texts.map((text) => matched(USER_ID, text, where)[1] ?? '') };
  throw new Error(`${where} has another condition than ours`);
}

function matched(form: RegExp, text: string, where: string): RegExpExecArray {
  const found = form.exec(text);
  // A pattern would deny instances that nobody has named.
  if (!found) throw new Error(`${where} names ${JSON.stringify(text.slice(0, 100))}, which is no single instance`);
  return found;
}

function sameCalls(some: unknown[], others: readonly string[]): boolean {
  const sorted = (calls: readonly unknown[]) =>
    [...new Set(calls.map((call) => String(call).toLowerCase()))].toSorted();
  return sorted(some).join() === sorted(others).join();
}

function idOf(instanceArn: string): string {
  return instanceArn.slice(instanceArn.lastIndexOf('/') + 1);
}

type Fields = Record<string, unknown>;

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error('it is no JSON');
  }
}

function record(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${where} is no object`);
  return value as Fields;
}

function listed(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [value];
}
