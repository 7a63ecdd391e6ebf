/** Jest's globalTeardown: ends what global-setup.ts started. */
import type { LocalAws } from '../../src/lab/local-aws.ts';

export default async function globalTeardown(): Promise<void> {
  await (globalThis as { secresponseLocalAws?: LocalAws }).secresponseLocalAws?.stop();
}
