/** Every call that the functions make in scenes that lead them through all that they do, and by whom it was made. */
import { DescribeSecurityGroupsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { rolePolicies } from '../../src/aws/role-policies.ts';
import { createSessionDenier } from '../../src/handlers/session-denier.ts';
import { labConfig } from '../../src/lab/client.ts';
import { startProxy, type Call, type Proxy } from '../../src/lab/proxy.ts';
import { fakeLambda } from '../support/fake-lambda.ts';
import { DOCUMENT, PROFILE } from '../support/host.ts';
import { patientBudgets, type IncidentRoom } from '../support/incident-room.ts';
import type { Facts } from './authorisation.ts';
import { stackOf, type Stack } from './stack.ts';
import type { Template } from '../stack/packaged.ts';

export interface Recorded {
  /** Logical id of the role: ResponderRole … */
  role: string;
  call: Call;
}

/** A room whose calls are kept, as calls of the stack's functions. */
export interface Scene {
  room: IncidentRoom;
  recorded: Recorded[];
  /** Keeps the calls that the work makes as the role's. */
  as: <Value>(role: string, work: () => Promise<Value>) => Promise<Value>;
  /** Where Lambda is. */
  lambda: string;
  stop: () => Promise<void>;
}

const DENIER = 'secresponse-dev-session-denier';

/** `upstream`: the local AWS without an account; `guardDuty`: what plays that service. */
export async function sceneIn(room: IncidentRoom, upstream: string, guardDuty: string): Promise<Scene> {
  const { account, world } = room;
  const recorded: Recorded[] = [];
  const denierAws = await startProxy({ upstream, account: account.account });
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const denier = createSessionDenier({
    account: world.account,
    partition: 'aws',
    protectedRoles: [],
    policies: rolePolicies(
      { region: world.region, endpoint: denierAws.endpoint, budgets: patientBudgets, credentials },
      10,
    ),
  });
  const lambda = await startProxy({ upstream: (await fakeLambda(DENIER, denier)).endpoint });
  const findings = await startProxy({ upstream: guardDuty });
  room.env['SESSION_DENIER_FUNCTION'] = DENIER;
  process.env['AWS_ENDPOINT_URL_LAMBDA'] = lambda.endpoint;
  process.env['AWS_ENDPOINT_URL_GUARDDUTY'] = findings.endpoint;

  return {
    room,
    recorded,
    async as(role, work) {
      const seen = new Map<Proxy, string>([
        [account.proxy, role],
        [lambda, role],
        [findings, role],
        [denierAws, 'SessionDenierRole'],
      ]);
      const before = new Map([...seen.keys()].map((proxy) => [proxy, proxy.calls.length]));
      const value = await work();
      for (const [proxy, by] of seen)
        recorded.push(...proxy.calls.slice(before.get(proxy)).map((call) => ({ role: by, call })));
      return value;
    },
    lambda: lambda.endpoint,
    async stop() {
      delete process.env['AWS_ENDPOINT_URL_LAMBDA'];
      delete process.env['AWS_ENDPOINT_URL_GUARDDUTY'];
      await Promise.all([denierAws, lambda, findings].map((proxy) => proxy.stop()));
    },
  };
}

/** The stack as it would be, had it been deployed in the room's account with the room's names. */
export function stackOfRoom(template: Template, { world, deployment, env }: IncidentRoom): Stack {
  const names = {
    Vault: deployment.bucket,
    Ledger: deployment.table,
    Topic: deployment.topicArn.split(':').at(-1) ?? '',
    CollectionProfile: PROFILE,
    CollectionRole: PROFILE,
    CollectionDocument: DOCUMENT,
    ...(env['DROP_BOX_BUCKET'] === undefined ? {} : { DropBox: env['DROP_BOX_BUCKET'] }),
  };
  return stackOf(template, { account: world.account, region: world.region, names });
}

export async function factsOf({ account, world }: IncidentRoom, stack: Stack): Promise<Facts> {
  const ec2 = new EC2Client(labConfig({ endpoint: account.endpoint, region: world.region }));
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({}));
  const tags = SecurityGroups.map(({ GroupId = '', Tags = [] }) => [
    GroupId,
    Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
  ]);
  return {
    account: world.account,
    region: world.region,
    instanceId: world.instanceId,
    volumeIds: world.volumeIds,
    subnetId: world.subnetId,
    profileArn: world.instanceProfileArn,
    // The lab calls a role as its profile.
    roleOf: (profile) => `arn:aws:iam::${world.account}:role/${profile}`,
    tags: Object.fromEntries(tags) as Facts['tags'],
    keys: {
      vault: stack.arnOf('VaultKey'),
      ledger: stack.arnOf('LedgerKey'),
      messages: stack.arnOf('MessageKey'),
    },
  };
}
