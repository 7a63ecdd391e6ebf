/**
 * How long each step may last at most, by the limits that it sets: everything in it takes as long as it may, and what is tried
 * again is. Keyed by its place in the source, so that a step that is added is missed here.
 */
import type { Budgets } from '../../src/runbook/budgets.ts';
import { hostTimeMs } from '../../src/runbook/host.ts';

/** What a policy may set; both in seconds. */
export interface Settings {
  budgetSeconds: number;
  dwellSeconds: number;
}

/** A change that is refused while the instance starts or stops: as long as patience lasts, its last look, and the tries after it. */
const looks = (b: Budgets): number => b.settleMs + b.readMs + b.verifyAttempts * (b.verifyPauseMs + b.writeMs);

/** One undo of a release. A try of it: renewing the claim, the write, and a reading. */
function undo(b: Budgets): number {
  const tried = b.verifyPauseMs + b.claimMs + b.writeMs + b.readMs;
  return b.claimMs + b.settleMs + 2 * b.readMs + b.verifyAttempts * tried;
}

const pauses = ({ notifyAttempts, verifyPauseMs }: Budgets): number =>
  Array.from({ length: notifyAttempts - 1 }, (_, index) => (index + 2) * verifyPauseMs).reduce((a, c) => a + c, 0);

export function longestSteps(b: Budgets, { budgetSeconds, dwellSeconds }: Settings): Record<string, number> {
  // The question whether the incident is still this run's comes before each.
  const change = b.claimMs + b.writeMs;
  const admission = b.readMs + b.claimMs + (b.claimMs + b.readMs) + b.claimMs;
  const beside = Math.max(b.recordMs, b.preserveMs, b.writeMs);
  return {
    // What is only written to the log takes no time.
    "handlers/release.ts 'outside'": 0,
    "runbook/canary.ts 'canary'": 0,

    'runbook/claim.ts look === 0 ? name : `${name}-${look + 1}`': b.claimMs,
    'runbook/rehearse.ts name': b.readMs,
    "runbook/look-up.ts 'look-up'": b.readMs,
    "runbook/runbook.ts 'lower'": b.claimMs,
    "runbook/runbook.ts 'hold'": b.claimMs,
    "runbook/admit.ts 'admit'": admission,
    "runbook/admit.ts 'admit-evidence'": b.claimMs,
    'runbook/preserve.ts collector.name': b.collectorMs,

    // The group for the time of the collection is made twice at most, and the limits are waited for beside.
    "runbook/network.ts 'prepare'": b.readMs + Math.max(beside, admission, Math.max(b.agentMs, b.writeMs) + b.writeMs),
    'runbook/network.ts name': change,
    'runbook/host.ts osTriage.name': b.claimMs + b.readMs + hostTimeMs(budgetSeconds, b) + b.collectorMs,
    "runbook/network.ts 'cut-flows'": b.claimMs + b.readMs + (2 / 3) * b.writeMs + dwellSeconds * 1000 + 2 * b.writeMs,
    // The last resort is to take the rules of a group away.
    "runbook/network.ts 'verify'": looks(b) + b.readMs + change,
    'runbook/contain.ts `plan-${name}`': b.readMs + beside,
    "runbook/beside.ts 'plan-late'": b.readMs + beside,
    'runbook/beside.ts `${action.name}-meanwhile`': change,
    'runbook/beside.ts action.name': change + looks(b),

    "runbook/runbook.ts 'still-held'": b.claimMs,
    "runbook/runbook.ts 'forget'": b.claimMs,
    "runbook/runbook.ts 'look-again'": b.readMs,
    "runbook/approval.ts 'ask'": b.closeMs,
    "runbook/approval.ts 'decide'": b.closeMs,
    "runbook/approval.ts 'settle'": b.closeMs,
    "runbook/close.ts 'manifest'": b.closeMs,
    "runbook/close.ts 'report'": b.closeMs,
    "runbook/close.ts 'notification-text'": b.closeMs,
    "runbook/close.ts 'notify'": b.notifyAttempts * b.closeMs + pauses(b),
    "runbook/close.ts 'dead-letter'": b.closeMs,
    "runbook/claim.ts 'withdraw'": b.claimMs,
    "runbook/claim.ts 'close'": b.closeMs,
    "runbook/claim.ts 'join'": b.closeMs,
    "runbook/request.ts 'answer'": b.closeMs,
    "runbook/parts.ts 'start'": b.closeMs,
    "runbook/digest.ts 'digest'": b.claimMs,
    "runbook/digest.ts 'digest-take'": b.closeMs,
    "runbook/rehearse.ts 'observe-others'": b.readMs,
    "runbook/rehearse.ts 'plan'": b.recordMs,
    "runbook/rehearse.ts 'known'": b.claimMs,
    "runbook/rehearse.ts 'park'": b.closeMs,
    // The end of the incident before, and the beginning of this one.
    'runbook/outside.ts state': 2 * b.closeMs,
    "runbook/outside.ts index === 0 ? 'closed' : `closed-${index + 1}`": b.closeMs,
    "runbook/outside.ts 'outside'": 0,
    'runbook/outside.ts name': b.closeMs,

    "runbook/drift.ts 'list'": b.closeMs,
    "runbook/drift.ts 'verify'": 2 * b.claimMs + 3 * b.readMs,
    "runbook/drift.ts 'keep'": b.claimMs,
    "runbook/drift.ts 'end'": 3 * b.closeMs,

    "runbook/release.ts looks === 1 ? 'claim' : `claim-${looks}`": b.claimMs,
    "runbook/release.ts 'look'": b.readMs,
    'runbook/release.ts action.name': undo(b),
    "runbook/release.ts 'record'": Math.max(b.closeMs, b.claimMs),
    "runbook/release.ts 'close'": 3 * b.closeMs,
  };
}

/** Of a release: from one renewal of its claim to the next, the answers included. */
export function unrenewed(b: Budgets): Record<string, number> {
  const change = b.writeMs + b.readMs + b.readMs;
  return {
    'from the claim to the first change': b.claimMs + b.readMs,
    'from one try to the next': b.claimMs + b.readMs + change + b.verifyPauseMs,
    'from the last try to the record': b.claimMs + change,
    'from the record to the end of the claim': b.claimMs + 3 * b.closeMs,
  };
}
