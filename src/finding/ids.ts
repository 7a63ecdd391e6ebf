/** What AWS's own names look like, and what follows from a Region's name. */
import * as z from 'zod/mini';

/** What a text must look like, and how an error message says it. */
export type Form = readonly [form: RegExp, expectation: string];

export const ACCOUNT: Form = [/^\d{12}$/, 'an account id of 12 digits'];
export const REGION: Form = [/^[a-z]{2,4}(-[a-z]+){1,3}-\d{1,2}$/, 'a Region such as us-east-1'];
export const INSTANCE: Form = [/^i-([0-9a-f]{8}|[0-9a-f]{17})$/, 'an instance id: "i-" and 8 or 17 hexadecimal digits'];

/** A text of a given form; the expectation is what the error message says. */
export function textLike(...[form, expectation]: Form): z.ZodMiniString {
  return z.string({ error: expectation }).check(z.regex(form, { error: expectation }));
}

/** What is only shown, or read again: strange, it counts as absent. */
export function lenient<Schema extends z.ZodMiniType>(schema: Schema) {
  // oxlint-disable-next-line promise/valid-params -- a schema, no promise
  return z.catch(z.nullish(schema), undefined);
}

export const accountId = textLike(...ACCOUNT);
export const regionName = textLike(...REGION);
export const instanceId = textLike(...INSTANCE);

export function isAccountId(text: string): boolean {
  return ACCOUNT[0].test(text);
}

const INSTANCE_ARN = /^arn:[^:]*:ec2:([^:]*):([^:]*):instance\/(.*)$/;

/** An instance named by its ARN or by its bare id; nothing is checked yet. */
export function instancePlace(uid: unknown): { instanceId: unknown; account?: string; region?: string } {
  const match = typeof uid === 'string' ? INSTANCE_ARN.exec(uid) : null;
  if (match === null) return { instanceId: uid };
  const [, region, account, id] = match;
  return { instanceId: id, ...(account ? { account } : {}), ...(region ? { region } : {}) };
}

/** Console hosts by the beginning of the Region's name, most specific first; null: a partition without a public console. */
const CONSOLES: readonly (readonly [prefix: string, host: string | null])[] = [
  ['cn-', 'console.amazonaws.cn'],
  ['us-gov-', 'console.amazonaws-us-gov.com'],
  ['us-iso', null],
  ['eu-iso', null],
  ['eusc-', 'console.amazonaws-eusc.eu'],
  ['', 'console.aws.amazon.com'],
];

/** Host of the AWS console that shows this Region. */
export function consoleHost(region: string): string | null {
  return CONSOLES.find(([prefix]) => region.startsWith(prefix))?.[1] ?? null;
}
