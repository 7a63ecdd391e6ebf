/** Jest's globalSetup: one local AWS for the whole run. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalAws } from '../../src/lab/local-aws.ts';

export default async function globalSetup(): Promise<void> {
  const aws = await startLocalAws();
  // Commands that tests start as processes compile the same libraries over and over: half of their time.
  const cache = mkdtempSync(join(tmpdir(), 'secresponse-compiled-'));
  // Workers get both with the environment.
  process.env['NODE_COMPILE_CACHE'] = cache;
  process.env['SECRESPONSE_TEST_ENDPOINT'] = aws.endpoint;
  Object.assign(globalThis, { secresponseLocalAws: aws, secresponseCache: cache });
}
