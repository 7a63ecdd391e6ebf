/** The registry: an action is one file and one line here. */
import type { Action } from './action.ts';
import { instanceProfile } from './instance-profile.ts';
import { quarantineNetwork } from './quarantine-network.ts';
import { terminationProtection } from './termination-protection.ts';

export const actions: readonly Action[] = [terminationProtection, instanceProfile, quarantineNetwork];

/** Isolation is claimed on the strength of this one. */
export const isolating = quarantineNetwork.name;
