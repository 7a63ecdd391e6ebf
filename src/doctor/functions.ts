/** The stack's functions: there, working, started at all, and about the same places as this command. */
import type { FunctionReading } from '../aws/readiness-stack.ts';
import {
  arnOf,
  defineCheck,
  deployCommand,
  notReady,
  ok,
  prefixOf,
  revertCommand,
  warning,
  type Check,
  type Room,
} from './check.ts';
import { granted } from './grants.ts';

/** Names in the stack; those that are durable are started by their alias. A parameter of the stack leaves out an optional one. */
export const FUNCTIONS: readonly Which[] = [
  { name: 'responder', isDurable: true },
  { name: 'release', isDurable: true },
  { name: 'session-denier' },
  { name: 'watcher' },
  { name: 'api', isOptional: true },
];

export const ALIAS = 'durable';

interface Which {
  name: string;
  isDurable?: true;
  isOptional?: true;
}

function checksOf({ name, isDurable, isOptional }: Which): Check[] {
  const check = `function-${name}`;
  const nameIn = (room: Room): string => `${prefixOf(room)}${name}`;
  const reading = (room: Room) => room.readings.functions.configuration(nameIn(room));
  const checks = [
    defineCheck({
      name: check,
      permission: 'lambda:GetFunctionConfiguration',
      read: reading,
      judge(found, room) {
        const what = `function ${nameIn(room)}`;
        const { region, stage } = room;
        if (found === null)
          return notReady(
            `there is no ${what} in ${region}`,
            `name the stack's stage with --stage (this looked for ${stage}), or ${deployCommand(room)}`,
          );
        const because = found.reason === null ? '' : ` (${found.reason})`;
        if (found.state !== 'Active') return notReady(`${what} is ${found.state}${because}`, deployCommand(room));
        if (found.lastUpdate !== 'Successful')
          return notReady(`the last update of ${what}: ${found.lastUpdate}${because}`, deployCommand(room));
        if (isDurable && !found.isDurable)
          return notReady(
            `${what} is not durable: it cannot outlast 15 minutes or a crash`,
            `delete the function and deploy again: AWS takes that only at creation, in Regions with durable functions`,
          );
        return ok(`${what} is active${isDurable ? ' and durable' : ''}`);
      },
    }),
    defineCheck({
      name: `concurrency-${name}`,
      permission: 'lambda:GetFunctionConcurrency',
      needs: check,
      read: (room) => room.readings.functions.reservedConcurrency(nameIn(room)),
      judge: (reserved, room) =>
        reserved === 0
          ? notReady(
              `the reserved concurrency of ${nameIn(room)} is 0: it never runs, and what was running stays where it is`,
              `aws lambda delete-function-concurrency --function-name ${nameIn(room)}`,
            )
          : ok(reserved === null ? 'no concurrency is reserved' : `reserved concurrency ${reserved}`),
    }),
    roleCheck(name, nameIn, reading),
  ];
  if (isOptional) return checks.map((one) => ifThere(one, reading));
  if (!isDurable) return checks;
  const alias = defineCheck({
    name: `alias-${name}`,
    permission: 'lambda:GetAlias',
    needs: check,
    read: (room) => room.readings.functions.alias(nameIn(room), ALIAS),
    judge: (version, room) =>
      version === null
        ? notReady(`${nameIn(room)} has no alias ${ALIAS}, by which it is started`, deployCommand(room))
        : ok(`alias ${ALIAS} is version ${version}`),
  });
  return [...checks, alias];
}

type Reading = (room: Room) => Promise<FunctionReading | null>;

/** Without the function there is nothing to say. */
function ifThere(check: Check, reading: Reading): Check {
  return { ...check, run: async (room) => ((await reading(room)) === null ? [] : check.run(room)) };
}

function roleCheck(name: string, nameIn: (room: Room) => string, reading: Reading): Check {
  return defineCheck({
    name: `role-${name}`,
    permission: 'lambda:GetFunctionConfiguration, iam:GetRole',
    async read(room) {
      const found = await reading(room);
      if (found === null) return null;
      const role = found.role.split('/').at(-1) ?? '';
      return { role, trust: await room.readings.account.trust(role) };
    },
    judge(found, room) {
      if (found === null) return [];
      const { role, trust } = found;
      const whose = `role ${role} of ${nameIn(room)}`;
      if (trust === null) return notReady(`${whose} does not exist: the function cannot run`, revertCommand(room));
      const grant = granted(trust, {
        service: 'lambda.amazonaws.com',
        action: 'sts:AssumeRole',
        context: {
          'aws:sourceaccount': room.account,
          'aws:sourcearn': arnOf(room, 'lambda', `function:${nameIn(room)}`),
        },
      });
      if (grant === 'no') return notReady(`Lambda may not take ${whose}: the function cannot run`, revertCommand(room));
      if (grant === 'unclear')
        return warning(
          `Lambda may take ${whose} under a condition that was not looked at`,
          'let the role trust lambda.amazonaws.com without one',
        );
      return ok(`Lambda may take ${whose}`);
    },
  });
}

/** What function and command have to agree on; else this looks at one place and the function works in another. */
const SHARED = [
  'EVIDENCE_BUCKET',
  'NOTIFICATION_TOPIC_ARN',
  'INCIDENT_TABLE',
  'COLLECTION_INSTANCE_PROFILE',
  'COLLECTION_DOCUMENT',
  'DROP_BOX_BUCKET',
] as const;

const responderOf = (room: Room) => room.readings.functions.configuration(`${prefixOf(room)}responder`);

const settings: Check[] = [
  defineCheck({
    name: 'settings',
    permission: 'lambda:GetFunctionConfiguration',
    needs: 'function-responder',
    read: responderOf,
    judge(found, { env }) {
      const differ = SHARED.filter((name) => (found?.environment[name] ?? '') !== (env[name]?.trim() ?? ''));
      if (differ.length === 0) return ok('the function and this command have the same settings');
      const said = differ.map((name) => `${name} is ${found?.environment[name] ?? 'not set'} there`);
      return notReady(
        `the function has other settings than this command, which looked at its own: ${said.join('; ')}`,
        "set the same here (they are the stack's outputs), or deploy again",
      );
    },
  }),
  defineCheck({
    name: 'mode',
    permission: 'lambda:GetFunctionConfiguration',
    needs: 'function-responder',
    read: responderOf,
    judge(found, { policies }) {
      // Unset, the function observes.
      const ceiling = found?.environment['SECRESPONSE_MODE'] ?? 'observe';
      if (ceiling !== 'enforce')
        return warning(
          'observe: nothing is armed, findings are told and nothing is changed',
          'once its messages say what you want, deploy with --param mode=enforce',
        );
      if ('problems' in policies) return [];
      const own = { default: policies.policies.default, ...policies.policies.accounts };
      const observing = Object.entries(own).flatMap(([name, { mode }]) => (mode === 'observe' ? [name] : []));
      if (observing.length === 0) return ok('enforce: armed');
      return warning(
        `enforce, but these policies observe: ${observing.join(', ')}`,
        'set mode: enforce in them once you want it',
      );
    },
  }),
];

export const functions: Check[] = [...FUNCTIONS.flatMap(checksOf), ...settings];
