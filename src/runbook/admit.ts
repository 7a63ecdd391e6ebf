/** Whether the limits let a response through. It runs beside the preparation, so that isolation waits for no more than that. */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt, type Attempt } from '../aws/deadline.ts';
import type { Control } from '../aws/ledger-control.ts';
import { admitCollection, admitQuarantine, isCritical, type Admission, type GroupSize } from '../policy/limits.ts';
import type { Claimed } from './claim.ts';
import { isPerson } from './claim.ts';
import type { Observation } from './observe.ts';
import { GONE } from './plan.ts';
import type { IncidentContext } from './runbook.ts';

export interface Admitted {
  /** The limit that holds it back, for people; null: go on. */
  held: string | null;
  /** What could not be checked, a line each. */
  failures: string[];
}

export const THROUGH: Admitted = { held: null, failures: [] };

/** `claimed`: without a claim nothing is counted, and the policy says what that means. */
export async function admit(
  ctx: DurableContext,
  incident: IncidentContext,
  observed: Observation,
  claimed: Claimed,
): Promise<Admitted> {
  const { aws, deps, finding, target, incidentId } = incident;
  const { limits } = deps.policy(target.account);
  const person = isPerson(incident);
  const unknown = (error: string): Admitted => {
    if (!person && limits.onLedgerFailure === 'collect')
      return { held: `the ledger could not be asked for the limits (limits.onLedgerFailure collect)`, failures: [] };
    return {
      held: null,
      failures: [`the ledger could not be asked for the limits, so they were not checked: ${error}`],
    };
  };
  // The claim itself is told as failed.
  if (claimed.kind === 'unclaimed') return { ...unknown(''), failures: [] };
  return ctx.step('admit', async () => {
    const { groups, failures } = await groupsOf(incident, observed);
    const critical = isCritical(finding);
    const asked = (before: Control | null, ended: string[]): Promise<Attempt<Pick<Admission, 'answer' | 'members'>>> =>
      attempt(deps.budgets.claimMs, 'the ledger', () =>
        aws.ledger.use(before, (used) => {
          const { next, ...answer } = admitQuarantine(used, limits, {
            incidentId,
            now: deps.now(),
            critical,
            person,
            groups,
            ended,
          });
          return { next, answer };
        }),
      );
    const first = await asked(claimed.control, []);
    if (!first.ok) return unknown(first.error);
    const { answer: held, members = [] } = first.value;
    const free = held === null ? [] : await notContained(incident, members);
    if (free.length === 0) return { held, failures };
    const again = await asked(null, free);
    return { held: again.ok ? again.value.answer : held, failures };
  });
}

/**
 * An incident may have ended without being taken off the count: released, or closed, and the instance is gone. Closed alone, it
 * is contained all the same. Who cannot be asked about goes on counting.
 */
async function notContained({ deps, aws }: IncidentContext, members: readonly string[]): Promise<string[]> {
  const { claimMs, readMs } = deps.budgets;
  const ends = await attempt(claimMs, 'the ledger', () => aws.ledger.endedAmong(members));
  const free = (ends.ok ? ends.value : []).map(async ({ how, target, incidentId }) => {
    if (how !== 'closed') return incidentId;
    const seen = await attempt(readMs, 'the instance', () => deps.aws(target).ec2.instance(target.instanceId));
    return seen.ok && (seen.value === null || GONE.has(seen.value.state)) ? incidentId : [];
  });
  return (await Promise.all(free)).flat();
}

/** Taking evidence only. @returns the limit that holds it back; null: go on, also where it cannot be asked. */
export async function admitEvidence(
  ctx: DurableContext,
  incident: IncidentContext,
  claimed: Claimed,
): Promise<string | null> {
  const { aws, deps, target, incidentId } = incident;
  const { limits } = deps.policy(target.account);
  if (limits.collectionsPerHour === null || claimed.kind === 'unclaimed') return null;
  const person = isPerson(incident);
  const answer = await ctx.step('admit-evidence', () =>
    attempt(deps.budgets.claimMs, 'the ledger', () =>
      aws.ledger.use(claimed.control, (used) => admitCollection(used, limits, { incidentId, now: deps.now(), person })),
    ),
  );
  return answer.ok ? answer.value : null;
}

/** The groups of which not all may be contained at once: its Auto Scaling group, and those that the policy makes of tags. */
async function groupsOf(
  { aws, deps, target }: IncidentContext,
  observed: Observation,
): Promise<{ groups: GroupSize[]; failures: string[] }> {
  const tags = observed.instance?.tags ?? {};
  const { groupTags } = deps.policy(target.account).limits;
  const scaling = tags['aws:autoscaling:groupName'];
  const asked = [
    ...(scaling === undefined
      ? []
      : [{ name: `Auto Scaling group ${scaling}`, size: () => aws.autoScaling.size(scaling) }]),
    ...groupTags.flatMap((key) => {
      const value = tags[key];
      return value === undefined ? [] : [{ name: `tag ${key}=${value}`, size: () => aws.ec2.countByTag(key, value) }];
    }),
  ];
  const sizes = await Promise.all(
    asked.map(async ({ name, size }) => {
      const answer = await attempt(deps.budgets.readMs, `counting ${name}`, size);
      // The account and the Region belong to the name: two groups of one name are two.
      const key = `${name} in ${target.region}`;
      return answer.ok
        ? { group: { name: key, size: answer.value } }
        : {
            failure: `how many instances ${name} has could not be read, so its share was not checked: ${answer.error}`,
          };
    }),
  );
  return {
    groups: sizes.flatMap(({ group }) => group ?? []),
    failures: sizes.flatMap(({ failure }) => failure ?? []),
  };
}
