/** What may reach a terminal. Titles, tags, errors and user names may be an attacker's, and terminals obey what they are sent. */

/** Control, format (bidirectional, zero-width), private and lone surrogate characters and odd line ends; not line break and tab. */
const OBEYED = /(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu;

/**
 * The text with every such character written as `\u001b`. All that commands write goes through this, in one place. In a JSON
 * document these characters stand in strings only, and an escape stands for the same character: the document says the same.
 */
export function visible(text: string): string {
  return text.replaceAll(OBEYED, (found) =>
    // By code units: JSON knows no other escapes.
    Array.from({ length: found.length }, (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  );
}
