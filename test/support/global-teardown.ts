/** Jest's globalTeardown: ends what global-setup.ts started. */
import { rmSync } from 'node:fs';
import type { LocalAws } from '../../src/lab/local-aws.ts';

interface Started {
  secresponseLocalAws?: LocalAws;
  secresponseFolder?: string;
}

export default async function globalTeardown(): Promise<void> {
  const { secresponseLocalAws: aws, secresponseFolder: folder } = globalThis as Started;
  await aws?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
}
