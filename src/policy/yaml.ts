/** YAML with places: where in the file a value stands, so that a problem can be clicked on. */
import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Node } from 'yaml';

export interface Place {
  line: number;
  column: number;
}

export interface YamlProblem extends Place {
  message: string;
}

export interface YamlFile {
  value: unknown;
  problems: YamlProblem[];
  /** Where the value at the path stands, or the nearest thing around it that exists. */
  placeOf(path: readonly PropertyKey[]): Place;
  /** Where the key stands in the mapping at the path. */
  placeOfKey(path: readonly PropertyKey[], key: string): Place;
}

export function readYaml(text: string): YamlFile {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, logLevel: 'error' });
  const placeAt = (offset: number): Place => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems = document.errors.map(({ message, pos }) => ({ ...placeAt(pos[0]), message: oneLine(message) }));
  const placeOf = (path: readonly PropertyKey[]): Place => placeAt(offsetOf(document.contents, path));
  return {
    value: problems.length === 0 ? valueOf(document, problems) : undefined,
    problems,
    placeOf,
    placeOfKey: (path, key) => {
      const map = find(document.contents, path);
      const pair = isMap(map)
        ? map.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
        : undefined;
      return isScalar(pair?.key) ? placeAt(pair.key.range?.[0] ?? 0) : placeOf(path);
    },
  };
}

/** Aliases that multiply without end are only noticed when the value is made. */
function valueOf(document: { toJS(): unknown }, problems: YamlProblem[]): unknown {
  try {
    return document.toJS();
  } catch (error) {
    problems.push({ line: 1, column: 1, message: oneLine(error instanceof Error ? error.message : String(error)) });
    return undefined;
  }
}

function find(root: Node | null, path: readonly PropertyKey[]): Node | null {
  let node = root;
  for (const segment of path) {
    if (!isMap(node) && !isSeq(node)) return null;
    node = (node.get(segment, true) as Node | undefined) ?? null;
  }
  return node;
}

function offsetOf(root: Node | null, path: readonly PropertyKey[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const offset = find(root, path.slice(0, length))?.range?.[0];
    if (offset !== undefined) return offset;
  }
  return 0;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
