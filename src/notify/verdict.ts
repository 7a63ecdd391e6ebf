/** How it ended, in words: the one thing to know first, the same in subject, text and report. Pure. */
import { isolating } from '../containment/index.ts';
import type { IncidentResult, Status } from '../runbook/incident.ts';
import { when } from './facts.ts';
import { grouped } from './sanitise.ts';

export interface Verdict {
  /** Beginning of the subject: `[FAILED] NOT isolated`. */
  lead: string;
  /** One word or two for the report's badge: `FAILED`. */
  badge: string;
  /** One or two sentences; no foreign text in them. */
  sentence: string;
  tone: 'good' | 'warning' | 'bad' | 'neutral';
}

/** States in which there is nothing left to isolate. */
const GONE = ['terminated', 'shutting-down'];

/** Takes a result that is fit to be shown (sanitise.ts). */
export function verdictOf(result: IncidentResult): Verdict {
  return verdicts[result.status](result);
}

const verdicts: Record<Status, (result: IncidentResult) => Verdict> = {
  quarantined: (result) => ({
    lead: `[ISOLATED${mark(result)}]`,
    badge: 'ISOLATED',
    sentence: `Isolated: ${result.target.instanceId} can open no new connection and nothing can connect to it. This was verified by reading it back.${also(result)}`,
    tone: failureCount(result) === 0 ? 'good' : 'warning',
  }),
  collected,
  'awaiting-approval': (result) => ({
    lead: `[APPROVAL NEEDED${mark(result)}] NOT isolated:`,
    badge: 'APPROVAL NEEDED',
    sentence: `${result.target.instanceId} is NOT isolated: a person has to approve it first${waitsUntil(result)}. Why: ${result.decision.approval?.because ?? 'the policy asks for it'}.${also(result)}`,
    tone: 'warning',
  }),
  joined: ({ target }) => ({
    lead: '[JOINED] open incident:',
    badge: 'JOINED',
    sentence: `Another finding about ${target.instanceId}. An incident is open already and has at least this response; nothing more was done.`,
    tone: 'neutral',
  }),
  ignored: ({ target }) => ({
    lead: '[IGNORED] nothing done:',
    badge: 'IGNORED',
    sentence: `The policy asks for nothing to be done about ${target.instanceId}. Nothing was changed.`,
    tone: 'neutral',
  }),
  notified: (result) => (result.decision.dryRun ? dryRun(result) : told(result)),
  failed,
};

function waitsUntil({ approval }: IncidentResult): string {
  return approval?.until === undefined ? '' : ` (asked until ${when(approval.until)})`;
}

/** Within the brackets of the subject. */
function mark(result: IncidentResult): string {
  const failures = failureCount(result);
  return failures === 0 ? '' : `, ${counted(failures, 'failure')}`;
}

/** After a sentence that says what was achieved. */
function also(result: IncidentResult): string {
  const failures = failureCount(result);
  return failures === 0 ? '' : ` ${counted(failures, 'other part')} of the response failed; see below.`;
}

function told(result: IncidentResult): Verdict {
  return {
    lead: `[NOTICE${mark(result)}] nothing changed:`,
    badge: 'NOTICE',
    sentence: `The policy asks for this notice only. NOTHING WAS CHANGED on ${result.target.instanceId}, and it is NOT isolated.${also(result)}`,
    tone: 'neutral',
  };
}

function dryRun(result: IncidentResult): Verdict {
  const { decision, target } = result;
  return {
    lead: `[DRY RUN${mark(result)}] NOTHING CHANGED, would ${verb(decision.response)}:`,
    badge: 'DRY RUN',
    sentence: `Dry run: NOTHING WAS CHANGED and no evidence was taken. ${target.instanceId} is NOT isolated by this run. For real, the response would be "${decision.response}".${also(result)}`,
    tone: 'neutral',
  };
}

