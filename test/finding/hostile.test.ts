/** Whatever comes in: understood within its form, or refused in one visible line; never about somebody else's instance. */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { evidencePrefix } from '../../src/evidence/manifest.ts';
import { answerText, parseAnswer } from '../../src/finding/answer.ts';
import { isIncidentId, parseApiRequest } from '../../src/finding/api-request.ts';
import { FindingError, type Target } from '../../src/finding/finding.ts';
import { visible } from '../../src/finding/names.ts';
import { parseFinding, type ParseOptions } from '../../src/finding/parse.ts';
import { parseReleaseRequest } from '../../src/finding/release-request.ts';
import { findingRequest } from '../../src/finding/request.ts';
import { readEvent } from '../events/events.ts';
import { changed, changes, hostileId, hostileText, hostileValue, seeded, UNSEEN } from '../support/hostile.ts';

const OURS = '111122223333';
const HOME = { account: OURS, region: 'eu-west-1' };

/** What a parser answers, or null where it refuses as it should. */
function understood<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof FindingError)) throw error;
    expect(error.message).not.toBe('');
    expect(error.message).not.toMatch(/\n/);
    expect(error.message).not.toMatch(UNSEEN);
    // A document is not quoted as a whole.
    expect(error.message.length).toBeLessThan(1_500);
    return null;
  }
}

function expectTarget({ account, region, instanceId }: Target): void {
  expect(account).toMatch(/^\d{12}$/);
  expect(region).toMatch(/^[a-z]{2,4}(-[a-z]+){1,3}-\d{1,2}$/);
  expect(instanceId).toMatch(/^i-([0-9a-f]{8}|[0-9a-f]{17})$/);
  const key = evidencePrefix({ account, region, instanceId }, 'inc-0123456789abcdef');
  expect(key).toMatch(/^evidence\/\d{12}\/[a-z0-9-]+\/i-[0-9a-f]+\/inc-0123456789abcdef\/$/);
}

function expectVouchedFor(input: unknown, vouching: string | undefined, options: ParseOptions): void {
  const finding = understood(() => parseFinding(input, options));
  if (finding === null) return;
  for (const target of finding.targets) {
    expectTarget(target);
    expect(target.account).toBe(vouching);
  }
  for (const { reason } of finding.refused) expect(reason).not.toMatch(UNSEEN);
  if (finding.targets.length === 0 && finding.refused.length === 0) expect(finding.noTarget).toBeTruthy();
}

const documents = fc
  .constantFrom(
    'guardduty/instance',
    'guardduty/sample',
    'guardduty/eks-runtime-node',
    'guardduty/access-key-caller',
    'guardduty/attack-sequence-tagged',
    'guardduty/attack-sequence-across-accounts',
    'guardduty/attack-sequence-strange-member',
    'guardduty/credential-exfiltration',
    'guardduty/malware-instance',
    'guardduty/get-findings-answer',
    'inspector/package-critical-exploit',
    'inspector/network-internet',
    'inspector/list-findings-answer-pascal',
  )
  .map(readEvent);

test('events: targets are of the account of the envelope, and of nobody else', () => {
  fc.assert(
    fc.property(documents, changes, (document, given) => {
      const event = changed(document, given) as { account?: string; detail?: unknown };
      // Without its envelope it is believed as the caller says.
      const bare = event?.detail === undefined;
      expectVouchedFor(event, bare ? OURS : event.account, HOME);
    }),
    seeded(500),
  );
});

test('events: without a word for whom to believe, a target still has the form of one', () => {
  fc.assert(
    fc.property(documents, changes, (document, given) => {
      const finding = understood(() => parseFinding(changed(document, given), { administrators: [OURS] }));
      for (const target of finding?.targets ?? []) expectTarget(target);
    }),
    seeded(500),
  );
});

const requestKeys = ['instance_id', 'instanceId', 'account', 'region', 'reason', 'dryRun', 'force', 'finding_id', 'by'];
const key = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...requestKeys) }, { weight: 1, arbitrary: hostileText });
const sound: Record<string, unknown> = { instance_id: 'i-0123456789abcdef0', account: OURS, region: 'eu-west-1' };

