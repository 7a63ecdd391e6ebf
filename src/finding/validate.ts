/** Checks a piece of an event against its schema; what is wrong becomes a FindingError with the place in the event. */
import * as z from 'zod/mini';
import { FindingError } from './finding.ts';
import { show } from './names.ts';

/** Turns the place inside the piece into the place inside the event, as the sender wrote it. */
export type PathOf = (segments: readonly PropertyKey[]) => string;

export const plainPath: PathOf = (segments) => segments.map(String).join('.');

/** Schemas state what they expect as their error text: `a number from 0 to 10`. */
export function validate<Output>(schema: z.ZodMiniType<Output>, input: unknown, pathOf: PathOf): Output {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue === undefined) throw new FindingError('', 'not understood');
  throw new FindingError(pathOf(issue.path), `expected ${issue.message}, found ${show(valueAt(input, issue.path))}`);
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = input;
  for (const segment of path) value = isObject(value) || Array.isArray(value) ? Reflect.get(value, segment) : undefined;
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
