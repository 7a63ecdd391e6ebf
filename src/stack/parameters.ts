/** What each parameter of the stack takes. What is wrong is one line; nothing is packaged then. */
import { UsageError } from '../cli/command.ts';

/** A piece of a template that CloudFormation works out. */
export type Template = object;

function oneOf(name: string, ...values: string[]) {
  return (given: string): string => {
    if (!values.includes(given)) throw new UsageError(`${name} is ${given}: it takes ${values.join(' or ')}`);
    return given;
  };
}

function emptyOr(name: string, form: RegExp, expectation: string) {
  return (given: string): string => {
    if (given !== '' && !form.test(given)) throw new UsageError(`${name} is ${given}: it takes ${expectation}`);
    return given;
  };
}

/** What a parameter's text becomes in the template. @throws {UsageError} where it is no such thing. */
export const parameters = {
  email: emptyOr('email', /^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'an e-mail address, or nothing'),
  bucketName: emptyOr('bucketName', /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/, "a bucket's name, or nothing"),
  topicName: emptyOr('topicName', /^[A-Za-z0-9_-]{1,256}$/, "a topic's name, or nothing"),
  mode: oneOf('mode', 'observe', 'enforce'),
  canary: oneOf('canary', 'on', 'off'),
  api: oneOf('api', 'off', 'iam', 'key'),
  sessionDenial: oneOf('sessionDenial', 'off', 'on'),
  lockMode: (given: string): string => oneOf('lockMode', 'governance', 'compliance')(given).toUpperCase(),
  lockDays(given: string | number): number {
    const days = Number(given);
    if (!Number.isInteger(days) || days < 1 || days > 36_500)
      throw new UsageError(`lockDays is ${given}: it takes a whole number of days from 1 to 36500`);
    return days;
  },
};

const ROLE_NAME = /^[\w+=,.@/*?-]{1,512}$/;
const ROLE_ARN = /^arn:[\w-]+:iam::\d{12}:role\/[\w+=,.@/*?-]{1,512}$/;

/** Role names, or ARNs, with `*` and `?`, between commas → ARNs. Names are of this account. */
export function roleArns(name: string, given: string): (string | Template)[] {
  if (given === '') return [];
  return given.split(',').map((role) => roleArn(name, role.trim()));
}

function roleArn(name: string, role: string): string | Template {
  if (ROLE_ARN.test(role)) return role;
  if (role.startsWith('arn:') || !ROLE_NAME.test(role))
    throw new UsageError(`${name} has ${role}: it takes names or ARNs of roles, with commas between them`);
  return ofThisAccount(role);
}

function ofThisAccount(role: string): Template {
  return { 'Fn::Sub': `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:role/${role}` };
}

/** The stack's functions; without the collection role, whose sessions on a host that was contained are denied like others. */
const FUNCTION_ROLES = ['ResponderRole', 'ReleaseRole', 'SessionDenierRole', 'ApiRole', 'WatcherRole'];
// CloudFormation makes up the names, and this is how they begin.
const functionRoles = FUNCTION_ROLES.map((role) => `\${AWS::StackName}-${role}-*`);

/** ARNs of the roles whose policies are never written: the functions' own, and the administrators'. */
export function unwritableRoles(adminRoles: string): (string | Template)[] {
  return [...functionRoles.map((role) => ofThisAccount(role)), ...roleArns('adminRoles', adminRoles)];
}

/** The same by their names alone, with commas between them: never empty. */
export function unwritableNames(adminRoles: string): Template {
  const admins = adminRoles === '' ? [] : adminRoles.split(',').map((role) => role.trim().replace(/^.*\//, ''));
  // What was a path with anything in it would be every role by its name alone; the ARN says it exactly.
  return { 'Fn::Sub': [...functionRoles, ...admins.filter((name) => !/^\**$/.test(name))].join(',') };
}

/** Nobody is exempt where no role is named: the property goes, and the Deny holds for all. */
export function breakGlassCondition(given: string): Template {
  const [role, ...others] = roleArns('breakGlassRole', given);
  if (others.length > 0 || /[*?]/.test(given))
    throw new UsageError(`breakGlassRole is ${given}: it takes the name or the ARN of one role, or nothing`);
  return role === undefined ? { Ref: 'AWS::NoValue' } : { ArnNotEquals: { 'aws:PrincipalArn': role } };
}
