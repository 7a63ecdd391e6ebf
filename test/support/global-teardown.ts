/** Jest's globalTeardown: ends what global-setup.ts started. */
import { rmSync } from 'node:fs';
import type { LocalAws } from '../../src/lab/local-aws.ts';

interface Started {
  secresponseLocalAws?: LocalAws;
  secresponseCache?: string;
}

export default async function globalTeardown(): Promise<void> {
  const { secresponseLocalAws: aws, secresponseCache: cache } = globalThis as Started;
  await aws?.stop();
  if (cache) rmSync(cache, { recursive: true, force: true });
}
