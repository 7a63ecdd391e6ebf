/** Foreign text made fit to be shown: titles, tags and errors may be an attacker's, and their readers decide at night. */
import type { IncidentResult } from '../runbook/incident.ts';

/** Control, format (bidirectional, zero-width, soft hyphen), private and lone surrogate characters; spaces of every kind. */
const UNSEEN = /[\p{Cf}\p{Co}\p{Cs}]/gu;
const SPACES = /[\p{Cc}\s]+/gu;
/** What our own console links consist of; anything else in that place is not a link. */
export const LINK = /^https:\/\/[A-Za-z0-9./?#&=:;,%@+~!$*()_-]{1,900}$/;

/** One line of visible text. */
export function clean(text: string): string {
  return text.replaceAll(UNSEEN, '').replaceAll(SPACES, ' ').trim();
}

/** At most `limit` characters, and what is left out is counted. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const kept = text
    .slice(0, limit)
    .toWellFormed()
    .replace(/\uFFFD$/, '');
  return `${kept}… (${grouped(text.length - kept.length)} more characters)`;
}

/** Printable ASCII, one line, at most `limit` characters. */
export function ascii(text: string, limit: number): string {
  const plain = clean(text)
    .replaceAll('…', '...')
    .replaceAll(/[^\x20-\x7e]/gu, '?');
  return plain.length <= limit ? plain : `${plain.slice(0, limit - 3)}...`;
}

/** `9,950` */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/**
 * The whole result, every text in it cleaned and cut. Where the response failed, the word that claims its success is marked
 * in foreign texts too (`quarantine(d)`): whoever searches for it finds it only where it is true.
 */
export function presentable(result: IncidentResult, limit: number): IncidentResult {
  const failed = result.status === 'failed';
  const link = result.finding.consoleUrl ?? '';
  const shown = mapTexts(result, (text) => {
    const visible = clean(text);
    return cut(failed ? withoutClaim(visible) : visible, limit);
  }) as IncidentResult;
  // Cut anywhere, a link leads astray.
  delete shown.finding.consoleUrl;
  if (LINK.test(link) && !(failed && withoutClaim(link) !== link)) shown.finding.consoleUrl = link;
  return shown;
}

function withoutClaim(text: string): string {
  return text.replaceAll(/(quarantine)(d)/gi, '$1($2)');
}

/** JSON-safe data with every text in it replaced, keys included. */
export function mapTexts(value: unknown, replace: (text: string) => string): unknown {
  if (typeof value === 'string') return replace(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, replace));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [replace(key), mapTexts(item, replace)]));
}
