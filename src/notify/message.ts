/** The notification: an e-mail a person can act on at night, and the same as JSON for machines. Pure. */
import type { IncidentResult } from '../runbook/incident.ts';
import { ascii, clean, cut, presentable } from './sanitise.ts';
import { payloadFor } from './payload.ts';
import { plainText } from './text.ts';
import { verdictOf } from './verdict.ts';

export interface NoteContext {
  /** `observe` or `enforce`: how this run was set. */
  mode: string;
  /** What a person types to undo the recorded changes, one way a line; empty where there is nothing to undo. */
  releaseCommand: string;
}

export interface Notification {
  /** Printable ASCII, at most 99 characters. */
  subject: string;
  /** The e-mail. */
  text: string;
  json: object;
  /** For subscription filters. */
  attributes: Record<string, string>;
  /** The document for `MessageStructure: json`: one text per kind of subscriber. */
  message: string;
}

/** How much of long lists and texts is told. */
export interface Limits {
  /** Characters of one text. */
  text: number;
  /** Entries of one list. */
  items: number;
  /** Artifacts in all. */
  artifacts: number;
}

/** SNS: message and attributes together, in bytes. */
export const MAX_BYTES = 262_144;
const SUBJECT_LENGTH = 99;
/** From generous to the least that still says everything that matters; the first that fits is taken. */
const LEVELS: readonly [Limits, ...Limits[]] = [
  { text: 120, items: 1, artifacts: 0 },
  { text: 400, items: 8, artifacts: 8 },
  { text: 1_000, items: 20, artifacts: 20 },
  { text: 2_000, items: 50, artifacts: 50 },
];
/** Subscribers that get the JSON; e-mail and whatever else there is get the text. */
const MACHINES = ['sqs', 'lambda', 'http', 'https', 'firehose', 'email-json'] as const;

export function notificationFor(result: IncidentResult, context: NoteContext): Notification {
  const [least, ...more] = LEVELS;
  for (const limits of more.toReversed()) {
    const candidate = compose(result, context, limits);
    if (bytes(candidate) <= MAX_BYTES) return candidate;
  }
  return compose(result, context, least);
}

function compose(result: IncidentResult, context: NoteContext, limits: Limits): Notification {
  const shown = presentable(result, limits.text);
  const note = { ...context, mode: cut(clean(context.mode), 40) };
  const subject = subjectOf(shown);
  const text = plainText(shown, note, limits);
  const json = payloadFor(shown, note, limits);
  const machine = JSON.stringify(json);
  const message = JSON.stringify({
    default: text,
    email: text,
    sms: subject,
    ...Object.fromEntries(MACHINES.map((protocol) => [protocol, machine])),
  });
  return { subject, text, json, attributes: attributesOf(shown), message };
}

/** What to know first, then the instance, then why; account and Region where they fit. */
function subjectOf(result: IncidentResult): string {
  const { target, finding } = result;
  const sample = finding.sample ? '[SAMPLE] ' : '';
  const short = ascii(
    `${sample}${verdictOf(result).lead} ${target.instanceId} ${finding.severity.label} ${finding.type}`,
    SUBJECT_LENGTH,
  );
  const long = `${short} ${ascii(`${target.account} ${target.region}`, SUBJECT_LENGTH)}`;
  return long.length <= SUBJECT_LENGTH ? long : short;
}

/** SNS refuses empty values. */
function attributesOf({ finding, decision, status, target }: IncidentResult): Record<string, string> {
  const values = {
    severity: finding.severity.label,
    response: decision.response,
    status,
    account: target.account,
    region: target.region,
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, cut(value, 200) || 'unknown']));
}

function bytes({ subject, message, attributes }: Notification): number {
  const around = Object.entries(attributes).flat().join('').length + 'String'.length * Object.keys(attributes).length;
  return new TextEncoder().encode(message).length + subject.length + around;
}
