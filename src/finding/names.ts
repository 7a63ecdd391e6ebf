/** Words for people: how a value is shown in a message, and which known name an unknown one was meant to be. */

const SHOWN = 60;

/** A value as a message shows it: short, on one line, never a whole document. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value !== 'string') return JSON.stringify(value) ?? 'nothing';
  const text = JSON.stringify(value);
  return visible(text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…"`);
}

/** Control, format (bidirectional, zero-width), private and lone surrogate characters and odd line ends; not line break and tab. */
const OBEYED = /(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu;

/**
 * The text with every character that a terminal would obey, or nobody would see, written as `\u001b`. In a JSON document these
 * characters stand in strings only, and an escape stands for the same character: the document says the same.
 */
export function visible(text: string): string {
  return text.replaceAll(OBEYED, (found) =>
    // By code units: JSON knows no other escapes.
    Array.from({ length: found.length }, (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  );
}

/** `a, b or c` */
export function either(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** The known name that an unknown one was probably meant to be; undefined where none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name);
  // One slip in three letters is a typo; more is another word.
  let best = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  let found: string | undefined;
  for (const candidate of known) {
    const distance = editDistance(wanted, plain(candidate), best);
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

/** `instance-id`, `InstanceId` and `instance_id` are one name to people. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/g, '');
}

/** Edit distance in which two letters exchanged are one slip; `limit` where the lengths alone exceed it, so long names cost nothing. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      const exchanged = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          at(previous, column - 1) + (same ? 0 : 1),
          at(previous, column) + 1,
          at(current, column - 1) + 1,
          exchanged ? at(beforePrevious, column - 2) + 1 : Infinity,
        ),
      );
    }
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
