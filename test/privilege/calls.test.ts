/** Each call that the functions make is allowed by their roles, and the roles allow nothing that none of them needs. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fakeGuardDuty, type FakeGuardDuty } from '../support/fake-guardduty.ts';
import { createHost, type Host } from '../support/host.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { listed, packaged, type Template } from '../stack/packaged.ts';
import { authorisationsOf, type Authorisation } from './authorisations.ts';
import { factsOf, sceneIn, stackOfRoom, type Scene } from './recording.ts';
import { scenes } from './scenes.ts';
import { verdictOn } from './simulator.ts';
import { stackOf, type Stack } from './stack.ts';
import { unseen, unseenPermissions } from './unseen.ts';

const local = useLocalAws();
let template: Template;
let host: Host;
let guardDuty: FakeGuardDuty;
beforeAll(async () => {
  template = await packaged('api=iam', 'sessionDenial=on', 'releasableRoles=shop-web-*', 'adminRoles=*Admin*');
  [host, guardDuty] = await Promise.all([createHost(), fakeGuardDuty({})]);
}, 60_000);
afterAll(async () => {
  guardDuty.stop();
  await host.remove();
});

/** `role Sid action` of each permission that a call was seen to need. */
const needed = new Set<string>();

test.each(Object.entries(scenes))('%s: every call is allowed', async (_name, play) => {
  const scene = await play({
    newAccount: () => local.newAccount(),
    scene: (room) => sceneIn(room, local.endpoint, guardDuty.endpoint),
    host,
    knownFindings: (findings) => void (guardDuty.detectors = { d0d0: findings }),
  });
  await scene.stop();
  const stack = stackOfRoom(template, scene.room);
  const asked = await authorisationsIn(scene, stack);
  const refused: string[] = [];
  for (const { role, authorisation } of asked) {
    const { result, allowedBy, deniedBy, unheardOf } = await verdictOn(stack, role, authorisation);
    for (const sid of allowedBy) needed.add(`${role} ${sid} ${authorisation.action}`);
    if (result !== 'Allowed' || unheardOf.length > 0)
      refused.push(`${role} ${JSON.stringify(authorisation)}: ${result} ${deniedBy.join()} ${unheardOf.join()}`);
  }
  expect(refused).toEqual([]);
}, 60_000);

/** What AWS asked IAM for, each once. */
async function authorisationsIn({ room, recorded }: Scene, stack: Stack) {
  const facts = await factsOf(room, stack);
  const asked = new Map<string, { role: string; authorisation: Authorisation }>();
  for (const { role, call } of recorded)
    for (const authorisation of authorisationsOf(call, facts))
      asked.set(JSON.stringify([role, authorisation]), { role, authorisation });
  return [...asked.values()];
}

describe('what no call was seen to need', () => {
  const made = () => stackOf(template, { account: '111122223333', region: 'eu-central-1', names: {} });

  test('is what unseen.ts gives a reason for, no more and no less', () => {
    const granted = [...made().rolePolicies].flatMap(([role, { Statement }]) =>
      Statement.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Sid, Action }) =>
        listed(Action).map((action) => `${role} ${Sid} ${action}`),
      ),
    );
    expect(granted.filter((permission) => !needed.has(permission)).sort()).toEqual(unseenPermissions.toSorted());
  });

  test.each(unseen)('$roles $sid: $why', async ({ roles, sid, actions, request }) => {
    const stack = made();
    for (const role of roles)
      for (const action of actions)
        expect(await verdictOn(stack, role, { action, ...request(stack, role) })).toEqual({
          result: 'Allowed',
          allowedBy: [sid],
          deniedBy: [],
          unheardOf: [],
        });
  });
});
