/** An incident of which only one of its two entries in the ledger tells that it has ended: nobody may isolate from it. */
import { expect, test } from '@jest/globals';
import type { Given } from '../../src/aws/ledger-approval.ts';
import { releaseExitCode } from '../../src/runbook/release-result.ts';
import { incidentRoom, ledgerOf, type IncidentRoom } from '../support/incident-room.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { ledger, release, tryRelease } from '../support/releaser.ts';

const local = useLocalAws();

const yes: Given = { id: 'one', decision: 'approve', by: 'mia', reason: 'x', at: '2026-01-02T03:04:05.000Z' };

/** A person is asked: stolen credentials. */
async function askedRoom(): Promise<{ room: IncidentRoom; incidentId: string; token: string }> {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(
    room.event(({ detail }) => {
      detail.type = 'UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS';
      detail['resource'] = { ...(detail['resource'] as object), resourceType: 'AccessKey' };
    }),
  );
  const { token } = (await ledgerOf(room).pending(incidentId)) ?? {};
  if (token === undefined) throw new Error('nobody is asked');
  return { room, incidentId, token };
}

async function expectNothingAsked(room: IncidentRoom, incidentId: string, token: string): Promise<void> {
  expect(await ledgerOf(room).pending(incidentId)).toBeNull();
  expect(await ledgerOf(room).decide(incidentId, token, yes.id, yes)).toBe(false);
}

async function expectWritten(room: IncidentRoom, incidentId: string, status: string): Promise<void> {
  const item = (await ledger(room)).get(`incident#${incidentId}`);
  expect(item).toMatchObject({ status: { S: status }, open: { BOOL: false } });
  for (const name of ['approval', 'given']) expect(item).not.toHaveProperty(name);
}

test('a release: told as released, nothing can be approved, and the next try writes down what is missing', async () => {
  const { room, incidentId, token } = await askedRoom();
  const heal = room.account.proxy.fault({ operation: 'UpdateItem', kind: 'denied', including: '#release' });
  const result = await release(room, { incident_id: incidentId, reason: 'false alarm' });
  heal();
  expect(result.status).toBe('released');
  expect(result.failures.join()).toContain('though it has ended');
  expect(releaseExitCode(result)).toBe(1);
  await expectNothingAsked(room, incidentId, token);
  expect(await tryRelease(room, { incident_id: incidentId, reason: 'again' })).toEqual({
    refused: expect.stringContaining('was released already'),
  });
  await expectWritten(room, incidentId, 'released');
});

test('a release whose entry is refused once is written all the same', async () => {
  const { room, incidentId } = await askedRoom();
  room.account.proxy.fault({ operation: 'UpdateItem', kind: 'denied', including: '#release', times: 1 });
  expect(await release(room, { incident_id: incidentId, reason: 'false alarm' })).toMatchObject({ failures: [] });
  await expectWritten(room, incidentId, 'released');
});

test('a closing: nothing can be approved, and closing it again completes it', async () => {
  const { room, incidentId, token } = await askedRoom();
  const { account } = room.world;
  const close = () =>
    ledgerOf(room).closeIncident({ incidentId }, { account }, { by: 'mia', reason: 'seen', at: Date.now() });
  const heal = room.account.proxy.fault({ operation: 'UpdateItem', kind: 'denied', including: ':closed' });
  await expect(close()).rejects.toThrow('not authorized');
  heal();
  await expectNothingAsked(room, incidentId, token);
  expect(await close()).toMatchObject({ incidentId });
  await expectWritten(room, incidentId, 'closed');
  expect(await close()).toEqual({ why: expect.stringContaining('was closed already') });
});
