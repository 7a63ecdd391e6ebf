/** Who denies sessions, by the environment and by where the code runs. */
import { expect, test } from '@jest/globals';
import { readSettings } from '../../src/handlers/settings.ts';

const env = {
  EVIDENCE_BUCKET: 'vault',
  NOTIFICATION_TOPIC_ARN: 'arn:aws:sns:eu-central-1:111122223333:topic',
  INCIDENT_TABLE: 'ledger',
  AWS_REGION: 'eu-central-1',
};

test.each<[string, string | undefined, 'direct' | 'off' | undefined, object]>([
  ['a function that is named', 'session-denier', undefined, { kind: 'function', name: 'session-denier' }],
  ['a function that is named, in the stack', 'session-denier', 'off', { kind: 'function', name: 'session-denier' }],
  ["a person's command itself", undefined, undefined, { kind: 'direct' }],
  ['nobody in a stack without the function', undefined, 'off', { kind: 'off' }],
  ['nobody in a stack where the name is empty', '', 'off', { kind: 'off' }],
])('%s', (_who, name, unset, sessions) => {
  const given = name === undefined ? env : { ...env, SESSION_DENIER_FUNCTION: name };
  expect(readSettings(given, unset).places.sessions).toEqual(sessions);
});
