/** Where a lab helper finds its AWS, and how it makes SDK clients for it. */

export interface Place {
  endpoint: string;
  /** Default: us-east-1. */
  region?: string;
}

export const DEFAULT_REGION = 'us-east-1';

/** The local AWS checks no signature, but the SDK insists on signing. */
export function labConfig({ endpoint, region = DEFAULT_REGION }: Place) {
  return { endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
}

export function tagList(tags: Record<string, string>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** The value, or an error that names what AWS did not answer. */
export function required<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Error(`the local AWS answered without ${what}`);
  return value;
}
