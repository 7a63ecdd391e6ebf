/** Jest's globalSetup: one local AWS for the whole run. */
import { startLocalAws } from '../../src/lab/local-aws.ts';

export default async function globalSetup(): Promise<void> {
  const aws = await startLocalAws();
  // Workers get it with the environment.
  process.env['SECRESPONSE_TEST_ENDPOINT'] = aws.endpoint;
  (globalThis as { secresponseLocalAws?: unknown }).secresponseLocalAws = aws;
}
