/** All that the functions do: each scene leads them through a part of it. */
import { DynamoDBClient, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import {
  AssociateDhcpOptionsCommand,
  CreateDhcpOptionsCommand,
  EC2Client,
  ModifyNetworkInterfaceAttributeCommand,
} from '@aws-sdk/client-ec2';
import { requestsGateway } from '../../src/aws/requests.ts';
import { responderStarter } from '../../src/aws/starter.ts';
import { loadPolicies } from '../../src/cli/policies-dir.ts';
import { createApi } from '../../src/handlers/api.ts';
import { createResponder } from '../../src/handlers/responder.ts';
import { labConfig } from '../../src/lab/client.ts';
import { createAgentEndpoints } from '../../src/lab/endpoints.ts';
import { createClassic, createScalingGroup } from '../../src/lab/fleet.ts';
import { DRIFT_CHECK } from '../../src/runbook/drift-check.ts';
import { execute, memoryStore, type DurableHandler } from '../../src/runbook/engine.ts';
import {
  createDocument,
  createDropBox,
  DOCUMENT,
  managedRoom,
  PROFILE_ENV,
  respondQuickly,
  type Host,
} from '../support/host.ts';
import { incidentRoom, patientBudgets, type Detail, type IncidentRoom } from '../support/incident-room.ts';
import type { TestAccount } from '../support/local-aws.ts';
import { release } from '../support/releaser.ts';
import { run } from '../support/responder.ts';
import { instanceIds, sequenceOf } from '../support/sequence.ts';
import { wholeWorld } from '../support/whole-world.ts';
import type { Scene } from './recording.ts';

export interface Props {
  newAccount: () => Promise<TestAccount>;
  scene: (room: IncidentRoom) => Promise<Scene>;
  host: Host;
  /** Has GuardDuty know these findings. */
  knownFindings: (findings: { id: string }[]) => void;
}

const REASON = 'a rehearsal';

/** Throws where it did not do what it is there for. */
export const scenes: Record<string, (props: Props) => Promise<Scene>> = {
  async 'everything that containment touches is taken, looked after and given back'({ newAccount, scene }) {
    const room = await wholeWorld(await newAccount());
    await createClassic(placeOf(room), 'shop', [room.world.instanceId]);
    await indexOpen(room);
    const { as, ...rest } = await scene(room);
    const { status, incidentId } = await as('ResponderRole', () => room.respond(room.event()));
    assure(status, 'quarantined');
    await as('ResponderRole', () => checkDrift(room));
    await as('ResponderRole', () => room.respond(room.event(({ detail }) => void (detail.id = 'another'))));
    // A function has no gateways of another's, and does not know its answers.
    room.env['AWS_ENDPOINT_URL'] += '/';
    room.account.proxy.fault({ operation: 'PutObject', kind: 'lost-response', times: 1 });
    const released = await as('ReleaseRole', () => release(room, { incident_id: incidentId, reason: REASON }));
    assure(released.status, 'released');
    return { as, ...rest };
  },

  async 'connections are cut, disks are copied one by one, the group is left for good'({ newAccount, scene }) {
    const room = await incidentRoom(await newAccount());
    await createScalingGroup(placeOf(room), room.world);
    // EC2 refuses a set for one volume's sake; and idle times that somebody has set are compared with the type's own.
    room.account.proxy.fault({ operation: 'CreateSnapshots', kind: 'error' });
    await setIdleTime(room);
    const it = await scene(room);
    const respond = () => room.respond(room.event(), { containment: { autoScaling: 'detach' } });
    assure((await it.as('ResponderRole', respond)).status, 'quarantined');
    return it;
  },

  async 'analysts get in'({ newAccount, scene }) {
    const room = await incidentRoom(await newAccount(), { interfaces: 1, volumes: 1 });
    const it = await scene(room);
    const respond = () => room.respond(room.event(), { containment: { access: { cidr: '10.99.0.0/28' } } });
    assure((await it.as('ResponderRole', respond)).status, 'quarantined');
    return it;
  },

  async 'a host is collected from through the endpoints of its VPC'({ newAccount, scene, host }) {
    const room = await managedRoom(await newAccount(), host);
    await createAgentEndpoints(placeOf(room), room.world);
    await createDocument(room.account.endpoint);
    const it = await scene(room);
    const env = { ...PROFILE_ENV, COLLECTION_DOCUMENT: DOCUMENT };
    assure((await it.as('ResponderRole', () => respondQuickly(room, { env }))).isolation?.way, 'lifeline');
    return it;
  },

  async 'a host without a profile whose agent hangs'({ newAccount, scene, host }) {
    const room = await managedRoom(await newAccount(), host, { 'ssm:agent': 'hung' }, { profile: false });
    await createDocument(room.account.endpoint);
    await setResolver(room);
    const it = await scene(room);
    const env = { ...PROFILE_ENV, COLLECTION_DOCUMENT: DOCUMENT };
    assure((await it.as('ResponderRole', () => respondQuickly(room, { env }))).isolation?.way, 'interim');
    return it;
  },

  async 'a host uploads, and its collection profile is left behind'({ newAccount, scene, host }) {
    const room = await managedRoom(await newAccount(), host);
    await createDocument(room.account.endpoint);
    Object.assign(room.env, PROFILE_ENV);
    room.env['DROP_BOX_BUCKET'] = await createDropBox(room.account.endpoint);
    const it = await scene(room);
    const heal = room.account.proxy.fault({ operation: 'DisassociateIamInstanceProfile', kind: 'denied' });
    const env = { COLLECTION_DOCUMENT: DOCUMENT };
    const { incidentId } = await it.as('ResponderRole', () => respondQuickly(room, { env }));
    heal();
    await it.as('ReleaseRole', () => release(room, { incident_id: incidentId, reason: REASON }));
    return it;
  },

  async 'a finding that is asked for by its id, and collected for'({ newAccount, scene, knownFindings }) {
    const room = await incidentRoom(await newAccount(), { interfaces: 1, volumes: 1 });
    const detail = room.event().detail as Detail;
    knownFindings([detail]);
    const it = await scene(room);
    const policy = 'rules: [{ id: high, when: { severity: { gte: 7 } }, respond: collect }]';
    // Nothing comes of the first run: its claim goes.
    const heal = ['PutObject', 'CreateSnapshots'].map((operation) =>
      room.account.proxy.fault({ operation, kind: 'denied' }),
    );
    await it.as('ResponderRole', () => run(room, { finding_id: detail.id }, { policy }));
    for (const end of heal) end();
    const [incident] = await it.as('ResponderRole', () => run(room, { finding_id: detail.id }, { policy }));
    assure(incident?.status, 'collected');
    return it;
  },

  async 'a finding with more targets than one execution takes'({ newAccount, scene }) {
    const room = await incidentRoom(await newAccount(), { interfaces: 1, volumes: 1 });
    const it = await scene(room);
    const { account, region } = room.world;
    const arn = `arn:aws:lambda:${region}:${account}:function:secresponse-dev-responder:7/durable-execution/one/two`;
    const policy = 'rules: [{ id: all, when: { source: guardduty }, respond: notify }]';
    // The function that plays Lambda here is another one: it is asked all the same.
    await it.as('ResponderRole', () => run(room, sequenceOf(room.world, instanceIds(21)), { policy, arn }));
    return it;
  },

  async 'a request to the API'({ newAccount, scene }) {
    const room = await incidentRoom(await newAccount(), { interfaces: 1, volumes: 1 });
    const it = await scene(room);
    const { account, region, instanceId } = room.world;
    const settings = { region, budgets: patientBudgets, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
    const alias = `arn:aws:lambda:${region}:${account}:function:secresponse-dev-responder:durable`;
    const call = createApi({
      account,
      region,
      // The function that plays Lambda here is another one: it is asked all the same.
      start: (name, payload) =>
        responderStarter(alias, { ...settings, endpoint: it.lambda })(name, payload).catch(() => {}),
      requests: requestsGateway(room.deployment.table, { ...settings, endpoint: room.account.endpoint }),
    });
    const body = JSON.stringify({ instance_id: instanceId });
    await it.as('ApiRole', async () => {
      const answer = await call({ httpMethod: 'POST', resource: '/secresponse', body });
      assure(answer.statusCode, 202);
      const { incidentId } = JSON.parse(answer.body) as { incidentId: string };
      const asked = { httpMethod: 'GET', resource: '/secresponse/{incidentId}', pathParameters: { incidentId } };
      assure((await call(asked)).statusCode, 200);
    });
    return it;
  },
};

function assure<Value>(found: Value, expected: NoInfer<Value>): void {
  if (found !== expected) throw new Error(`the scene ended with ${String(found)}, not ${String(expected)}`);
}

function placeOf({ account, world }: IncidentRoom) {
  return { endpoint: account.endpoint, region: world.region };
}

async function checkDrift(room: IncidentRoom): Promise<void> {
  const { policies } = loadPolicies(process.cwd());
  const handler = createResponder({ policies, budgets: patientBudgets, env: room.env }) as unknown as DurableHandler;
  const { account, region } = room.world;
  await execute(handler, { ...DRIFT_CHECK }, { store: memoryStore(), account, region });
}

/** The stack's table has the index; the lab's has not. */
async function indexOpen(room: IncidentRoom): Promise<void> {
  const name = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' as const });
  await new DynamoDBClient(labConfig(placeOf(room))).send(
    new UpdateTableCommand({
      TableName: room.deployment.table,
      AttributeDefinitions: [name('pk'), name('listed')],
      GlobalSecondaryIndexUpdates: [
        {
          Create: {
            IndexName: 'open',
            KeySchema: [{ AttributeName: 'listed', KeyType: 'HASH' }],
            Projection: { ProjectionType: 'KEYS_ONLY' },
          },
        },
      ],
    }),
  );
}

async function setIdleTime(room: IncidentRoom): Promise<void> {
  await new EC2Client(labConfig(placeOf(room))).send(
    new ModifyNetworkInterfaceAttributeCommand({
      NetworkInterfaceId: room.world.interfaceIds[0],
      ConnectionTrackingSpecification: { TcpEstablishedTimeout: 3_600 },
    }),
  );
}

async function setResolver(room: IncidentRoom): Promise<void> {
  const ec2 = new EC2Client(labConfig(placeOf(room)));
  const DhcpConfigurations = [{ Key: 'domain-name-servers', Values: ['10.20.0.53'] }];
  const { DhcpOptions } = await ec2.send(new CreateDhcpOptionsCommand({ DhcpConfigurations }));
  const options = { DhcpOptionsId: DhcpOptions?.DhcpOptionsId, VpcId: room.world.vpcId };
  await ec2.send(new AssociateDhcpOptionsCommand(options));
}
