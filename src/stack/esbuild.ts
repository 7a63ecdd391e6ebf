/** How a Lambda's code is bundled: the same for `sls package`, for rehearsals and for tests. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import type { Policies } from '../policy/policy.ts';
import { leftOut } from './bundle/left-out.ts';
import { durableClient, schemaKeys, slimSdk } from './bundle/sdk.ts';
import { resolvePolicies } from './policies.ts';

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

export const bundleOptions = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // The ES modules of the SDK, so that what is not called is left out.
  mainFields: ['module', 'main'],
  minify: true,
  legalComments: 'none',
  // What is still CommonJS calls `require` for Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
} satisfies BuildOptions;

/** The policies go in validated and resolved: a broken one cannot be deployed, and the Lambda carries no YAML parser. */
function resolvedPolicies(load: () => Policies): Plugin {
  return {
    name: 'resolved-policies',
    setup(build) {
      build.onLoad({ filter: /[\\/]src[\\/]policy[\\/]resolved\.ts$/ }, () => ({
        contents: `export const policies = ${JSON.stringify(load())};`,
        loader: 'js',
      }));
    },
  };
}

/** What runs on hosts goes in as text: there is no file beside a bundle. */
const hostScripts: Plugin = {
  name: 'host-scripts',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]evidence[\\/]os[\\/]scripts\.ts$/ }, async ({ path }) => {
      const text = async (name: string) => JSON.stringify(await readFile(resolve(dirname(path), name), 'utf8'));
      return {
        contents: `export const linuxScript = ${await text('linux.sh')};\nexport const windowsScript = ${await text('windows.ps1')};`,
        loader: 'js',
      };
    });
  },
};

interface BundleRequest {
  /** Where the bundle goes; Node takes it for a module if it ends in `.mjs`. */
  outfile: string;
  policiesDir: string;
  /** Another handler than the responder's. */
  entry?: string;
  /** Off to see what {@link schemaKeys} is worth. */
  literalSchemaKeys?: boolean;
  /** Off to see that {@link slimSdk} changes nothing but the size. */
  slim?: boolean;
}

/**
 * Builds what Lambda would run.
 * @throws {UsageError} where a policy is broken.
 */
export async function buildBundle(request: BundleRequest): Promise<{ bytes: number }> {
  const policies = resolvePolicies(process.cwd(), request.policiesDir);
  const { metafile } = await build({
    ...bundleOptions,
    absWorkingDir: PROJECT,
    entryPoints: [request.entry ?? 'src/handlers/responder.ts'],
    outfile: resolve(request.outfile),
    metafile: true,
    // What it has to say is in the error that it throws.
    logLevel: 'silent',
    plugins: [
      ...(request.literalSchemaKeys === false ? [] : [schemaKeys]),
      durableClient,
      hostScripts,
      resolvedPolicies(() => policies),
      ...(request.slim === false ? [] : [...slimSdk, leftOut]),
    ],
  });
  return { bytes: Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0) };
}

interface Serverless {
  serviceDir: string;
  service: { custom: { policies: string } };
}

/** What serverless-esbuild asks the module in `custom.esbuild.config` for. */
function serverlessOptions({ serviceDir, service }: Serverless) {
  return {
    ...bundleOptions,
    outputFileExtension: '.mjs',
    // The SDK too: one that is left to Lambda's own copy loads about three times slower.
    exclude: [],
    // Kept for rebuilding, a build that failed would never let the process end.
    skipRebuild: true,
    plugins: [
      schemaKeys,
      durableClient,
      hostScripts,
      resolvedPolicies(() => resolvePolicies(serviceDir, service.custom.policies)),
      ...slimSdk,
      leftOut,
    ],
  };
}

// The plugin requires this module and calls what it gets.
export { serverlessOptions as 'module.exports' };
