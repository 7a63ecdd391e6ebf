/** The verdict: pure and synchronous, so that explaining, rehearsing and responding cannot differ. */
import type { Finding, Target, TargetFacts } from '../finding/finding.ts';
import { whenHolds } from './conditions.ts';
import type { ApprovalAsked, Approved, Decision, Response } from './decision.ts';
import { rank } from './decision.ts';
import { findTag } from './globs.ts';
import type { Policy } from './policy.ts';

export interface DecideInput {
  policy: Policy;
  finding: Finding;
  target: Target;
  /** From the event at first; from observation afterwards. */
  facts: TargetFacts;
  /** `observe` lets nothing be done but a manual request; unset or `enforce`: the policy's own mode counts. */
  modeCeiling?: 'observe' | 'enforce';
  /** A rehearsal was asked for, whatever the finding. */
  dryRun?: boolean;
  /** A person has approved what this finding was held back for. */
  approved?: Approved;
}

/** What a step of the decision contributes. */
interface Verdict {
  response: Response;
  rule: string;
  reasons: string[];
  undecided: string[];
  approval?: ApprovalAsked;
}

/** The most that may be done to what is protected. */
const CAP: Response = 'collect';

export function decide(input: DecideInput): Decision {
  const matched = input.finding.archived ? archived(input.finding) : matchRules(input);
  const { response, rule, reasons, undecided, approval } = askFirst(applyProtection(matched, input), input);
  const whyDry = dryRunReasons(input);
  return {
    response,
    rule,
    reasons: [...reasons, ...whyDry],
    dryRun: whyDry.length > 0,
    undecided: [...new Set(undecided)],
    ...(approval ? { approval } : {}),
  };
}

/** A rule may leave the quarantine to a person. */
function askFirst(verdict: Verdict, { approved }: DecideInput): Verdict {
  if (verdict.response !== 'quarantine-after-approval') return verdict;
  if (approved) return { ...verdict, response: 'quarantine', reasons: [...verdict.reasons, approvedLine(approved)] };
  return { ...verdict, approval: { heldBy: 'rule', because: `rule ${verdict.rule} asks for approval` } };
}

function approvedLine({ by, reason }: Approved): string {
  return sentence(`Approved by ${by}: ${reason}`);
}

function archived({ source }: Finding): Verdict {
  const reason =
    source === 'inspector'
      ? 'The finding is suppressed or closed: a suppression rule covers it, or what it found is gone.'
      : 'The finding is archived: somebody or a suppression rule has dealt with it.';
  return { response: 'ignore', rule: 'archived', reasons: [reason], undecided: [] };
}

/**
 * The first rule that matches decides. A rule that depends on unknown facts may or may not be the one: of these and the
 * first certain one the strongest response is taken, so that missing facts never end in doing less.
 */
function matchRules({ policy, finding, target, facts }: DecideInput): Verdict {
  const candidates: Verdict[] = [];
  for (const { id, description, when, respond } of policy.rules) {
    const outcome = whenHolds(when, { finding, target, facts });
    if (!outcome.holds) continue;
    const { because, undecided } = outcome;
    const reason = `Rule ${id} matches${because.length > 0 ? ` (${because.join(', ')})` : ''}: ${description ?? respond}`;
    candidates.push({ response: respond, rule: id, reasons: [sentence(reason)], undecided });
    if (undecided.length === 0) break;
  }
  if (candidates.every(({ undecided }) => undecided.length > 0)) candidates.push(noRule());
  const [first = noRule(), ...others] = candidates;
  const strongest = others.reduce((best, next) => (rank(next.response) > rank(best.response) ? next : best), first);
  const undecided = candidates.flatMap((candidate) => candidate.undecided);
  if (undecided.length === 0) return strongest;
  const names = candidates.filter((candidate) => candidate.undecided.length > 0).map(({ rule }) => rule);
  const note = `Not known yet: ${[...new Set(undecided)].join(', ')}; taken as matching in ${names.join(', ')}, and decided again when it is known.`;
  return { ...strongest, reasons: [...strongest.reasons, note], undecided };
}

function noRule(): Verdict {
  return { response: 'ignore', rule: 'default', reasons: ['No rule of the policy matches.'], undecided: [] };
}

function applyProtection(matched: Verdict, input: DecideInput): Verdict {
  const { policy, target, facts } = input;
  if (rank(matched.response) <= rank(CAP)) return matched;
  const { instances, tags } = policy.protect;
  if (instances.includes(target.instanceId))
    return protect(matched, input, `Instance ${target.instanceId} is listed in protect.instances`, 'absolute');
  if (tags.length === 0) return matched;
  if (facts.tags === undefined) {
    const note = 'Tags are not known yet: whether protect.tags applies is decided again when they are.';
    return { ...matched, reasons: [...matched.reasons, note], undecided: [...matched.undecided, 'tags'] };
  }
  // An absolute one first: with several, the strongest holds.
  const absolute = Object.fromEntries(Object.entries(facts.tags).filter(([key]) => key.startsWith(AWS_TAG)));
  const found = findTag(tags, absolute);
  if (found) return protect(matched, input, `Tag ${found.tag} is protected (${found.glob})`, 'absolute');
  const other = findTag(tags, facts.tags);
  return other === undefined
    ? matched
    : protect(matched, input, `Tag ${other.tag} is protected (${other.glob})`, 'approvable');
}

/** Only AWS itself sets such tags. */
const AWS_TAG = 'aws:';

/**
 * Only a person who says why may go past a protection. Where the instance may have given itself the tag that protects it, a
 * person is asked at least.
 */
function protect(
  matched: Verdict,
  { finding: { request }, approved }: DecideInput,
  because: string,
  kind: 'absolute' | 'approvable',
): Verdict {
  if (request?.force === true && request.reason !== undefined) {
    const note = `${because}; overridden by force: ${request.reason}`;
    return { ...matched, reasons: [...matched.reasons, sentence(note)] };
  }
  if (kind === 'approvable' && approved?.person)
    return {
      ...matched,
      response: 'quarantine',
      reasons: [...matched.reasons, sentence(because), approvedLine(approved)],
    };
  const hint = request?.force === true ? ' (force needs a reason)' : '';
  const capped = {
    ...matched,
    response: CAP,
    reasons: [
      ...matched.reasons,
      `${because}: ${CAP} at most${hint}${kind === 'approvable' ? ', and approval is asked' : ''}.`,
    ],
  };
  return kind === 'absolute' ? capped : { ...capped, approval: { heldBy: 'protection', because } };
}

function dryRunReasons({ policy, finding, modeCeiling, dryRun }: DecideInput): string[] {
  if (dryRun === true) return ['Dry run: asked for.'];
  if (finding.request?.dryRun === true) return ['Dry run: the request asks for it.'];
  // A person who names an instance means it, whatever the mode; one who names a finding has it decided like the finding.
  if (finding.source === 'manual') return [];
  const reasons: string[] = [];
  if (modeCeiling === 'observe') reasons.push('Dry run: the deployment observes only.');
  else if (policy.mode === 'observe') reasons.push('Dry run: the policy observes only.');
  if (finding.sample) reasons.push('Dry run: this is a sample finding.');
  return reasons;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
