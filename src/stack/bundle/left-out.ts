/** Fails a build that has in it what was to be left out: the SDK has changed, and a plugin no longer applies. */
import type { Metafile, Plugin } from 'esbuild';
import { NAMESPACE } from './sdk.ts';

interface Rule {
  files: RegExp;
  /** More than this is too much. */
  bytes: number;
  why: string;
}

const SDK = String.raw`node_modules/@(aws-sdk|smithy)/`;
const RULES: readonly Rule[] = [
  {
    files: new RegExp(`${SDK}(nested-clients|token-providers|credential-provider-(?!env/|http/))`),
    bytes: 0,
    why: 'credentials that no Lambda uses (lambda-credentials)',
  },
  {
    files: new RegExp(`${SDK}client-[^/]+/dist-es/[A-Z][^/]*(?<!Client)\\.js$`),
    bytes: 0,
    why: 'a whole client instead of the commands in use (durable-client, static-imports)',
  },
  { files: new RegExp(`${SDK}[^/]+/package\\.json$`), bytes: 200, why: 'a whole package.json (client-versions)' },
  {
    files: new RegExp(`${SDK}client-[^/]+/dist-es/models/errors\\.js$`),
    bytes: 16_500,
    why: 'error classes that are written out one by one (error-classes)',
  },
  { files: /EventStreamSerde\.js$/, bytes: 0, why: 'event streams (no-event-streams)' },
];

export const leftOut: Plugin = {
  name: 'left-out',
  setup(build) {
    build.initialOptions.metafile = true;
    build.onEnd(({ metafile }) => ({
      errors: metafile === undefined ? [] : leftIn(metafile).map((text) => ({ text })),
    }));
  },
};

/** What is in a bundle and was to be left out, in words. */
export function leftIn(metafile: Metafile): string[] {
  const sizes = new Map<string, number>();
  for (const { inputs } of Object.values(metafile.outputs))
    for (const [file, { bytesInOutput }] of Object.entries(inputs))
      sizes.set(file, (sizes.get(file) ?? 0) + bytesInOutput);
  const matched = RULES.flatMap(({ files, bytes, why }) => {
    const found = [...sizes].filter(([file, size]) => files.test(file) && size > bytes).map(([file]) => file);
    return found.length === 0 ? [] : [`the bundle holds ${why}: ${found.slice(0, 3).join(', ')}`];
  });
  return [...matched, ...unshaken(metafile, sizes)];
}

/** A file that is loaded by `import()` goes in whole, and so does every ES module that it imports. */
function unshaken({ inputs }: Metafile, sizes: ReadonlyMap<string, number>): string[] {
  return Object.entries(inputs).flatMap(([file, { imports }]) =>
    imports
      .filter(({ kind, external, path }) => kind === 'dynamic-import' && !external && goesIn(path, new Set()))
      .map(({ path }) => `the bundle cannot be shaken: ${file} loads ${path} by import() (static-imports)`),
  );

  function goesIn(path: string, seen: Set<string>): boolean {
    const input = inputs[path];
    if (seen.has(path) || input === undefined || input.format === 'cjs') return false;
    seen.add(path);
    if (!path.startsWith(`${NAMESPACE}:`) && (sizes.get(path) ?? 0) > 0) return true;
    return input.imports.some(({ external, path: next }) => !external && goesIn(next, seen));
  }
}
