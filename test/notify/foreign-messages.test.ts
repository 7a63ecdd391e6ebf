/** The other messages: digest, drift, release and decision stay in form, whatever foreign text is in them. */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { decisionMessage } from '../../src/notify/decision-message.ts';
import { digestEntry, digestMessage } from '../../src/notify/digest.ts';
import { driftMessage } from '../../src/notify/drift-message.ts';
import { hostileText, seeded, UNSEEN } from '../support/hostile.ts';
import { attacked } from './attacked.ts';

const target = { account: '111122223333', region: 'eu-west-1', instanceId: 'i-0123456789abcdef0' };
const SUBJECT = /^[\x21-\x7e][\x20-\x7e]{0,98}$/;
const column = (text: string): string[] => text.split('\n').filter((line) => /^\S/.test(line));

function expectInForm(message: {
  subject: string;
  text: string;
  message: string;
  attributes: Record<string, string>;
}): void {
  expect(message.subject).toMatch(SUBJECT);
  expect(message.text).not.toMatch(UNSEEN);
  expect(JSON.stringify(message.attributes)).not.toMatch(UNSEEN);
  const parts = JSON.parse(message.message) as Record<string, string>;
  for (const part of Object.values(parts)) expect(part).not.toMatch(UNSEEN);
  expect(new TextEncoder().encode(message.message).length).toBeLessThan(262_144);
}

const link = fc.oneof(
  hostileText.map((text) => `https://eu-west-1.console.aws.amazon.com/${text}`),
  fc.constantFrom('javascript:alert(1)', 'https://eu-west-1.console.aws.amazon.com/guardduty\nHOW TO GO ON\n'),
);

test('a digest: a line each, and links of one line', () => {
  const entry = (text: string, consoleUrl: string) =>
    digestEntry({ findingId: text, type: text, severity: text, title: text, ...target, at: text, consoleUrl });
  fc.assert(
    fc.property(hostileText, link, (text, url) => {
      const message = digestMessage([entry(text, url)], 'enforce');
      expectInForm(message);
      const harmless = digestMessage([entry('a', '')], 'enforce').text.replace('- a a,', '- ');
      const ours = column(message.text).map((line) => (line.startsWith('- ') ? '- ' : line));
      expect(ours).toEqual(column(harmless).map((line) => (line.startsWith('- ') ? '- ' : line)));
      expect(message.text).not.toContain('javascript:alert(1)\n');
    }),
    seeded(100),
  );
});

test('a drift', () => {
  const message = (text: string) =>
    driftMessage({
      incidentId: text,
      target,
      at: '2026-11-20T10:00:00.000Z',
      contained: false,
      drift: [{ action: text, description: text }],
      unread: [{ action: text, error: text }],
    });
  fc.assert(
    fc.property(hostileText, (text) => {
      expectInForm(message(text));
      expect(column(message(text).text)).toEqual(column(message('a').text));
    }),
    seeded(100),
  );
});

test('a decision', () => {
  fc.assert(
    fc.property(attacked, hostileText, (result, text) => {
      const approval = {
        heldBy: 'rule',
        because: text,
        state: 'denied',
        by: text,
        reason: text,
        decidedAt: text,
      } as const;
      expectInForm(decisionMessage({ ...result, approval }));
      const plain = { ...approval, because: 'a', by: 'a', reason: 'a' };
      const harmless = decisionMessage({ ...result, failures: ['a'], approval: plain });
      expect(column(decisionMessage({ ...result, failures: [text], approval }).text)).toEqual(column(harmless.text));
    }),
    seeded(100),
  );
});
