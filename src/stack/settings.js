/** `${file(src/stack/settings.js):mode}`: parameters that are checked before a stack is made with them. */
import { breakGlassCondition, parameters, roleArns, unwritableNames, unwritableRoles } from './parameters.ts';
import { variable } from './variables.ts';

const checked = (name) => variable(async (resolve) => parameters[name](await resolve(`param:${name}`)));

export const email = checked('email');
export const bucketName = checked('bucketName');
export const topicName = checked('topicName');
export const mode = checked('mode');
export const lockMode = checked('lockMode');
export const lockDays = checked('lockDays');
export const sessionDenial = checked('sessionDenial');

/** ARNs of the roles that a release may pass to an instance. */
export const releasableRoles = variable(async (resolve) =>
  roleArns('releasableRoles', await resolve('param:releasableRoles')),
);

/** ARNs of the roles that it may not pass, whatever the list above says: the stack's own, and the administrators'. */
export const forbiddenRoles = variable(async (resolve) => [
  { 'Fn::Sub': 'arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${AWS::StackName}-*' },
  ...roleArns('adminRoles', await resolve('param:adminRoles')),
]);

/** Roles whose policies the session denier may not write: as ARNs for its role, as names for itself. */
export const unwritable = variable(async (resolve) => unwritableRoles(await resolve('param:adminRoles')));
export const protectedRoles = variable(async (resolve) => unwritableNames(await resolve('param:adminRoles')));

/** One request at a time, so that none writes over another's entry. */
export const denierConcurrency = variable(async (resolve) =>
  parameters.sessionDenial(await resolve('param:sessionDenial')) === 'on' ? 1 : { Ref: 'AWS::NoValue' },
);

/** Condition of a Deny: everybody but the break-glass role. */
export const unlessBreakGlass = variable(async (resolve) => breakGlassCondition(await resolve('param:breakGlassRole')));