function collected(result: IncidentResult): Verdict {
  const { target } = result;
  const failures = failureCount(result);
  const decided = result.approval?.state;
  const partly =
    failures === 0 ? '' : ` Not all of it: ${counted(failures, 'part')} of the response failed; see below.`;
  return {
    lead: `[EVIDENCE TAKEN${mark(result)}] NOT isolated:`,
    badge: 'EVIDENCE TAKEN',
    sentence: `Evidence was taken of ${target.instanceId}. It is NOT isolated and nothing on it was changed${
      decided === 'denied' ? ': a person has denied it' : decided === 'expired' ? ': nobody approved it' : ''
    }.${partly}`,
    tone: failures === 0 ? 'neutral' : 'warning',
  };
}

/** A failed response claims nothing that was not read back. */
function failed(result: IncidentResult): Verdict {
  const { decision, target, instance, changes } = result;
  const as = (lead: string, sentence: string): Verdict => ({
    lead: `[FAILED] ${lead}:`,
    badge: 'FAILED',
    sentence,
    tone: 'bad',
  });
  const id = target.instanceId;
  if (decision.dryRun) return as('dry run, NOTHING CHANGED', `The dry run for ${id} failed. NOTHING WAS CHANGED.`);
  if (decision.response !== 'quarantine' && changes.length === 0) {
    if (decision.response === 'notify' || decision.response === 'ignore')
      return as('nothing changed', `The notice about ${id} failed. NOTHING WAS CHANGED, and it is NOT isolated.`);
    const asksFirst =
      decision.response === 'quarantine-after-approval' ? ' The policy asks for approval to isolate it.' : '';
    const ofInstance = result.evidence.filter(({ collector }) => collector !== 'finding');
    const some = ofInstance.some(({ artifacts }) => artifacts.length > 0) || result.snapshots.length > 0;
    return as(
      some ? 'evidence INCOMPLETE, not isolated' : 'NO evidence taken, not isolated',
      `Evidence of ${id} was asked for, and ${some ? 'only part of it was taken' : 'nothing but the finding itself was kept'}. The instance is NOT isolated; nothing on it was changed.${asksFirst}`,
    );
  }
  if (GONE.includes(instance?.state ?? ''))
    return as(
      `nothing to isolate, ${instance?.state}`,
      `${id} is ${instance?.state}: there was nothing left to isolate.`,
    );
  const sent = changes.some(
    ({ action, at, status }) => action === isolating && (at !== undefined || status === 'done'),
  );
  if (sent) {
    return as(
      'NOT shown to be isolated',
      `${id} is NOT shown to be isolated. The change of its network was sent to AWS, but reading it back did not confirm it. Treat it as able to send and receive.`,
    );
  }
  return as(
    'NOT isolated',
    `${id} is NOT isolated: this run did not change its network. Treat it as able to send and receive.`,
  );
}

/** How many parts of the response fell short. */
function failureCount(result: IncidentResult): number {
  return failureLines(result).length;
}

/** Every part that fell short, one line each. */
export function failureLines({ changes, evidence, failures }: IncidentResult): string[] {
  return [
    ...changes
      .filter(({ status }) => status === 'failed')
      .map(({ action, reason }) => `Change ${action}: ${reason ?? 'no reason given'}`),
    ...changes
      .filter(({ status, verified }) => status === 'done' && !verified)
      .map(
        ({ action, reason }) => `Change ${action}: made, but not verified${reason === undefined ? '' : `: ${reason}`}`,
      ),
    ...evidence
      .filter(({ status }) => status === 'failed')
      .map(({ collector, reason }) => `Evidence ${collector}: ${reason ?? 'no reason given'}`),
    ...failures.map((failure) => failure.charAt(0).toUpperCase() + failure.slice(1)),
  ];
}

export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function verb(response: string): string {
  if (response === 'collect') return 'collect evidence';
  return response === 'quarantine-after-approval' ? 'ask for approval' : response;
}
