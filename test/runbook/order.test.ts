/** In which order a host is contained and collected from, and that it is never left half contained. */
import { DescribeNetworkInterfacesCommand, DescribeSecurityGroupsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { rulesOf } from '../../src/containment/rules.ts';
import { labConfig } from '../../src/lab/client.ts';
import { createAgentEndpoints } from '../../src/lab/endpoints.ts';
import { incidentRoom, isIsolated, type IncidentRoom } from '../support/incident-room.ts';
import { createHost, managedRoom, PROFILE, respondQuickly, triageOf, type Host } from '../support/host.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { release } from '../support/releaser.ts';
import { rolesAt } from '../support/roles.ts';

const local = useLocalAws();
let host: Host;
beforeAll(async () => void (host = await createHost()));
afterAll(() => host.remove());

const managed = async (): Promise<IncidentRoom> => managedRoom(await local.newAccount(), host);

function client({ account, world }: IncidentRoom): EC2Client {
  return new EC2Client(labConfig({ endpoint: account.endpoint, region: world.region }));
}

/** Groups of our own by kind, with their rules. */
async function ourGroups(room: IncidentRoom): Promise<Map<string, { id: string; rules: string[] }>> {
  const { SecurityGroups = [] } = await client(room).send(
    new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'tag-key', Values: ['secresponse:group'] }] }),
  );
  return new Map(
    SecurityGroups.map(({ GroupId = '', Tags = [], IpPermissions = [], IpPermissionsEgress = [] }) => [
      Tags.find(({ Key }) => Key === 'secresponse:group')?.Value ?? '',
      { id: GroupId, rules: rulesOf({ ingress: IpPermissions, egress: IpPermissionsEgress }) },
    ]),
  );
}

/** Groups that interfaces were asked to move into, and commands, in the order of the calls. */
async function story(room: IncidentRoom, start: number): Promise<string[]> {
  const kinds = new Map([...(await ourGroups(room))].map(([kind, { id }]) => [id, kind]));
  const steps = room.account.proxy.calls.slice(start).flatMap(({ operation, request }) => {
    if (operation === 'SendCommand') return ['collect'];
    const group = /SecurityGroupId\.1=(sg-\w+)/.exec(request)?.[1];
    return operation === 'ModifyNetworkInterfaceAttribute' && group ? [kinds.get(group) ?? group] : [];
  });
  return steps.filter((step, index) => step !== steps[index - 1]);
}

describe('a host that Systems Manager does not manage', () => {
  test('is isolated at once', async () => {
    const room = await incidentRoom(await local.newAccount());
    const start = room.account.proxy.calls.length;
    const incident = await room.respond(room.event(), { containment: { cutFlows: 'never' } });
    expect(await story(room, start)).toEqual(['quarantine']);
    expect(incident.isolation).toMatchObject({ verified: true, way: 'at-once', establishedFlows: 'may-continue' });
    expect(incident.isolation?.why).toContain('does not manage');
    expect(incident.residualRisks.join()).toContain('Connections that were established before may continue');
  });
});

