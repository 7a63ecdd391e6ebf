/** A folder for what the test files of one run share; global-teardown.ts removes it. */
export const SHARED_FOLDER_VARIABLE = 'SECRESPONSE_TEST_FOLDER';

export function sharedFolder(): string {
  const folder = process.env[SHARED_FOLDER_VARIABLE];
  if (!folder) throw new Error(`${SHARED_FOLDER_VARIABLE} is not set: run the tests with npm test`);
  return folder;
}
