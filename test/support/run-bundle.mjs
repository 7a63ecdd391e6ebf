// Runs one invocation of a bundle as Lambda does. argv: bundle, file with { event, context }, file for the answer.
import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

const [, , bundle, input, output] = process.argv;
const { handler } = await import(pathToFileURL(bundle).href);
const { event, context } = JSON.parse(await readFile(input, 'utf8'));
const answer = await handler(event, { ...context, getRemainingTimeInMillis: () => 60_000 });
await writeFile(output, JSON.stringify(answer));
