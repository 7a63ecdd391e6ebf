/** What a run of the sweep happens to: an account of its own with a victim that everything has to be done about. */
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  IAMClient,
} from '@aws-sdk/client-iam';
import { DescribeNetworkInterfacesCommand, EC2Client, ModifyInstanceAttributeCommand } from '@aws-sdk/client-ec2';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { randomBytes, randomInt } from 'node:crypto';
import { labConfig, type Place } from '../client.ts';
import { createDeployment, type Deployment } from '../deployment.ts';
import { createAgentEndpoints } from '../endpoints.ts';
import { createClassic, createScalingGroup, createTargetGroup } from '../fleet.ts';
import { startProxy, type Proxy } from '../proxy.ts';
import { defaultEvent } from '../rehearsal-event.ts';
import { createWorld, type World, type WorldOptions } from '../world.ts';
import type { Job } from './responder-process.ts';

/**
 * managed: collected from through Systems Manager with the collection profile and a drop box, an interim group meanwhile; in
 * two VPCs, with an Elastic IP address, in an Auto Scaling group, two target groups and a classic load balancer.
 * lifeline: collected from over the endpoints of its VPC, with a profile of its own, the results in pieces.
 * unmanaged: cut off at once; without a profile, in two VPCs, with IPv6.
 */
export type SceneKind = 'managed' | 'lifeline' | 'unmanaged';

export const COLLECTION_PROFILE = 'secresponse-collection';

export interface Scene {
  kind: SceneKind;
  /** Without faults: for whoever looks on. */
  place: Required<Place>;
  world: World;
  deployment: Deployment;
  /** What load balancers the victim is behind. */
  targetGroups: string[];
  classic: string[];
  scalingGroup: string | null;
  /** The responder's way to AWS: what it calls is seen here, and struck here. */
  proxy: Proxy;
  job: Job;
  stop: () => Promise<void>;
}

export interface SceneOptions {
  /** The local AWS. */
  upstream: string;
  /** Where the victim that is collected from may write: its TMPDIR. */
  folders: string;
  /** Programs that the victim has. */
  path: string;
}

const WORLDS: Record<SceneKind, Partial<WorldOptions>> = {
  managed: { interfaces: 2, otherVpc: true, volumes: 2, elasticIp: true },
  lifeline: { interfaces: 1, volumes: 1 },
  unmanaged: { interfaces: 2, otherVpc: true, volumes: 1, ipv6: true, profile: false },
};

export async function createScene(kind: SceneKind, options: SceneOptions): Promise<Scene> {
  const { upstream, folders, path } = options;
  const account = `${randomInt(1e11, 1e12 - 1)}`;
  const [direct, proxy] = [await startProxy({ upstream, account }), await startProxy({ upstream, account })];
  const place = { endpoint: direct.endpoint, region: 'us-east-1' };
  const tags = kind === 'unmanaged' ? {} : { 'ssm:agent': 'online', 'ssm:tmp': folders, 'ssm:path': path };
  const world = await createWorld({ ...place, ...WORLDS[kind], tags });
  await new EC2Client(labConfig(place)).send(
    new ModifyInstanceAttributeCommand({
      InstanceId: world.instanceId,
      InstanceInitiatedShutdownBehavior: { Value: 'terminate' },
    }),
  );
  const [deployment, surroundings] = [await createDeployment(place), await surround(kind, place, world)];
  const { env, ...fleet } = surroundings;
  return {
    kind,
    place,
    world,
    deployment,
    ...fleet,
    proxy,
    job: {
      event: defaultEvent(world, new Date()),
      account: world.account,
      region: place.region,
      env: {
        AWS_REGION: place.region,
        AWS_ENDPOINT_URL: proxy.endpoint,
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
        EVIDENCE_BUCKET: deployment.bucket,
        NOTIFICATION_TOPIC_ARN: deployment.topicArn,
        DEAD_LETTER_QUEUE_URL: deployment.deadLetterUrl,
        INCIDENT_TABLE: deployment.table,
        ...env,
      },
    },
    stop: async () => void (await Promise.all([direct.stop(), proxy.stop()])),
  };
}

type Surroundings = Pick<Scene, 'targetGroups' | 'classic' | 'scalingGroup'> & { env: Record<string, string> };

async function surround(kind: SceneKind, place: Required<Place>, world: World): Promise<Surroundings> {
  const none = { targetGroups: [], classic: [], scalingGroup: null, env: {} };
  if (kind === 'unmanaged') return none;
  if (kind === 'lifeline') {
    await createAgentEndpoints(place, world);
    return none;
  }
  const { instanceId, vpcId } = world;
  const web = await createTargetGroup(place, { name: 'web', vpcId, targets: [{ Id: instanceId, Port: 80 }] });
  const address = await privateAddress(place, world);
  const api = await createTargetGroup(place, { name: 'api', vpcId, type: 'ip', targets: [{ Id: address, Port: 443 }] });
  return {
    targetGroups: [web, api],
    classic: [await createClassic(place, 'shop', [instanceId])],
    scalingGroup: await createScalingGroup(place, world),
    env: { COLLECTION_INSTANCE_PROFILE: await collectionProfile(place), DROP_BOX_BUCKET: await dropBox(place) },
  };
}

async function privateAddress(place: Required<Place>, { interfaceIds }: World): Promise<string> {
  const { NetworkInterfaces } = await new EC2Client(labConfig(place)).send(
    new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: interfaceIds.slice(0, 1) }),
  );
  return NetworkInterfaces?.[0]?.PrivateIpAddress ?? '';
}

async function collectionProfile(place: Required<Place>): Promise<string> {
  const iam = new IAMClient(labConfig(place));
  const [RoleName, InstanceProfileName] = [COLLECTION_PROFILE, COLLECTION_PROFILE];
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: '{}' }));
  await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName }));
  await iam.send(new AddRoleToInstanceProfileCommand({ RoleName, InstanceProfileName }));
  return InstanceProfileName;
}

/** All accounts share the names of buckets. */
async function dropBox(place: Required<Place>): Promise<string> {
  const Bucket = `drop-box-${randomBytes(6).toString('hex')}`;
  await new S3Client({ ...labConfig(place), forcePathStyle: true }).send(new CreateBucketCommand({ Bucket }));
  return Bucket;
}
