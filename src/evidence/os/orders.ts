/** What the scripts on the host are told, and what they answer. Pure. */
import { linuxScript, windowsScript } from './scripts.ts';

export type Platform = 'Linux' | 'Windows';

/** What one command is to do; linux.sh explains the fields. */
export interface Order {
  do: 'collect' | 'read' | 'last' | 'remove';
  token: string;
  place?: number;
  at?: number;
  /** For taking, all parts together. */
  seconds?: number;
  /** The command as a whole; the agent ends it then. */
  limit: number;
  url?: string;
}

/** Characters that may stand between single quotes in both shells. */
const URL_PATTERN = String.raw`^(https?://[A-Za-z0-9.:/_%?&=+~*!-]+)?$`;

/** The parameters of the stack's document: nothing that is not of this form reaches a shell. */
export const PARAMETERS = {
  do: { pattern: '^(collect|read|last|remove)$', text: 'what to do' },
  token: { pattern: '^[0-9a-f]{32}$', text: 'names the private folder' },
  place: { pattern: '^[1-9]$', text: 'where the folder is' },
  at: { pattern: '^[0-9]{1,4}$', text: 'number of the piece to bring' },
  seconds: { pattern: '^[0-9]{1,4}$', text: 'time for taking' },
  limit: { pattern: '^[0-9]{1,4}$', text: 'time for the command' },
  url: { pattern: URL_PATTERN, text: 'link for one upload, or empty' },
} as const;

export type ParameterName = keyof typeof PARAMETERS;

/** @throws Error where a value is not of its parameter's form. */
export function parametersOf(order: Order): Record<ParameterName, string> {
  const { place = 1, at = 1, seconds = 0, url = '' } = order;
  const values = {
    do: order.do,
    token: order.token,
    place: `${place}`,
    at: `${at}`,
    seconds: `${seconds}`,
    limit: `${order.limit}`,
    url,
  };
  for (const [name, { pattern }] of Object.entries(PARAMETERS))
    if (!new RegExp(pattern).test(values[name as ParameterName])) throw new Error(`the order's ${name} is malformed`);
  return values;
}

/** The script with its settings in front of it. */
export function scriptText(platform: Platform, values: Record<ParameterName, string>): string {
  const names = ['do', 'token', 'place', 'at', 'seconds', 'url'] as const;
  const mark = platform === 'Windows' ? '$' : '';
  const settings = names.map((name) => `${mark}SR_${name.toUpperCase()}='${values[name]}'`);
  return `${settings.join('\n')}\n${platform === 'Windows' ? windowsScript : linuxScript}`;
}

export interface Answer {
  format: 'gz' | 'plain';
  /** Null where the host had no place for a file: the first piece is then all there is. */
  bytes: number | null;
  /** What the host says; null where it has no means to. */
  sha256: string | null;
  pieces: number;
  upload: 'none' | 'done' | 'failed' | 'no-curl';
  place: number;
  /** The first piece. */
  first: Uint8Array;
}

/** The script stops long before. */
const MOST_PIECES = 2_500;
const HEADER = /^secresponse-os 1 (gz|plain) (\d{1,10}) ([0-9a-f]{64}|-) (\d{1,4}) (none|done|failed|no-curl) (\d)$/;

/** @returns null where the output is none of ours. The host is hostile: nothing in it is taken for more than data. */
export function answerOf(stdout: string): Answer | null {
  const [header = '', data = ''] = stdout.split(/\r?\n/, 2);
  const [, format, bytes, sha256, pieces, upload, place] = HEADER.exec(header.trim()) ?? [];
  if (format === undefined || Number(pieces) > MOST_PIECES) return null;
  return {
    format: format as Answer['format'],
    bytes: place === '0' ? null : Number(bytes),
    sha256: sha256 === '-' || sha256 === undefined ? null : sha256,
    pieces: Number(pieces),
    upload: upload as Answer['upload'],
    place: Number(place),
    first: pieceOf(data),
  };
}

export function pieceOf(text: string): Uint8Array {
  return Buffer.from(text.trim(), 'base64');
}
