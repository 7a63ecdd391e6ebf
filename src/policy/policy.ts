/** Policies as the decision uses them: resolved, with every default filled in, JSON-safe. */
import type { PolicyFile, Rule } from './schema.ts';

export interface Policy {
  mode: 'observe' | 'enforce';
  rules: Rule[];
  protect: { instances: string[]; tags: string[] };
  limits: {
    quarantinesPerHour: number;
    /** Null: no limit. */
    quarantinesPerDay: number | null;
    /** Null: no limit. */
    collectionsPerHour: number | null;
    /** Percentage of a group. */
    groupShare: number;
    reservePerHour: number;
    /** Keys of tags whose values make groups. */
    groupTags: string[];
    onLedgerFailure: 'isolate' | 'collect';
  };
  approval: { timeoutHours: number; onTimeout: 'isolate-critical' | 'leave' };
  collection: { os: 'on' | 'off'; budgetSeconds: number };
  containment: {
    order: 'auto' | 'collect-first' | 'contain-first';
    cutFlows: 'auto' | 'always' | 'never';
    dwellSeconds: number;
    /** Days. */
    releaseHold: number;
    access: 'none' | 'lifeline' | { group: string } | { cidr: string };
    autoScaling: 'standby' | 'detach' | 'keep';
    publicAddress: 'auto' | 'disassociate' | 'keep';
  };
}

export interface Policies {
  version: 1;
  /** Accounts whose envelopes may name other accounts' targets. */
  administrators: string[];
  default: Policy;
  accounts: Record<string, Policy>;
}

/** What holds where no file says otherwise. */
export const BASE: Policy = {
  mode: 'observe',
  rules: [],
  protect: { instances: [], tags: [] },
  limits: {
    quarantinesPerHour: 5,
    quarantinesPerDay: null,
    collectionsPerHour: null,
    groupShare: 50,
    reservePerHour: 2,
    groupTags: [],
    onLedgerFailure: 'isolate',
  },
  approval: { timeoutHours: 4, onTimeout: 'isolate-critical' },
  collection: { os: 'on', budgetSeconds: 120 },
  containment: {
    order: 'auto',
    cutFlows: 'auto',
    dwellSeconds: 5,
    releaseHold: 7,
    access: 'none',
    autoScaling: 'standby',
    publicAddress: 'auto',
  },
};

export function policyFor(policies: Policies, account: string): Policy {
  return (Object.hasOwn(policies.accounts, account) ? policies.accounts[account] : undefined) ?? policies.default;
}

/** Lays a file over what it extends: single settings replace, protections add up, rules come first. */
export function overlay(base: Policy, file: PolicyFile): Policy {
  return {
    mode: file.mode ?? base.mode,
    rules: mergeRules(base.rules, file.rules ?? []),
    protect: {
      instances: [...new Set([...base.protect.instances, ...(file.protect?.instances ?? [])])],
      tags: [...new Set([...base.protect.tags, ...(file.protect?.tags ?? [])])],
    },
    limits: { ...base.limits, ...given(file.limits) },
    approval: { ...base.approval, ...given(file.approval) },
    collection: { ...base.collection, ...given(file.collection) },
    containment: { ...base.containment, ...given(file.containment) },
  };
}

/** A rule with the id of an inherited one replaces it where it stands; the others are tried before all inherited ones. */
function mergeRules(inherited: Rule[], own: Rule[]): Rule[] {
  const replacing = new Map(own.map((rule) => [rule.id, rule]));
  const inheritedIds = new Set(inherited.map((rule) => rule.id));
  return [
    ...own.filter((rule) => !inheritedIds.has(rule.id)),
    ...inherited.map((rule) => replacing.get(rule.id) ?? rule),
  ];
}

type Given<Settings> = { [Key in keyof Settings]?: Exclude<Settings[Key], undefined> };

function given<Settings extends object>(settings: Settings | undefined): Given<Settings> {
  return Object.fromEntries(
    Object.entries(settings ?? {}).filter(([, value]) => value !== undefined),
  ) as Given<Settings>;
}
