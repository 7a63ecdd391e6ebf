/**
 * The canary: once a day GuardDuty is asked for a sample finding of one type, which has to come back through the rules on
 * EventBridge. It proves that findings arrive, and nobody is told of it but an alarm, where it does not come. Pure.
 */
import type { Finding } from './finding.ts';

/** High, about an instance, and rarely asked for by hand: a person's samples of any other type are answered as ever. */
export const CANARY_TYPE = 'Backdoor:EC2/DenialOfService.UdpOnTcpPorts';

/** By which the clock, or a person, has the sample made. */
export const CANARY_REQUEST = { secresponse: 'canary' } as const;

/** Never a finding that is meant: only a sample of that type, that nobody named by its id. */
export function isCanary({ source, sample, type, request }: Finding): boolean {
  return source === 'guardduty' && sample && type === CANARY_TYPE && request === undefined;
}

/** Exactly that event. */
export function isCanaryRequest(event: unknown): boolean {
  return JSON.stringify(event) === JSON.stringify(CANARY_REQUEST);
}
