/** Jest's globalSetup: one local AWS for the whole run. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalAws } from '../../src/lab/local-aws.ts';
import { SHARED_FOLDER_VARIABLE } from './shared-folder.ts';

export default async function globalSetup(): Promise<void> {
  const aws = await startLocalAws();
  // Commands that tests start as processes compile the same libraries over and over: half of their time.
  const folder = mkdtempSync(join(tmpdir(), 'secresponse-tests-'));
  // Workers get all of it with the environment.
  process.env['NODE_COMPILE_CACHE'] = join(folder, 'compiled');
  process.env[SHARED_FOLDER_VARIABLE] = folder;
  process.env['SECRESPONSE_TEST_ENDPOINT'] = aws.endpoint;
  Object.assign(globalThis, { secresponseLocalAws: aws, secresponseFolder: folder });
}