describe('a host that Systems Manager manages', () => {
  test('goes into the lifeline group where the VPC has the endpoints, is collected from, and goes into quarantine', async () => {
    const room = await managed();
    const interfaces = await createAgentEndpoints({ endpoint: room.account.endpoint }, room.world);
    const start = room.account.proxy.calls.length;
    const incident = await respondQuickly(room, { containment: { cutFlows: 'never' } });
    expect(incident).toMatchObject({ status: 'quarantined', failures: [], isolation: { way: 'lifeline' } });
    expect(triageOf(incident).status).toBe('done');
    expect(await story(room, start)).toEqual(['lifeline', 'collect', 'quarantine']);
    expect(isIsolated(await room.reading(), room.world)).toBe(true);
    const { NetworkInterfaces = [] } = await client(room).send(
      new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: interfaces }),
    );
    const endpoints = NetworkInterfaces.map(({ PrivateIpAddress }) => `egress tcp 443 ${PrivateIpAddress}/32`);
    expect(endpoints).toHaveLength(2);
    expect((await ourGroups(room)).get('lifeline')?.rules).toEqual(
      [...endpoints, 'egress tcp 53 10.20.0.2/32', 'egress udp 53 10.20.0.2/32'].sort(),
    );
  });

  test.each([
    ['there are no endpoints', null, 'no interface endpoint for ssm'],
    ["the endpoints' groups do not admit it", '192.168.0.0/16', 'do not admit'],
  ])('goes into the interim group where %s', async (_name, admit, why) => {
    const room = await managed();
    if (admit) await createAgentEndpoints({ endpoint: room.account.endpoint }, room.world, { admit });
    const start = room.account.proxy.calls.length;
    const incident = await respondQuickly(room, { containment: { cutFlows: 'never' } });
    expect(incident).toMatchObject({ status: 'quarantined', failures: [], isolation: { way: 'interim' } });
    expect(incident.isolation?.why).toContain(why);
    expect(await story(room, start)).toEqual(['interim', 'collect', 'quarantine']);
    expect((await ourGroups(room)).get('interim')?.rules).toEqual([
      'egress tcp 443 0.0.0.0/0',
      'egress tcp 443 ::/0',
      'egress tcp 53 10.20.0.2/32',
      'egress udp 53 10.20.0.2/32',
    ]);
  });

  test('is not put off for its collection where the network cannot be changed at first', async () => {
    const room = await managed();
    room.account.proxy.fault({ operation: 'CreateSecurityGroup', kind: 'denied', times: 2 });
    const start = room.account.proxy.calls.length;
    const incident = await respondQuickly(room, { containment: { cutFlows: 'never' } });
    expect(incident).toMatchObject({ status: 'quarantined', isolation: { way: 'at-once' } });
    expect(incident.isolation?.why).toContain('could not be changed at first');
    expect(triageOf(incident).status).toBe('skipped');
    expect(await story(room, start)).toEqual(['quarantine']);
  });

  test('is denied what the collection profile gave it, once that is off, and gets it back with a release', async () => {
    const room = await managed();
    const incident = await respondQuickly(room, { containment: { cutFlows: 'never' } });
    expect(incident).toMatchObject({ status: 'quarantined', failures: [] });
    const roles = rolesAt(room.account.endpoint);
    for (const role of [PROFILE, room.world.roleName ?? '']) {
      const text = (await roles.denialText(role)) ?? '';
      expect(text).toContain(room.world.instanceId);
      expect(text).not.toContain('NotAction');
    }
    await release(room, { incident_id: incident.incidentId, reason: 'a rehearsal' });
    expect(await roles.denialText(PROFILE)).toBeNull();
  });

  test('is collected from first where the policy has that order', async () => {
    const room = await managed();
    const start = room.account.proxy.calls.length;
    const incident = await respondQuickly(room, { containment: { order: 'collect-first', cutFlows: 'never' } });
    expect(incident).toMatchObject({ status: 'quarantined', isolation: { way: 'collect-first' } });
    expect(await story(room, start)).toEqual(['collect', 'quarantine']);
  });

  test('is not asked at all where the policy contains first', async () => {
    const room = await managed();
    const start = room.account.proxy.calls.length;
    const incident = await respondQuickly(room, { containment: { order: 'contain-first', cutFlows: 'never' } });
    expect(incident).toMatchObject({ status: 'quarantined', isolation: { way: 'at-once' } });
    expect(triageOf(incident)).toMatchObject({ status: 'skipped', reason: expect.stringContaining('contains first') });
    expect(await story(room, start)).toEqual(['quarantine']);
  });

  test('whose command hangs is isolated all the same, within the time that an agent gets', async () => {
    const room = await managedRoom(await local.newAccount(), host, { 'ssm:agent': 'hung' });
    const start = room.account.proxy.calls.length;
    const incident = await respondQuickly(room);
    expect(incident.status).toBe('quarantined');
    expect(triageOf(incident).status).toBe('failed');
    expect((await story(room, start)).at(0)).toBe('interim');
    expect(isIsolated(await room.reading(), room.world)).toBe(true);
  });

  test('that cannot leave the interim group is left without a way out, and nothing is claimed', async () => {
    const room = await managed();
    room.account.proxy.fault({
      operation: 'ModifyNetworkInterfaceAttribute',
      kind: 'denied',
      skip: 1,
      including: 'SecurityGroupId',
    });
    const incident = await respondQuickly(room);
    room.account.proxy.clear();
    expect(incident).toMatchObject({ status: 'failed', isolation: { verified: false } });
    expect((await ourGroups(room)).get('interim')?.rules).toEqual([]);
    expect((await ourGroups(room)).get('open')?.rules ?? []).toEqual([]);
    expect(incident.failures.join()).toContain('all rules of that were taken away');
  });
});

