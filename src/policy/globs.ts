/** Names with `*` for any characters, and tags written `key` or `key=value`. Case counts, as it does in AWS. */

export function globMatches(glob: string, text: string): boolean {
  const [first = '', ...rest] = glob.split('*');
  if (rest.length === 0) return glob === text;
  if (!text.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

/** What of the glob is left to match after the prefix, in every way in which the prefix can begin a match; none: it cannot. */
export function remainders(glob: string, prefix: string): string[] {
  let places = new Set(withSkippedStars(glob, 0));
  for (const letter of prefix) {
    const next = [...places].flatMap((place) => {
      if (glob[place] === '*') return withSkippedStars(glob, place);
      return glob[place] === letter ? withSkippedStars(glob, place + 1) : [];
    });
    places = new Set(next);
  }
  // What begins after a star is within what begins with it.
  return [...places].filter((place) => !(glob[place - 1] === '*' && places.has(place - 1))).map((at) => glob.slice(at));
}

/** A star may stand for nothing. */
function withSkippedStars(glob: string, place: number): number[] {
  return glob[place] === '*' ? [place, ...withSkippedStars(glob, place + 1)] : [place];
}

/** The first glob that matches any of the names, and the name; undefined where none does. */
export function findMatch(
  globs: readonly string[],
  names: readonly string[],
): { glob: string; name: string } | undefined {
  for (const glob of globs) {
    const name = names.find((candidate) => globMatches(glob, candidate));
    if (name !== undefined) return { glob, name };
  }
  return undefined;
}

/** The first `key` or `key=value` glob that matches one of the tags, and the tag as text. */
export function findTag(
  globs: readonly string[],
  tags: Readonly<Record<string, string>>,
): { glob: string; tag: string } | undefined {
  for (const glob of globs) {
    const separator = glob.indexOf('=');
    const keyGlob = separator < 0 ? glob : glob.slice(0, separator);
    const valueGlob = separator < 0 ? '*' : glob.slice(separator + 1);
    for (const [key, value] of Object.entries(tags)) {
      if (globMatches(keyGlob, key) && globMatches(valueGlob, value)) return { glob, tag: `${key}=${value}` };
    }
  }
  return undefined;
}
