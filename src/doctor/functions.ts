/** The stack's functions: there, working, started at all, and about the same places as this command. */
import { defineCheck, deployCommand, notReady, ok, prefixOf, warning, type Check, type Room } from './check.ts';

/** Names in the stack; those that are durable are started by their alias. */
const FUNCTIONS = [
  { name: 'responder', isDurable: true },
  { name: 'release', isDurable: true },
  { name: 'session-denier', isDurable: false },
  { name: 'watcher', isDurable: false },
] as const;

export const ALIAS = 'durable';

type Which = (typeof FUNCTIONS)[number];

function checksOf({ name, isDurable }: Which): Check[] {
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
  ];
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
