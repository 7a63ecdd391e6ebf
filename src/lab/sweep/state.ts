/** What a reading says of each change, and of what must not be left. */
import type { After } from './after.ts';
import type { Reading } from './reading.ts';
import { COLLECTION_PROFILE, type Scene } from './scene.ts';

/** Every interface in one group, which is the responder's for quarantine and has no rule. */
export function isIsolated({ interfaces, groups }: Reading, { world }: Scene): boolean {
  return (
    interfaces.length === world.interfaceIds.length &&
    interfaces.every(({ Groups = [] }) => {
      const group = groups[Groups[0]?.GroupId ?? ''];
      return Groups.length === 1 && group?.kind === 'quarantine' && group.rules === 0;
    })
  );
}

/** Whether a change is there, by its action's name. */
export const holds: Record<string, (reading: Reading, scene: Scene) => boolean> = {
  'termination-protection': ({ attributes }) => attributes.termination,
  'stop-protection': ({ attributes }) => attributes.stop,
  'shutdown-behavior': ({ attributes }) => attributes.shutdown === 'stop',
  'keep-volumes': ({ instance }) =>
    (instance.BlockDeviceMappings ?? []).every(({ Ebs }) => Ebs?.DeleteOnTermination === false),
  'auto-scaling': ({ lifecycle }) => lifecycle === null || lifecycle === 'Standby',
  'load-balancers': ({ served }) => served.length === 0,
  'session-denial': ({ denial }, { world }) =>
    world.roleName === null ||
    (denial !== null && denial.includes(world.instanceId) && !statementOfCollecting(denial).includes(world.instanceId)),
  'instance-profile': ({ profiles }) => profiles.length === 0,
  'metadata-service': ({ instance }) => instance.MetadataOptions?.HttpEndpoint === 'disabled',
  'connection-tracking': ({ interfaces }) =>
    interfaces.every(({ ConnectionTrackingConfiguration: times }) => times?.TcpEstablishedTimeout === 60),
  'public-address': ({ addresses }) => addresses.length === 0,
  'quarantine-network': isIsolated,
};

/** For the time of collection all but the agent's own calls are denied; afterwards nothing may be left of that. */
function statementOfCollecting(denial: string): string {
  const { Statement } = JSON.parse(denial) as { Statement: { NotAction?: unknown }[] };
  return JSON.stringify(Statement.filter(({ NotAction }) => NotAction !== undefined));
}

/** Groups of ours that let something through. */
const OPENINGS = ['open', 'lifeline', 'interim', 'access'];
const NETWORK_WRITES = /^(ModifyNetworkInterfaceAttribute|\*)$/;
const PROFILE_CALLS = /^((Associate|Disassociate|Describe)IamInstanceProfile\w*|\*)$/;

export function stateFaults({ reading, incident, struck }: After): string[] {
  const { interfaces, groups, profiles, snapshots, instance } = reading;
  const faults: string[] = [];
  const cannot = (calls: RegExp): boolean =>
    struck?.lasting === true && struck.kind.service === 'ec2' && calls.test(struck.kind.operation);
  for (const { NetworkInterfaceId = '', Groups = [] } of interfaces)
    for (const { GroupId = '' } of Groups) {
      const { kind, rules } = groups[GroupId] ?? { kind: null, rules: 0 };
      // Where an interface cannot be moved any more, the rules of the group have to be gone.
      if (kind !== null && OPENINGS.includes(kind) && (rules > 0 || !cannot(NETWORK_WRITES)))
        faults.push(`${NetworkInterfaceId} is left in the ${kind} group ${GroupId} with ${rules} rules`);
      if (kind === 'quarantine' && rules > 0) faults.push(`${NetworkInterfaceId} is in a quarantine group with rules`);
    }
  for (const [id, { kind, rules }] of Object.entries(groups))
    if (kind === 'open' && rules > 0 && !incident.failures.some((line) => line.includes(id)))
      faults.push(`the open group ${id} keeps ${rules} rules, and nothing says so`);
  if (profiles.some((arn) => arn.endsWith(`/${COLLECTION_PROFILE}`)) && !cannot(PROFILE_CALLS))
    faults.push('the collection profile is left on the instance');
  const volumes = (instance.BlockDeviceMappings ?? []).map(({ Ebs }) => Ebs?.VolumeId ?? '');
  for (const id of volumes) {
    const count = snapshots.filter(({ VolumeId }) => VolumeId === id).length;
    if (count > 1) faults.push(`${count} snapshots of ${id}`);
  }
  return faults;
}