describe('established connections', () => {
  test('are cut through the open group, which has no rules afterwards', async () => {
    const room = await incidentRoom(await local.newAccount());
    const start = room.account.proxy.calls.length;
    const incident = await room.respond(room.event());
    expect(incident).toMatchObject({ status: 'quarantined', failures: [] });
    expect(await story(room, start)).toEqual(['quarantine', 'open', 'quarantine']);
    expect(incident.isolation?.establishedFlows).toBe('cut-attempted');
    expect(incident.residualRisks.join()).toContain('nothing outside the host can prove');
    const filled = room.account.proxy.calls
      .slice(start)
      .filter(({ operation }) => operation.startsWith('AuthorizeSecurityGroup'))
      .map(({ request }) => decodeURIComponent(request))
      .join();
    expect(filled).toContain('0.0.0.0/0');
    expect(filled).toContain('::/0');
    expect((await ourGroups(room)).get('open')?.rules).toEqual([]);
    expect(isIsolated(await room.reading(), room.world)).toBe(true);
  });

  test.each([
    ['an IPv6 address', { ipv6: true }, 'has an IPv6 address'],
    ['a public address of its own', { publicAddress: true }, 'has the public address'],
  ])('are not cut where the host has %s', async (_name, options, why) => {
    const room = await incidentRoom(await local.newAccount(), options);
    const start = room.account.proxy.calls.length;
    const incident = await room.respond(room.event());
    expect(incident).toMatchObject({ status: 'quarantined', isolation: { establishedFlows: 'may-continue' } });
    expect(incident.isolation?.flows).toContain(why);
    expect(await story(room, start)).toEqual(['quarantine']);
  });

  test('are cut after its Elastic IP address was taken off', async () => {
    const room = await incidentRoom(await local.newAccount(), { elasticIp: true });
    const start = room.account.proxy.calls.length;
    const incident = await room.respond(room.event());
    expect(incident).toMatchObject({ status: 'quarantined', isolation: { establishedFlows: 'cut-attempted' } });
    const calls = room.account.proxy.calls.slice(start);
    const [off] = calls.filter(({ operation }) => operation === 'DisassociateAddress');
    const open = (await ourGroups(room)).get('open')?.id ?? 'none';
    const [opened] = calls.filter(
      ({ operation, request }) => operation === 'ModifyNetworkInterfaceAttribute' && request.includes(open),
    );
    expect(off?.endedAt).toBeLessThan(opened?.startedAt ?? 0);
  });

  test('always: cut in spite of a public address', async () => {
    const room = await incidentRoom(await local.newAccount(), { publicAddress: true });
    const incident = await room.respond(room.event(), { containment: { cutFlows: 'always' } });
    expect(incident.isolation?.establishedFlows).toBe('cut-attempted');
  });

  test('nothing that fails while the open group is attached leaves it open', async () => {
    const room = await incidentRoom(await local.newAccount());
    // Two interfaces into quarantine, two into the open group; none gets out of that.
    room.account.proxy.fault({
      operation: 'ModifyNetworkInterfaceAttribute',
      kind: 'denied',
      skip: 4,
      including: 'SecurityGroupId',
    });
    const incident = await room.respond(room.event());
    room.account.proxy.clear();
    expect(incident).toMatchObject({ status: 'failed', isolation: { verified: false } });
    expect((await ourGroups(room)).get('open')?.rules).toEqual([]);
    const again = await room.respond(room.event(({ detail }) => void (detail.id = 'another')));
    expect(again).toMatchObject({ status: 'quarantined', incidentId: incident.incidentId });
    expect(isIsolated(await room.reading(), room.world)).toBe(true);
  });
});

describe("analysts' access", () => {
  test.each([
    [{ cidr: '10.99.0.0/28' }, 'access', ['ingress -1 all 10.99.0.0/28']],
    ['lifeline' as const, 'quarantine', []],
  ])('%j: the final group, and a residual risk', async (access, kind, rules) => {
    const room = await incidentRoom(await local.newAccount());
    const incident = await room.respond(room.event(), { containment: { access, cutFlows: 'never' } });
    expect(incident.status).toBe('quarantined');
    const group = (await ourGroups(room)).get(kind);
    expect(group?.rules).toEqual(rules);
    expect(new Set(Object.values((await room.reading()).interfaces).flat())).toEqual(new Set([group?.id]));
    expect(incident.residualRisks.join()).toContain('(access');
  });
});
