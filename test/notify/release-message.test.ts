/** What people and machines read about a release. */
import { expect, test } from '@jest/globals';
import { MAX_BYTES } from '../../src/notify/message.ts';
import { releaseMessage } from '../../src/notify/release-message.ts';
import type { ReleaseResult } from '../../src/runbook/release-result.ts';
import { expectFile } from './expected.ts';

const prefix = 'evidence/111122223333/eu-west-1/i-0123456789abcdef0/inc-5f0c2a9b7d3e4f10/';
const released: ReleaseResult = {
  incidentId: 'inc-5f0c2a9b7d3e4f10',
  status: 'released',
  target: { account: '111122223333', region: 'eu-west-1', instanceId: 'i-0123456789abcdef0' },
  name: 'web-7',
  reason: 'false alarm: a penetration test that nobody had announced',
  by: 'arn:aws:sts::111122223333:assumed-role/Responder/mia',
  at: '2026-11-20T12:00:00.000Z',
  changes: [
    {
      action: 'quarantine-network',
      status: 'done',
      reason: 'eni-0b1b2c3d4e5f60719 is left in sg-0bbbbbbbbbbbbbbb1: somebody has changed its groups since',
      from: {},
      to: {},
      verified: true,
      description:
        'network interfaces: eni-0a1b2c3d4e5f60718: sg-0q → sg-0aaaaaaaaaaaaaaa1; eni-0b1b2c3d4e5f60719: sg-0b → sg-0b',
      at: '2026-11-20T12:00:01.000Z',
    },
    {
      action: 'instance-profile',
      status: 'done',
      from: { profiles: [] },
      to: { profiles: ['arn:aws:iam::111122223333:instance-profile/web-server'] },
      verified: true,
      description: 'instance profile: none → web-server',
      at: '2026-11-20T12:00:02.000Z',
    },
    {
      action: 'termination-protection',
      status: 'skipped',
      reason: 'it is so already',
      from: { enabled: false },
      to: { enabled: false },
      verified: true,
      description: 'termination protection: off → off',
    },
  ],
  failures: [],
  notification: { status: 'skipped', reason: '' },
  evidencePrefix: prefix,
  vault: 'secresponse-vault',
  records: [{ key: `${prefix}release.json`, sha256: 'a'.repeat(64), bytes: 9, collector: 'release', takenAt: '' }],
  manifest: { key: `${prefix}manifest.2.json`, sha256: 'b'.repeat(64) },
};
const [network, profile, protection] = released.changes as [Change, Change, Change];
type Change = ReleaseResult['changes'][number];
const incomplete: ReleaseResult = {
  ...released,
  status: 'incomplete',
  by: null,
  changes: [
    network,
    { ...profile, status: 'failed', reason: 'UnauthorizedOperation: iam:PassRole', verified: false },
    protection,
  ],
  failures: ['the record (release.json) could not be stored: AccessDenied'],
};

test.each(Object.entries({ released, incomplete }))('%s: the whole e-mail', (name, result) => {
  const { subject, text } = releaseMessage(result);
  expectFile(`release-${name}.txt`, `Subject: ${subject}\n\n${text}`);
});

test('the subject says first how it ended', () => {
  expect(releaseMessage(released).subject).toBe('[RELEASED] i-0123456789abcdef0 111122223333 eu-west-1');
  expect(releaseMessage(incomplete).subject).toMatch(/^\[RELEASE INCOMPLETE, 2 failures\] i-0123456789abcdef0/);
});

test('foreign text stays on lines of its own and is made visible', () => {
  const { text } = releaseMessage({ ...released, reason: 'fine\n\nWHAT FAILED\nNothing.\u202E', by: 'm\u200Bia' });
  expect(text.match(/^WHAT FAILED$/gm)).toHaveLength(1);
  expect(text).toContain('> fine WHAT FAILED Nothing.');
  expect(text).toContain('> mia');
});

test.each(['"', '\u{1F512}', '漢'])('fits when every text is as long as can be, of %s', (part) => {
  const long = part.repeat(3_000);
  const change = { ...network, description: long, reason: long, from: { [long]: long }, to: [long] };
  const { subject, message, attributes } = releaseMessage({
    ...incomplete,
    reason: long,
    by: long,
    name: long,
    vault: long,
    changes: Array.from({ length: 60 }, () => change),
    failures: Array.from({ length: 60 }, () => long),
  });
  expect(new TextEncoder().encode(message + JSON.stringify(attributes) + subject).length).toBeLessThan(MAX_BYTES);
  expect(subject.length).toBeLessThan(100);
});
