/** Results as the runbook makes them, for the tests of this room. */
import type { Artifact, ChangeResult, EvidenceResult, IncidentResult } from '../../src/runbook/incident.ts';

const INSTANCE = 'i-0123456789abcdef0';
const INCIDENT = 'inc-5f0c2a9b7d3e4f10';
const PREFIX = `evidence/111122223333/eu-west-1/${INSTANCE}/${INCIDENT}/`;
const PROFILE = 'arn:aws:iam::111122223333:instance-profile/web-server';

export const context = {
  mode: 'enforce',
  releaseCommand: [
    `npx secresponse release --incident ${INCIDENT} --reason "..."`,
    `sls invoke -f release -q durable --type Event --data '{"incident_id":"${INCIDENT}","reason":"..."}'`,
  ].join('\n'),
};

const changes: ChangeResult[] = [
  {
    action: 'termination-protection',
    status: 'done',
    from: { enabled: false },
    to: { enabled: true },
    verified: true,
    description: 'termination protection: off → on',
    at: '2026-11-20T10:00:02.100Z',
  },
  {
    action: 'instance-profile',
    status: 'done',
    from: { profiles: [PROFILE] },
    to: { profiles: [] },
    verified: true,
    description: 'instance profile: web-server → none',
    at: '2026-11-20T10:00:02.150Z',
  },
  {
    action: 'quarantine-network',
    status: 'done',
    from: {
      'eni-0a1b2c3d4e5f60718': {
        vpc: 'vpc-0c0ffee0c0ffee0c0',
        groups: ['sg-0aaaaaaaaaaaaaaa1', 'sg-0aaaaaaaaaaaaaaa2'],
      },
      'eni-0b1b2c3d4e5f60719': { vpc: 'vpc-0c0ffee0c0ffee0c0', groups: ['sg-0aaaaaaaaaaaaaaa3'] },
    },
    to: {
      'eni-0a1b2c3d4e5f60718': { vpc: 'vpc-0c0ffee0c0ffee0c0', groups: ['sg-0ddddddddddddddd9'] },
      'eni-0b1b2c3d4e5f60719': { vpc: 'vpc-0c0ffee0c0ffee0c0', groups: ['sg-0ddddddddddddddd9'] },
    },
    verified: true,
    description:
      'network interfaces: eni-0a1b2c3d4e5f60718: sg-0aaaaaaaaaaaaaaa1, sg-0aaaaaaaaaaaaaaa2 → sg-0ddddddddddddddd9; ' +
      'eni-0b1b2c3d4e5f60719: sg-0aaaaaaaaaaaaaaa3 → sg-0ddddddddddddddd9',
    at: '2026-11-20T10:00:02.200Z',
  },
];

/** The same before any of them was sent. */
const unwritten = changes.map((change) => {
  const { at: _at, ...rest } = change;
  return rest;
});

const taken = (collector: string, name: string, bytes: number): EvidenceResult => ({
  collector,
  status: 'done',
  artifacts: [artifact(collector, name, bytes)],
});

export function artifact(collector: string, name: string, bytes: number): Artifact {
  const sha256 = Buffer.from(name.padEnd(32, '.').slice(0, 32)).toString('hex');
  return { key: PREFIX + name, sha256, bytes, collector, takenAt: '2026-11-20T10:00:01.500Z' };
}

/** Isolated and verified, nothing failed. */
export const isolated: IncidentResult = {
  incidentId: INCIDENT,
  status: 'quarantined',
  target: { account: '111122223333', region: 'eu-west-1', instanceId: INSTANCE },
  decision: {
    response: 'quarantine',
    rule: 'high-severity',
    reasons: [
      'Rule high-severity matches (source guardduty, severity 8 ≥ 7, resourceType Instance): GuardDuty is confident that the instance is compromised.',
    ],
    dryRun: false,
    undecided: [],
  },
  evidence: [
    taken('finding', 'finding.json', 4_211),
    taken('instance-metadata', 'instance.json', 18_390),
    taken('console-screenshot', 'console-screenshot.jpg', 48_003),
    { collector: 'console-output', status: 'skipped', reason: 'AWS has no console output yet', artifacts: [] },
    taken('ebs-snapshots', 'snapshots.json', 512),
  ],
  snapshots: [
    { snapshotId: 'snap-0111111111111111a', volumeId: 'vol-0111111111111111a', state: 'pending' },
    { snapshotId: 'snap-0222222222222222b', volumeId: 'vol-0222222222222222b', state: 'pending' },
  ],
  changes,
  isolation: {
    verified: true,
    establishedFlows: 'may-continue',
    secondsToIsolation: 2.4,
    verifiedAt: '2026-11-20T10:00:02.400Z',
    way: 'at-once',
    why: 'Systems Manager does not manage the instance',
  },
  notification: { status: 'skipped', reason: 'nothing to tell' },
  residualRisks: [
    'New connections are blocked. Connections that were established before may continue until they end or time out.',
    'Name resolution through the resolver of the VPC is not blocked by security groups: data can leave in DNS queries.',
    "Credentials that the instance's role has already given out keep working until they expire (up to 6 hours).",
  ],
  failures: [],
  instance: {
    name: 'web-1',
    owner: 'shop-team@example.com',
    state: 'running',
    instanceType: 'm7i.large',
    privateIp: '10.0.1.17',
    publicIp: '203.0.113.17',
    vpcs: ['vpc-0c0ffee0c0ffee0c0'],
    tags: { Name: 'web-1', Owner: 'shop-team@example.com', stage: 'production' },
  },
  finding: {
    source: 'guardduty',
    id: '16afba5c5c43e07c9e3e5e2e544e95df',
    arn: 'arn:aws:guardduty:eu-west-1:111122223333:detector/aa/finding/16afba5c5c43e07c9e3e5e2e544e95df',
    account: '111122223333',
    region: 'eu-west-1',
    type: 'Backdoor:EC2/C&CActivity.B!DNS',
    severity: { score: 8, label: 'HIGH' },
    title: 'Command and control server domain name queried by EC2 instance i-0123456789abcdef0.',
    description:
      'EC2 instance i-0123456789abcdef0 is querying a domain name associated with a known Command & Control server: http://cnc.example.net/gate.',
    role: 'ACTOR',
    resourceType: 'Instance',
    archived: false,
    sample: false,
    createdAt: '2026-11-20T09:41:10.000Z',
    updatedAt: '2026-11-20T09:58:44.000Z',
    count: 12,
    targets: [{ account: '111122223333', region: 'eu-west-1', instanceId: INSTANCE, facts: {} }],
    refused: [],
    consoleUrl:
      'https://eu-west-1.console.aws.amazon.com/guardduty/home?region=eu-west-1#/findings?fId=16afba5c5c43e07c9e3e5e2e544e95df',
  },
  evidencePrefix: PREFIX,
  vault: 'example-evidence',
  manifest: { key: `${PREFIX}manifest.json`, sha256: '9f'.repeat(32) },
  startedAt: '2026-11-20T10:00:00.000Z',
};

