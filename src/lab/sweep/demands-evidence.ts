/** Evidence: nothing claimed that is not there, nothing missing that is not named. */
import { evidenceCalls, isCalledBy, type After } from './after.ts';

interface ManifestSeen {
  artifacts: { key: string; sha256: string }[];
  gaps: { collector: string }[];
  snapshots: { snapshotId: string }[];
}

export function evidenceFaults(after: After): string[] {
  return [...objectFaults(after), ...collectorFaults(after), ...manifestFaults(after), ...snapshotFaults(after)];
}

function objectFaults({ incident, reading }: After): string[] {
  return incident.evidence
    .flatMap(({ artifacts }) => artifacts)
    .flatMap(({ key, sha256, bytes }) => {
      const there = reading.vault[key];
      if (!there) return [`${key} is told, and is not in the vault`];
      return there.sha256 === sha256 && there.bytes === bytes ? [] : [`${key} has another hash than is told`];
    });
}

function collectorFaults({ incident, scene, struck }: After): string[] {
  return Object.entries(evidenceCalls).flatMap(([name, calls]) => {
    const told = incident.evidence.filter(({ collector }) => collector === name);
    const [one] = told;
    if (told.length !== 1 || !one) return [`${name} is told ${told.length} times`];
    if (one.status === 'done') return missingFiles(name, one.artifacts);
    if (!one.reason) return [`${name} is ${one.status} without a reason`];
    if (name === 'os-triage' && (scene.kind === 'unmanaged' || struck?.killed)) return [];
    // Where the network cannot be changed, nothing is asked of the host.
    const about = name === 'os-triage' ? /^(ec2|ssm|s3):/ : /^s3:/;
    const { kind } = struck ?? {};
    if (struck?.lasting && kind && (about.test(`${kind.service}:`) || isCalledBy(kind, calls))) return [];
    return [`${name} is ${one.status}, though its own calls can succeed: ${one.reason}`];
  });
}

/** What a collector brings at least, where it says that it is done. */
const FILES: Record<string, string[]> = {
  finding: ['finding.json'],
  'instance-metadata': ['instance.json', 'user-data.bin'],
  'console-screenshot': ['console-screenshot.jpg'],
  'console-output': ['console-output.txt'],
  'ebs-snapshots': ['snapshots.json'],
  'os-triage': ['os-triage.txt', 'os-triage.json'],
  plan: ['plan.json', 'plan-auto-scaling.json', 'plan-changes.json'],
};

function missingFiles(collector: string, artifacts: readonly { key: string }[]): string[] {
  return (FILES[collector] ?? [])
    .filter((file) => !artifacts.some(({ key }) => key.endsWith(`/${file}`)))
    .map((file) => `${collector} is done without ${file}`);
}

function manifestFaults({ incident, reading, struck }: After): string[] {
  if (!incident.manifest) {
    if (!(struck?.lasting && struck.kind.service === 's3')) return ['there is no manifest'];
    return incident.failures.some((line) => line.includes('manifest')) ? [] : ['no manifest, and nothing says so'];
  }
  const { key, sha256 } = incident.manifest;
  const there = reading.vault[key];
  if (!there) return ['the manifest is not in the vault'];
  if (there.sha256 !== sha256) return ['the manifest has another hash than is told'];
  const { artifacts, gaps } = JSON.parse(Buffer.from(there.body).toString()) as ManifestSeen;
  const sealed = new Set(artifacts.map((one) => `${one.key} ${one.sha256}`));
  const faults = [];
  for (const { collector, status, artifacts: own } of incident.evidence) {
    for (const one of own)
      if (!sealed.has(`${one.key} ${one.sha256}`)) faults.push(`${one.key} is not in the manifest`);
    if (status !== 'done' && !gaps.some((gap) => gap.collector === collector))
      faults.push(`the manifest does not name the gap ${collector}`);
  }
  for (const one of artifacts)
    if (reading.vault[one.key]?.sha256 !== one.sha256)
      faults.push(`the manifest seals ${one.key}, which is not there so`);
  return faults;
}

function snapshotFaults({ incident, reading, scene, struck }: After): string[] {
  const there = reading.snapshots.map(({ SnapshotId = '' }) => SnapshotId).toSorted();
  const told = incident.snapshots.map(({ snapshotId }) => snapshotId).toSorted();
  const cannotSee = struck?.lasting === true && isCalledBy(struck.kind, evidenceCalls['ebs-snapshots'] ?? []);
  if (there.join() !== told.join() && !cannotSee) return [`snapshots ${there.join()}, told are ${told.join()}`];
  if (told.some((id) => !there.includes(id))) return ['a snapshot is told that is not there'];
  const status = incident.evidence.find(({ collector }) => collector === 'ebs-snapshots')?.status;
  const whole = scene.world.volumeIds.every((id) => reading.snapshots.some(({ VolumeId }) => VolumeId === id));
  return status === 'done' && !whole ? ['snapshots are told as done, and a volume has none'] : [];
}
