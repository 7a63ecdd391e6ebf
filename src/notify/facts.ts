/** What text and report both tell, as rows and lines. Takes a result that is fit to be shown (sanitise.ts). Pure. */
import type { ChangeResult, EvidenceResult, IncidentResult, Isolation } from '../runbook/incident.ts';
import { clean, grouped } from './sanitise.ts';

export interface Row {
  label: string;
  value: string;
  /** Written by somebody else: shown as a quotation. */
  foreign?: boolean;
}

const SOURCES = {
  guardduty: 'Amazon GuardDuty',
  inspector: 'Amazon Inspector',
  'security-hub': 'AWS Security Hub',
  manual: 'a person',
} as const;

export const SAMPLE_NOTE =
  'THIS IS A SAMPLE FINDING: it was made to try things out. It does not tell of a real attack.';

export function modeLine(mode: string): string {
  if (mode === 'observe')
    return 'Mode: observe (decides and tells; changes something only when a person names the instance)';
  if (mode === 'enforce') return 'Mode: enforce (carries out what the policy decides)';
  return `Mode: ${mode || 'not known'}`;
}

/** Type, severity and where the finding is from; title and description are told apart. */
export function findingRows({ finding }: IncidentResult): Row[] {
  const { type, severity, source, count, createdAt, updatedAt, id } = finding;
  const score = severity.score === null ? '' : ` (${severity.score})`;
  const often = count !== undefined && count > 1 ? `, seen ${grouped(count)} times` : '';
  const rows: Row[] = [
    { label: 'Type', value: type },
    { label: 'Severity', value: source === 'manual' ? 'not rated: a manual request' : `${severity.label}${score}` },
    { label: 'Reported by', value: `${SOURCES[source]}${often}` },
  ];
  if (createdAt !== undefined) rows.push({ label: 'First seen', value: when(createdAt) });
  if (updatedAt !== undefined && updatedAt !== createdAt) rows.push({ label: 'Last seen', value: when(updatedAt) });
  rows.push({ label: 'Finding id', value: id });
  return rows;
}

export function targetRows({ target, instance }: IncidentResult): Row[] {
  const tag = (label: string, value: string | undefined): Row =>
    value === undefined
      ? { label, value: instance === null ? 'not known: the instance could not be read' : 'no such tag' }
      : { label, value, foreign: true };
  const rows: Row[] = [
    { label: 'Account', value: target.account },
    { label: 'Region', value: target.region },
    { label: 'Instance', value: target.instanceId },
    tag('Name tag', instance?.name),
    tag('Owner tag', instance?.owner),
  ];
  if (!instance) return rows;
  const { state, instanceType, privateIp, publicIp, vpcs } = instance;
  const kind = [instanceType, state === undefined ? undefined : `was ${state}`].filter((part) => part !== undefined);
  if (kind.length > 0) rows.push({ label: 'Kind, state', value: kind.join(', ') });
  const addresses = [privateIp, publicIp && `${publicIp} (public)`].filter(Boolean);
  if (addresses.length > 0) rows.push({ label: 'Addresses', value: addresses.join(', ') });
  if (vpcs.length > 0) rows.push({ label: vpcs.length === 1 ? 'VPC' : 'VPCs', value: vpcs.join(', ') });
  return rows;
}

/** How a host was cut off, and why so. Null where nothing says. */
export function wayLine({ isolation }: IncidentResult): string | null {
  if (isolation?.way === undefined) return null;
  return `${WAYS[isolation.way]}${isolation.why === undefined ? '' : ` (${isolation.why})`}`;
}

const WAYS: Record<NonNullable<Isolation['way']>, string> = {
  'at-once': 'at once, before anything was asked of the host',
  lifeline: 'at once, but for its way to Systems Manager in its VPC while it was collected from',
  interim: 'at once, but for port 443 to anywhere and DNS while it was collected from',
  'collect-first': 'after it was collected from; until then it was on the network as before',
};

/** What became of a change. A failed one only says what was asked for. */
export function changeState({ status, verified, reason }: ChangeResult, dryRun: boolean): string {
  if (dryRun) return (reason ?? 'not changed').replace(/^(?!dry run)/, 'dry run: ');
  if (status === 'failed') return 'FAILED';
  if (status === 'done') return verified ? 'done, verified' : 'made, NOT VERIFIED';
  return verified ? 'nothing to change, verified' : 'not changed';
}

const CONSOLES: Record<string, string> = { cn: 'console.amazonaws.cn', 'us-gov': 'console.amazonaws-us-gov.com' };