/** Requests in which some values are as they should be, so that not all end at the first look. */
const request = fc
  .array(fc.tuple(key, fc.boolean(), hostileValue), { maxLength: 5 })
  .map((entries) =>
    Object.fromEntries(entries.map(([name, fine, value]) => [name, fine ? (sound[name] ?? value) : value])),
  );

test("manual requests: the caller's account only", () => {
  fc.assert(
    fc.property(request, (input) => expectVouchedFor({ instance_id: sound['instance_id'], ...input }, OURS, HOME)),
    seeded(1_000),
  );
});

test('requests by finding id: only what is a part of a name of AWS', () => {
  fc.assert(
    fc.property(request, (input) => {
      const asked = understood(() => findingRequest(input));
      if (asked === null) return;
      expect(asked.findingId).toMatch(/^[A-Za-z0-9-]+$/);
      expect(asked.region ?? 'eu-west-1').toMatch(/^[a-z0-9-]+$/);
    }),
    seeded(1_000),
  );
});

test('release requests: an incident or a target, each within its form, and a reason', () => {
  const named = fc.record({ incident_id: fc.oneof(hostileId, hostileText) }, { requiredKeys: [] });
  fc.assert(
    fc.property(request, named, fc.boolean(), (input, incident, reasonable) => {
      const whole = { ...input, ...incident, ...(reasonable ? { reason: 'a test' } : {}) };
      const asked = understood(() => parseReleaseRequest(whole, HOME));
      if (asked === null) return;
      expect(asked.reason).toMatch(/[\p{L}\p{N}]/u);
      if ('target' in asked.which) expectTarget(asked.which.target);
      else expect(asked.which.incidentId).toMatch(/^[\w.-]{1,100}$/);
    }),
    seeded(1_000),
  );
});

test('bodies of API requests: a request or one line', () => {
  const body = fc.oneof(
    fc.string({ unit: 'binary' }),
    request.map((input) => JSON.stringify(input)),
    fc.constantFrom('[', '{"__proto__":{"instance_id":"i-0123456789abcdef0"}}', '['.repeat(20_000)),
  );
  fc.assert(
    fc.property(body, (text) => {
      const asked = understood(() => parseApiRequest(text));
      if (asked) expectTarget({ account: OURS, region: asked.region ?? 'eu-west-1', instanceId: asked.instance_id });
    }),
    seeded(1_000),
  );
});

test('ids of incidents: none leaves its place in a path or in the ledger', () => {
  fc.assert(
    fc.property(
      fc.oneof(hostileId, hostileText),
      fc.constantFrom('', 'inc-', 'inc-0123456789abcdef'),
      (text, before) => {
        if (isIncidentId(before + text)) expect(before + text).toMatch(/^inc-[0-9a-f]{16}$/);
        expect(isIncidentId(`inc-0123456789abcdef${text}`)).toBe(text === '');
      },
    ),
    seeded(500),
  );
});

test("answers to a request for approval: a person's decision, or none", () => {
  const answer = fc.record(
    { decision: fc.oneof(fc.constantFrom('approve', 'deny'), hostileValue), by: hostileValue, reason: hostileValue },
    { requiredKeys: [] },
  );
  const given = fc.oneof(
    hostileValue,
    answer,
    answer.map((one) => JSON.stringify(one)),
  );
  fc.assert(
    fc.property(given, (one) => {
      const read = parseAnswer(one);
      if (read.decision === 'none') return;
      expect(['approve', 'deny']).toContain(read.decision);
      expect(parseAnswer(answerText(read))).toEqual(read);
      expect([read.by.length > 0, read.reason.length > 0]).toEqual([true, true]);
    }),
    seeded(1_000),
  );
});

test('what is made visible is seen, and says the same as JSON', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      expect(visible(text).replaceAll('\t', '')).not.toMatch(UNSEEN);
      expect(JSON.parse(visible(JSON.stringify({ text })))).toEqual({ text });
    }),
    seeded(500),
  );
});
