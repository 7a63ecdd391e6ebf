/** What isolation waits for, and what it must not wait for. */
import type { Call } from '../proxy.ts';
import { sweepBudgets } from './budgets.ts';
import { isCalledBy, type After } from './after.ts';
import { isOfKind } from './calls.ts';

/** Asked for from outside, before a change could spoil it. */
const FIRST = ['GetConsoleScreenshot', 'GetConsoleOutput', 'CreateSnapshots'];
/** With what they ask first themselves. */
export const TAKEN_FIRST = [...FIRST, 'DescribeSnapshots'];
const FIRST_CALLS = [...TAKEN_FIRST, 'DescribeInstances'].map((operation) => `ec2:${operation}`);

export function orderFaults(after: After): string[] {
  const { scene, incident, struck } = after;
  const faults: string[] = [];
  const seconds = incident.isolation?.secondsToIsolation ?? 0;
  if (seconds < 0) faults.push(`isolated within ${seconds} s`);
  if (waited(after)) faults.push('isolation waited for a call that never answered');
  // Where its own calls fail, isolation goes on without.
  if (struck && !struck.late && isCalledBy(struck.kind, FIRST_CALLS)) return faults;
  const { calls } = scene.proxy;
  const moved = calls.find(isMove)?.startedAt ?? Infinity;
  const began = Math.min(
    ...calls.filter(({ operation }) => FIRST.includes(operation)).map(({ startedAt }) => startedAt),
  );
  // It gets its time, no more.
  if (moved - began > GIVEN * sweepBudgets.preserveMs) return faults;
  for (const operation of FIRST)
    if (!calls.some((call) => isAnswerOf(call, operation, calls) && call.status === 200 && call.endedAt <= moved))
      faults.push(`${operation} was not answered before the network was changed`);
  return faults;
}

/** Whoever goes on for a killed process finds the snapshots that were made, and makes none. */
function isAnswerOf(call: Call, operation: string, calls: readonly Call[]): boolean {
  if (call.operation === operation) return true;
  const asked = calls.find((other) => other.operation === operation)?.endedAt ?? Infinity;
  return operation === 'CreateSnapshots' && call.operation === 'DescribeSnapshots' && call.startedAt > asked;
}

/** Of its time: that begins to run a little before the first call is seen. */
const GIVEN = 0.8;

function isMove({ operation, request }: Call): boolean {
  return operation === 'ModifyNetworkInterfaceAttribute' && request.includes('SecurityGroupId');
}

/** What only evidence and people are waiting for. The rest is read before the network is changed, or has its own time for it. */
const BESIDE = /^(s3:PutObject|sns:|ec2:GetConsole|ec2:DescribeVolumes|ec2:CreateSnapshot|ec2:DescribeSnapshots)/;

/** By the calls themselves: a clock would say more of the machine. */
function waited({ scene, struck }: After): boolean {
  if (!struck?.hangs || !BESIDE.test(`${struck.kind.service}:${struck.kind.operation}`)) return false;
  const { calls } = scene.proxy;
  const given = calls.filter((call) => isOfKind(call, struck.kind) && call.status === null).at(-1)?.endedAt ?? Infinity;
  const moved = calls.find(isMove)?.startedAt ?? Infinity;
  return moved > given;
}
