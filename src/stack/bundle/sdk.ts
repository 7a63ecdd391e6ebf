/**
 * Plugins that keep out of a Lambda's bundle what the AWS SDK brings and no Lambda uses. Each leans on how the SDK is
 * written today: {@link leftOut} fails the build where one of them no longer applies.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { errorClasses } from './errors.ts';

/** What is made up here: its path in a metafile begins with it. */
export const NAMESPACE = 'bundle';

const SOURCES = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/**
 * The SDK describes its whole service as data in `schemas_*.js`, with computed keys: `{ [_xN]: _m }` and `const _xN = "xmlName"`.
 * esbuild keeps what has a computed key, used or not: 539 KiB of EC2 for a single command. With literal keys it keeps
 * what the commands in use need: 21 KiB.
 */
export const schemaKeys: Plugin = {
  name: 'schema-keys',
  setup(build) {
    build.onLoad({ filter: /@aws-sdk[\\/].+[\\/]dist-es[\\/].*schemas_[^\\/]*\.js$/ }, async ({ path }) => ({
      contents: literalKeys(await readFile(path, 'utf8')),
      loader: 'js',
    }));
  },
};

function literalKeys(source: string): string {
  const texts = new Map<string, string>();
  for (const [, name = '', text = ''] of source.matchAll(/^const (_\w+) = ("[^"\\]*");$/gm)) texts.set(name, text);
  return source.replaceAll(/\[(_\w+)\]:/g, (key, name: string) => (texts.has(name) ? `${texts.get(name)}:` : key));
}

/**
 * The durable SDK asks for the whole module of the Lambda client. It uses three names of it (lambda-module.d.ts there): with
 * these alone the bundle is some 90 KiB smaller.
 */
export const durableClient: Plugin = {
  name: 'durable-client',
  setup(build) {
    build.onResolve({ filter: /^@aws-sdk\/client-lambda$/ }, ({ importer }) =>
      /[\\/]durable-execution-sdk-js[\\/]/.test(importer) ? { path: 'client-lambda', namespace: NAMESPACE } : null,
    );
    build.onLoad({ filter: /^client-lambda$/, namespace: NAMESPACE }, () => ({
      contents:
        "export { LambdaClient, CheckpointDurableExecutionCommand, GetDurableExecutionStateCommand } from '@aws-sdk/client-lambda';",
      loader: 'js',
      resolveDir: SOURCES,
    }));
  },
};

/**
 * What is loaded by `import()` cannot be shaken by esbuild, nor can anything that it imports, which is most of the SDK: a
 * single one can cost 100 KiB and more. Here they are imported as everything else is; who awaits them sees no difference.
 * In the sources they stay: there a command shall not wait for what it does not use.
 */
const staticImports: Plugin = {
  name: 'static-imports',
  setup(build) {
    const filter = /[\\/]durable-execution-sdk-js[\\/]dist[\\/]index\.mjs$|\.ts$/;
    build.onLoad({ filter }, async ({ path }) => {
      if (path.endsWith('.ts') && !path.startsWith(SOURCES)) return null;
      const source = await readFile(path, 'utf8');
      const imports: string[] = [];
      const contents = source.replaceAll(
        /(await|=) import\((["'][^"'\n]+["'])\)/g,
        (_, before: string, name: string) => {
          const module = `__module${imports.length}`;
          imports.push(`import * as ${module} from ${name};`);
          return `${before} Promise.resolve(${module})`;
        },
      );
      if (imports.length === 0) return null;
      return { contents: `${imports.join(' ')} ${contents}`, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};

/**
 * Credentials as Lambda gives them. The SDK's own chain goes on to files, single sign-on, processes and tokens, with a
 * client for each: some 90 KiB.
 */
const CREDENTIALS = `
import { fromEnv } from '@aws-sdk/credential-provider-env';
import { fromHttp } from '@aws-sdk/credential-provider-http';
import { CredentialsProviderError, chain, memoize } from '@smithy/core/config';

const CONTAINER = ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'];
const MARGIN_MS = 300_000;

const fromContainer = (init) => async () => {
  if (CONTAINER.some((name) => process.env[name])) return fromHttp(init)();
  throw new CredentialsProviderError(
    'no credentials: this bundle takes them from the environment, as Lambda sets it (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ' +
      CONTAINER.join(' or ') + '), and from nowhere else',
    { logger: init.logger },
  );
};

export const defaultProvider = (init = {}) =>
  memoize(
    chain(fromEnv(init), fromContainer(init)),
    ({ expiration }) => expiration.getTime() - Date.now() < MARGIN_MS,
    ({ expiration }) => expiration !== undefined,
  );
`;

const lambdaCredentials: Plugin = {
  name: 'lambda-credentials',
  setup(build) {
    build.onResolve(
      { filter: /^@aws-sdk\/credential-provider-node$/ },
      async ({ path, resolveDir, kind, pluginData }) => {
        if (pluginData === NAMESPACE) return null;
        // The providers are its own dependencies, not ours.
        const whole = await build.resolve(path, { resolveDir, kind, pluginData: NAMESPACE });
        return { path: 'credentials', namespace: NAMESPACE, pluginData: dirname(whole.path) };
      },
    );
    build.onLoad({ filter: /^credentials$/, namespace: NAMESPACE }, ({ pluginData }) => ({
      contents: CREDENTIALS,
      loader: 'js',
      resolveDir: pluginData as string,
    }));
  },
};

/** Each client names its version in the user agent, and brings its whole package.json for it. */
const clientVersions: Plugin = {
  name: 'client-versions',
  setup(build) {
    build.onLoad({ filter: /@aws-sdk[\\/][^\\/]+[\\/]package\.json$/ }, async ({ path }) => {
      const { name, version } = JSON.parse(await readFile(path, 'utf8')) as { name: string; version: string };
      return { contents: JSON.stringify({ name, version }), loader: 'json' };
    });
  },
};

/** Loaded by the SDK where an operation has an event stream: none in use has. */
const noEventStreams: Plugin = {
  name: 'no-event-streams',
  setup(build) {
    build.onResolve({ filter: /^@smithy\/core\/event-streams$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: 'event-streams', namespace: NAMESPACE } : null,
    );
    build.onLoad({ filter: /^event-streams$/, namespace: NAMESPACE }, () => ({
      contents: `
export class EventStreamSerde {
  constructor() {
    throw new Error('this bundle was built without event streams');
  }
}
export const eventStreamSerdeProvider = () => ({});`,
      loader: 'js',
    }));
  },
};

/** Left off only to see what they are worth and that they change nothing. */
export const slimSdk: readonly Plugin[] = [
  staticImports,
  lambdaCredentials,
  clientVersions,
  noEventStreams,
  errorClasses,
];
