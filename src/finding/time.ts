/**
 * Detectors write dates in at least four ways; this file reads them all, and nothing else in this room may use `Date`.
 * Only explicit texts are read: the clock never is.
 */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `2026-11-20T10:00:00.000Z`, `2026-11-20T10:00:00Z`, `2026-11-20T11:00:00.5+01:00`, `2026-11-20 10:00:00` (taken as UTC). */
const ISO = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?$/;
/** `Mar 20, 2023, 6:08:05 PM` (taken as UTC). */
const AMERICAN = /^([A-Z][a-z]{2}) (\d{1,2}), (\d{4}),? (\d{1,2}):(\d\d):(\d\d)\s([AP]M)$/;
/** `Thu Sep 05 13:06:56.334 UTC 2024` */
const UNIX = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d):(\d\d):(\d\d(?:\.\d+)?) UTC (\d{4})$/;

/**
 * The moment in ISO 8601 and UTC; undefined where it cannot be read. A date is only shown to people, so a strange one
 * must not keep a finding from being acted upon.
 */
export function isoTime(value: unknown): string | undefined {
  if (typeof value === 'number') return fromMilliseconds(value * 1000);
  if (typeof value !== 'string') return undefined;
  return fromIso(value) ?? fromAmerican(value) ?? fromUnix(value);
}

function fromIso(text: string): string | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, day, time, fraction = '', zone = 'Z'] = match;
  return fromMilliseconds(Date.parse(`${day}T${time}${fraction.slice(0, 4)}${zone}`));
}

function fromAmerican(text: string): string | undefined {
  const match = AMERICAN.exec(text);
  if (match === null) return undefined;
  const [, month = '', day, year, hour, minute, second, half] = match;
  const hours = (Number(hour) % 12) + (half === 'PM' ? 12 : 0);
  return fromParts(year, month, day, hours, minute, second);
}

function fromUnix(text: string): string | undefined {
  const match = UNIX.exec(text);
  if (match === null) return undefined;
  const [, month = '', day, hour, minute, second, year] = match;
  return fromParts(year, month, day, Number(hour), minute, second);
}

function fromParts(
  year: string | undefined,
  month: string,
  day: string | undefined,
  hours: number,
  minute: string | undefined,
  second: string | undefined,
): string | undefined {
  const monthIndex = MONTHS.indexOf(month);
  if (monthIndex < 0) return undefined;
  const minutes = Date.UTC(Number(year), monthIndex, Number(day), hours, Number(minute));
  return fromMilliseconds(minutes + Math.round(Number(second) * 1000));
}

function fromMilliseconds(milliseconds: number): string | undefined {
  // Beyond these the value is not a date that a detector wrote, and beyond the upper one it has no ISO form of four digits.
  if (!(milliseconds >= 0 && milliseconds < 253_402_300_800_000)) return undefined;
  return new Date(milliseconds).toISOString();
}
