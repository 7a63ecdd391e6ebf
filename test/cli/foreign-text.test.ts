/** Whatever tags, titles, errors and names hold: terminals are given nothing to obey, and no line that is not ours. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { run } from '../../src/cli/main.ts';
import { progressView } from '../../src/cli/progress.ts';
import { releaseSummary } from '../../src/cli/release-summary.ts';
import { summary } from '../../src/cli/summary.ts';
import { verifySummary } from '../../src/cli/verify-summary.ts';
import type { ReleaseResult } from '../../src/runbook/release-result.ts';
import type { Verification } from '../../src/runbook/verify.ts';
import { guardDutyEvent } from '../events/events.ts';
import { attacked } from '../notify/attacked.ts';
import { hostileText, seeded, UNSEEN } from '../support/hostile.ts';
import { scratchFolder } from '../support/scratch.ts';

const target = { account: '111122223333', region: 'eu-west-1', instanceId: 'i-0123456789abcdef0' };

/** Lines that begin in the first column, without what follows their first word. */
function column(text: string): string[] {
  return text.split('\n').flatMap((line) => /^\S+/.exec(line)?.[0] ?? []);
}

function expectVisible(text: string): void {
  expect(text).not.toMatch(UNSEEN);
}

const OURS = new Set(
  [
    'QUARANTINED COLLECTED DRY NOTIFIED IGNORED JOINED AWAITING FAILED Finding Instance Decision Incident Evidence Changes',
    'Isolation Cut Not Failed Notification',
  ].flatMap((words) => words.split(' ')),
);

test('a response', () => {
  fc.assert(
    fc.property(attacked, (result) => {
      const text = summary(result);
      expectVisible(text);
      expect(column(text).filter((word) => !OURS.has(word))).toEqual([]);
    }),
    seeded(150),
  );
});

test('a release', () => {
  const lines = (text: string) =>
    releaseSummary({
      incidentId: text,
      status: 'released',
      target,
      name: text,
      reason: text,
      by: text,
      at: '2026-11-20T10:00:00.000Z',
      changes: [
        { action: 'a', status: 'failed', reason: text, from: null, to: null, verified: false, description: text },
      ],
      failures: [text],
      notification: { status: 'failed', reason: text },
      evidencePrefix: '',
      vault: text,
      records: [{ key: text, sha256: '', bytes: 1, collector: 'release', takenAt: '' }],
    } satisfies ReleaseResult);
  fc.assert(
    fc.property(hostileText, (text) => {
      expectVisible(lines(text));
      expect(column(lines(text))).toEqual(column(lines('a')));
    }),
    seeded(150),
  );
});

test('a look at a containment', () => {
  const lines = (text: string) =>
    verifySummary({
      incidentId: text,
      target,
      at: text,
      contained: false,
      drift: [{ action: text, description: text }],
      unread: [{ action: text, error: text }],
      gone: text,
    } satisfies Verification);
  fc.assert(
    fc.property(hostileText, (text) => {
      expectVisible(lines(text));
      expect(column(lines(text))).toEqual(column(lines('a')));
    }),
    seeded(150),
  );
});

test('steps as they happen', () => {
  fc.assert(
    fc.property(hostileText, hostileText, (error, reason) => {
      let text = '';
      const view = progressView((line) => void (text += line), false);
      view.show({ name: 'verify', kind: 'done', ms: 1, result: { ok: false, error } });
      view.show({ name: 'collect', kind: 'done', ms: 1, result: { status: 'skipped', reason } });
      view.end();
      expectVisible(text);
      expect(text.split('\n')).toHaveLength(3);
    }),
    seeded(150),
  );
});

interface Written {
  code: number;
  out: string;
  err: string;
}

async function command(args: string[]): Promise<Written> {
  const answer: Written = { code: -1, out: '', err: '' };
  answer.code = await run(args, {
    out: (text) => void (answer.out += text),
    err: (text) => void (answer.err += text),
    env: {},
    cwd: process.cwd(),
  });
  return answer;
}

test('an explanation, as text and as JSON, which still says what came', async () => {
  const file = join(scratchFolder(), 'event.json');
  const explained = async (type: string, title: string, ...more: string[]) => {
    const event = guardDutyEvent('instance');
    Object.assign(event.detail, { type, title });
    writeFileSync(file, JSON.stringify(event));
    return command(['explain', file, ...more]);
  };
  const harmless = await explained('Trojan:EC2/DropPoint', 'a');
  await fc.assert(
    fc.asyncProperty(hostileText, hostileText, fc.nat(3), async (type, title, at) => {
      const whole = at === 0 ? `T${type}` : 'Trojan:EC2/DropPoint';
      const { code, out, err } = await explained(whole, title);
      expectVisible(out + err);
      // A type has a form; a title has none.
      if (code === 2) return;
      expect([code, err]).toEqual([0, '']);
      expect(column(out).filter((word) => !/^(finding|target|response|rule|because|refused)$/.test(word))).toEqual([]);
      expect(column(out).filter((word) => word === 'target')).toEqual(
        column(harmless.out).filter((word) => word === 'target'),
      );
      const json = await explained(whole, title, '--json');
      expectVisible(json.out);
      expect((JSON.parse(json.out) as { finding: { title: string } }).finding.title).toBe(title || whole);
    }),
    seeded(25),
  );
});

test('what is refused: one visible line, whatever was typed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(hostileText, { minLength: 1, maxLength: 3 }),
      fc.constantFrom('explain', 'policy', ''),
      async (args, name) => {
        const { code, err } = await command([
          ...(name === '' ? [] : [name]),
          ...args.filter((arg) => !/^(-h|--help|help)$/.test(arg)),
        ]);
        expect([0, 1, 2]).toContain(code);
        expectVisible(err.replaceAll('\t', ''));
        if (code === 2) expect(err.trimEnd().split('\n')).toHaveLength(1);
      },
    ),
    seeded(150),
  );
});