/** Where to look at the instance. Null where there is no public console that this is known of. */
export function instanceUrl({ target }: IncidentResult): string | null {
  if (!/^[a-z0-9-]{5,30}$/.test(target.region) || /^(us|eu)-(iso|sov)|^eusc-/.test(target.region)) return null;
  const host = CONSOLES[/^(cn|us-gov)-/.exec(target.region)?.[1] ?? ''] ?? 'console.aws.amazon.com';
  return `https://${target.region}.${host}/ec2/home?region=${target.region}#InstanceDetails:instanceId=${encodeURIComponent(target.instanceId)}`;
}

export function totals(evidence: EvidenceResult[]): { artifacts: number; bytes: number } {
  const artifacts = evidence.flatMap((result) => result.artifacts);
  return { artifacts: artifacts.length, bytes: artifacts.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** `1,234 bytes`, `1.2 MB` */
export function size(bytes: number): string {
  if (bytes < 10_000) return `${grouped(bytes)} ${bytes === 1 ? 'byte' : 'bytes'}`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1_000)} kB`;
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}

/** `2026-11-20T10:00:00.000Z` → `2026-11-20 10:00:00 UTC`; anything else as it is. */
export function when(moment: string): string {
  return moment.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z$/, '$1 $2 UTC');
}

/** The key as seen from the incident's folder. */
export function relativeKey(key: string, prefix: string): string {
  return key.startsWith(prefix) ? key.slice(prefix.length) : key;
}

/** What is not known, or not cut off. Where nothing isolates, that comes first. */
export function openQuestions({ status, decision, isolation, residualRisks }: IncidentResult): string[] {
  const untouched = 'This response did not isolate the instance: it can send and receive as before.';
  const stands = isolation === null && status !== 'joined' && decision.response !== 'ignore';
  return [...(stands ? [untouched] : []), ...residualRisks];
}

export interface ReleaseAdvice {
  /** Before the commands. */
  text: string;
  commands: string[];
  /** Commands that are not shown. */
  left: number;
}

/** Commands are given whole or not at all: half a command does harm. */
export function releaseAdvice(result: IncidentResult, releaseCommand: string, limit: number): ReleaseAdvice {
  const given = releaseCommand
    .split('\n')
    .map(clean)
    .filter((command) => command !== '');
  const whole = given.filter((command) => /^[\x20-\x7e]{1,1000}$/.test(command) && tellable(command, result));
  const commands = whole.slice(0, limit);
  const left = given.length - commands.length;
  if (result.status === 'joined')
    return {
      text: "Nothing was changed by this run. The open incident's own notification says how to release.",
      commands: [],
      left: 0,
    };
  const touched = result.changes.some(({ status, at }) => status !== 'skipped' || at !== undefined);
  if (!touched) return { text: 'Nothing was changed, so there is nothing to release.', commands: [], left: 0 };
  const caution = result.status === 'failed' ? 'This response failed: look first what was really changed. ' : '';
  if (given.length === 0)
    return { text: `${caution}The changes above name the state before; put it back by hand.`, commands: [], left: 0 };
  const any = given.length > 1 ? 'Each of these' : 'This';
  const how = `For a person to decide, after a look at the evidence. ${any} puts the recorded state before back:`;
  return { text: caution + how, commands, left };
}

/** How a person isolates an instance that this run did not isolate; null where there is nothing to isolate. */
export function isolateCommand({
  incidentId,
  status,
  target,
  isolation,
  instance,
  decision,
  finding,
  approval,
}: IncidentResult): string | null {
  const gone = ['terminated', 'shutting-down'].includes(instance?.state ?? '');
  if (gone || finding.sample || isolation?.verified || status === 'joined' || decision.response === 'ignore')
    return null;
  if (status === 'awaiting-approval' && !approval?.unrecorded)
    return `npx secresponse approve ${incidentId} --reason "..."`;
  const force = approval?.heldBy === 'protection' ? ' --force --reason "..."' : '';
  return `npx secresponse respond --instance ${target.instanceId}${force}`;
}

/** What a person who is asked may type; none where nobody is. */
export function decisionCommands(result: IncidentResult): string[] {
  if (result.status !== 'awaiting-approval') return [];
  return [isolateCommand(result), denyCommand(result)].flatMap((command) => command ?? []);
}

/** How a person leaves it as it is; null where nobody is asked, or no answer would be found. */
export function denyCommand({ status, incidentId, approval }: IncidentResult): string | null {
  return status === 'awaiting-approval' && !approval?.unrecorded
    ? `npx secresponse deny ${incidentId} --reason "..."`
    : null;
}

function tellable(command: string, { status }: IncidentResult): boolean {
  return status !== 'failed' || !/quarantined/i.test(command);
}
