/** Each call that the functions make is allowed by their roles, and the roles allow nothing that none of them needs. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { fakeGuardDuty, type FakeGuardDuty } from '../support/fake-guardduty.ts';
import { createHost, type Host } from '../support/host.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { listed, packaged, type Template } from '../stack/packaged.ts';
import type { Authorisation } from './authorisation.ts';
import { authorisationsOf } from './authorisations.ts';
import { factsOf, sceneIn, stackOfRoom, type Scene } from './recording.ts';
import { notAskedFor } from './reference.ts';
import { scenes } from './scenes.ts';
import { verdictOn } from './simulator.ts';
import { stackOf } from './stack.ts';
import { unseen, unseenPermissions } from './unseen.ts';

const local = useLocalAws();
let template: Template;
let host: Host;
let guardDuty: FakeGuardDuty;
beforeAll(async () => {
  template = await packaged('api=iam', 'sessionDenial=on', 'releasableRoles=shop-web-*', 'adminRoles=*Admin*');
  [host, guardDuty] = await Promise.all([createHost(), fakeGuardDuty({})]);
}, 120_000);
afterAll(async () => {
  guardDuty.stop();
  await host.remove();
});

/** `role Sid action` of each permission that a call was seen to need. */
const needed = new Set<string>();
const played: string[] = [];

const started: Scene[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((scene) => scene.stop()));
});

test.each(Object.entries(scenes))(
  '%s: every call is allowed',
  async (name, play) => {
    const { room, recorded } = await play({
      newAccount: () => local.newAccount(),
      scene: async (room) => {
        const scene = await sceneIn(room, local.endpoint, guardDuty.endpoint);
        started.push(scene);
        return scene;
      },
      host,
      knownFindings: (findings) => void (guardDuty.detectors = { d0d0: findings }),
    });
    const stack = stackOfRoom(template, room);
    const facts = await factsOf(room, stack);
    /** What AWS asks IAM for, each once. */
    const asked = new Map<string, { role: string; authorisation: Authorisation }>();
    for (const { role, call } of recorded) {
      const ofCall = authorisationsOf(call, facts);
      expect(await notAskedFor(ofCall)).toEqual([]);
      for (const authorisation of ofCall) asked.set(JSON.stringify([role, authorisation]), { role, authorisation });
    }
    const refused: string[] = [];
    for (const { role, authorisation } of asked.values()) {
      const { result, allowedBy, deniedBy, unheardOf } = await verdictOn(stack, role, authorisation);
      for (const sid of allowedBy) needed.add(`${role} ${sid} ${authorisation.action}`);
      if (result !== 'Allowed' || unheardOf.length > 0)
        refused.push(`${role} ${JSON.stringify(authorisation)}: ${result} ${deniedBy.join()} ${unheardOf.join()}`);
    }
    expect(refused).toEqual([]);
    played.push(name);
  },
  60_000,
);

describe('what no call was seen to need', () => {
  const made = () => stackOf(template, { account: '111122223333', region: 'eu-central-1', names: {} });

  test('is what unseen.ts gives a reason for, no more and no less', () => {
    // A scene that failed needs nothing.
    expect(played).toEqual(Object.keys(scenes));
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