const DENIED = 'UnauthorizedOperation: You are not authorized to perform this operation.';

/** Isolated, but some of the evidence was refused. */
export const isolatedWithFailures: IncidentResult = {
  ...isolated,
  evidence: isolated.evidence.map((evidence) =>
    ['instance-metadata', 'ebs-snapshots'].includes(evidence.collector)
      ? { ...evidence, status: 'failed', reason: DENIED, artifacts: [] }
      : evidence,
  ),
  snapshots: [],
};

/** The interfaces could not be changed. */
export const notIsolated: IncidentResult = {
  ...isolated,
  status: 'failed',
  changes: changes.map((change) =>
    change.action === 'quarantine-network' ? { ...change, status: 'failed', verified: false, reason: DENIED } : change,
  ),
  isolation: { verified: false, establishedFlows: 'may-continue', secondsToIsolation: null },
  residualRisks: [
    'The instance is not shown to be isolated: treat it as able to send and receive until somebody has looked.',
  ],
};

/** Nothing could even be tried. */
export const notTried: IncidentResult = {
  ...notIsolated,
  changes: unwritten.map((change) => ({
    ...change,
    status: 'failed',
    verified: false,
    from: null,
    to: null,
    reason: 'the present state could not be read: reading the interfaces did not end within 10 s',
  })),
  failures: ['the instance could not be read: reading the instance did not end within 10 s'],
  instance: null,
};

export const collected: IncidentResult = {
  ...isolated,
  status: 'collected',
  decision: {
    ...isolated.decision,
    response: 'collect',
    rule: 'medium-severity',
    reasons: ['Rule medium-severity matches: suspicious enough to keep the evidence.'],
  },
  changes: [],
  isolation: null,
  residualRisks: [],
};

export const collectionFailed: IncidentResult = {
  ...collected,
  status: 'failed',
  evidence: [
    taken('finding', 'finding.json', 4_211),
    { collector: 'instance-metadata', status: 'failed', reason: DENIED, artifacts: [] },
    { collector: 'ebs-snapshots', status: 'failed', reason: DENIED, artifacts: [] },
  ],
  snapshots: [],
};

export const awaitingApproval: IncidentResult = {
  ...collected,
  status: 'awaiting-approval',
  decision: {
    ...collected.decision,
    response: 'quarantine-after-approval',
    approval: { heldBy: 'rule', because: 'rule medium-severity asks for approval' },
  },
  approval: {
    heldBy: 'rule',
    because: 'rule medium-severity asks for approval',
    state: 'pending',
    until: '2026-11-20T14:00:00.000Z',
  },
  residualRisks: ['The instance is not isolated until a person approves it: rule medium-severity asks for approval.'],
};

/** A sample finding: decided like others, and nothing done. */
export const dryRun: IncidentResult = {
  ...isolated,
  status: 'notified',
  decision: {
    ...isolated.decision,
    dryRun: true,
    reasons: [...isolated.decision.reasons, 'Dry run: this is a sample finding.'],
  },
  finding: { ...isolated.finding, sample: true },
  evidence: isolated.evidence.map(({ collector }) => ({
    collector,
    status: 'skipped',
    reason: 'dry run',
    artifacts: [],
  })),
  snapshots: [],
  changes: unwritten.map((change) => ({
    ...change,
    status: 'skipped',
    verified: false,
    reason: 'dry run: would be changed',
  })),
  isolation: null,
  residualRisks: [],
};
delete dryRun.manifest;

export const noticeOnly: IncidentResult = {
  ...collected,
  status: 'notified',
  decision: { ...collected.decision, response: 'notify', rule: 'tell-us' },
  evidence: [],
  snapshots: [],
  instance: null,
};
delete noticeOnly.manifest;

export const joined: IncidentResult = {
  ...noticeOnly,
  status: 'joined',
  decision: isolated.decision,
  instance: isolated.instance,
};
