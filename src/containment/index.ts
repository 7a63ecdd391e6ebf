/** The registry: an action is one file and one line here. Release undoes them from the last to the first. */
import type { Action } from './action.ts';
import { autoScaling } from './auto-scaling.ts';
import { connectionTracking } from './connection-tracking.ts';
import { instanceProfile } from './instance-profile.ts';
import { keepVolumes } from './keep-volumes.ts';
import { loadBalancers } from './load-balancers.ts';
import { metadataService } from './metadata-service.ts';
import { publicAddress } from './public-address.ts';
import { quarantineNetwork } from './quarantine-network.ts';
import { sessionDenial } from './session-denial.ts';
import { shutdownBehavior } from './shutdown-behavior.ts';
import { stopProtection } from './stop-protection.ts';
import { terminationProtection } from './termination-protection.ts';

export const actions: readonly Action[] = [
  terminationProtection,
  stopProtection,
  shutdownBehavior,
  keepVolumes,
  autoScaling,
  loadBalancers,
  sessionDenial,
  instanceProfile,
  metadataService,
  connectionTracking,
  publicAddress,
  quarantineNetwork,
];

/** Isolation is claimed on the strength of this one. */
export const isolating = quarantineNetwork.name;

/** Takes the host out of what would replace and terminate it. */
export const leaving = autoScaling.name;

/** Takes the addresses off that strangers could come in by while established connections are cut. */
export const addressing = publicAddress.name;
