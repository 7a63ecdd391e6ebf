/** Findings that are told and not acted on, in one message. Pure. */
import { ascii, clean, cut, grouped, LINK } from './sanitise.ts';
import { counted } from './verdict.ts';

/** One finding as a line of the digest; JSON-safe, and small: many of them lie in one item of the ledger. */
export interface DigestEntry {
  findingId: string;
  type: string;
  severity: string;
  title: string;
  account: string;
  region: string;
  instanceId: string;
  /** ISO 8601, UTC. */
  at: string;
  consoleUrl?: string;
  /** What became of it, where something did: `joined inc-…`. */
  note?: string;
}

export interface DigestMessage {
  /** Printable ASCII, at most 99 characters. */
  subject: string;
  text: string;
  attributes: Record<string, string>;
  /** The document for `MessageStructure: json`. */
  message: string;
}

/** As many as fit into a message with room to spare; the rest is counted. */
const SHOWN = 25;

/** An entry of a digest: what people need to find the finding again, cut to a size that many fit into one item. */
export function digestEntry(entry: DigestEntry): DigestEntry {
  const { consoleUrl, ...rest } = entry;
  const short = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, cut(clean(value), 200)]));
  return {
    ...(short as unknown as DigestEntry),
    ...(consoleUrl && consoleUrl.length <= 400 && LINK.test(consoleUrl) ? { consoleUrl } : {}),
  };
}

/** `omitted`: findings that were counted only. */
export function digestMessage(entries: readonly DigestEntry[], mode: string, omitted = 0): DigestMessage {
  const known = new Map(entries.map((entry) => [`${entry.findingId} ${entry.instanceId}`, entry]));
  const told = [...known.values()];
  const [first] = told;
  const account = first?.account ?? '';
  const region = first?.region ?? '';
  const subject = ascii(
    `[DIGEST] ${counted(told.length + omitted, 'finding')} told, nothing changed: ${account} ${region}`,
    99,
  );
  const shown = told.slice(0, SHOWN);
  const lines = shown.map(
    (entry) =>
      `- ${entry.severity} ${entry.type}, ${entry.instanceId} in ${entry.account}, ${entry.region}\n` +
      `  > ${entry.title}\n` +
      `  ${entry.at}${entry.note === undefined ? '' : `, ${entry.note}`}${entry.consoleUrl === undefined ? '' : `\n  ${entry.consoleUrl}`}`,
  );
  const more = told.length + omitted - shown.length;
  const text = [
    `${counted(told.length + omitted, 'finding')} of the last hour that were told and not acted on: the policy asks for`,
    'no more, or, where it is said, an open incident has them already or the responder',
    'is stopped. NOTHING WAS CHANGED for them and no evidence was taken.',
    '',
    `Mode: ${mode}`,
    '',
    ...lines,
    ...(more > 0 ? [`… and ${grouped(more)} more; the detector's console has them all.`] : []),
    '',
    'To have evidence taken of one of them, or to isolate the instance, start a manual',
    'run: npx secresponse respond --instance i-…',
    '',
  ].join('\n');
  const machine = JSON.stringify({ status: 'notified', digest: shown, omitted: more });
  const message = JSON.stringify({
    default: text,
    email: text,
    sms: subject,
    ...Object.fromEntries(['sqs', 'lambda', 'http', 'https'].map((protocol) => [protocol, machine])),
  });
  const attributes = { severity: first?.severity || 'none', response: 'notify', status: 'notified', account, region };
  return { subject, text, attributes, message };
}
