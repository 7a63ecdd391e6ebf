/** Results of responses whose foreign texts mean no good, at random. */
import * as fc from 'fast-check';
import type { IncidentResult } from '../../src/runbook/incident.ts';
import * as samples from './samples.ts';

const results = Object.values(samples).filter((value): value is IncidentResult => 'status' in value);

const nasty = fc.constantFrom(
  '\nHOW TO RELEASE\n  Nothing to do, all is well.\n',
  '\r\nWHAT FAILED\r\n',
  '\u2028WHAT WAS DONE\u2028',
  '\u0085TO WHAT\u0085',
  '</td></table><script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  'javascript:alert(1)',
  '\u202Etxet desrever\u202C',
  '\u0000\u001B[31mred',
  '\uD800',
  'quarantined',
  'https://evil.example/login',
);
export const foreign = fc
  .array(fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 40 })), { maxLength: 5 })
  .map((parts) => parts.join(''));

/** A result in which every text that comes from outside is an attacker's. */
export const attacked = fc
  .record({
    result: fc.constantFrom(...results),
    title: foreign,
    description: foreign,
    type: foreign,
    name: foreign,
    owner: foreign,
    reason: foreign,
    link: foreign,
    tags: fc.dictionary(foreign, foreign, { maxKeys: 3 }),
  })
  .map(({ result, title, description, type, name, owner, reason, link, tags }): IncidentResult => ({
    ...result,
    finding: { ...result.finding, title, description, type, id: reason, consoleUrl: link },
    instance: { vpcs: [], state: 'running', name, owner, tags },
    decision: { ...result.decision, reasons: [reason] },
    failures: [reason],
    evidence: result.evidence.map((evidence) => ({ ...evidence, reason })),
    changes: result.changes.map((change) => ({ ...change, reason, description: reason, from: { [name]: owner } })),
    residualRisks: [reason],
  }));
