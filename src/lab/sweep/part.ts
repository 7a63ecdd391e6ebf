/** A part of the sweep that stands for the whole: what is run with every test. */
import type { CallKind } from './calls.ts';
import type { Crash } from './crashes.ts';
import { LATE, LATER, STRIKES, type Cell } from './faults.ts';
import type { SceneKind } from './scene.ts';

const MOVE: CallKind = { service: 'ec2', operation: 'ModifyNetworkInterfaceAttribute', about: 'groups' };

export const partOfFaults: Cell[] = [
  // Nothing of this keeps the host from being isolated.
  cell('unmanaged', { service: 's3', operation: '*' }, 'denied'),
  cell('unmanaged', { service: 'sns', operation: 'Publish' }, '500'),
  cell('managed', { service: 'ec2', operation: 'AuthorizeSecurityGroupEgress' }, 'denied'),
  cell('unmanaged', { service: 'ec2', operation: 'CreateSnapshots' }, 'answer lost'),
  cell('unmanaged', { service: 'ec2', operation: 'GetConsoleScreenshot' }, 'hangs'),
  cell('unmanaged', { service: 'ec2', operation: 'GetConsoleScreenshot' }, 'late'),
  cell('unmanaged', { service: 'dynamodb', operation: '*' }, 'denied'),
  cell('unmanaged', { service: 'ec2', operation: 'DescribeNetworkInterfaces' }, 'denied'),
  cell('unmanaged', MOVE, 'throttled twice'),
  // This does.
  cell('managed', MOVE, 'denied later'),
  cell('unmanaged', { service: 'ec2', operation: 'RevokeSecurityGroupEgress' }, 'denied'),
];

export const partOfCrashes: { scene: SceneKind; crash: Crash }[] = [
  { scene: 'unmanaged', crash: { at: 'checkpoint', number: 12 } },
  { scene: 'unmanaged', crash: { at: 'call', call: { service: 'ec2', operation: 'CreateSnapshots' }, made: true } },
  { scene: 'managed', crash: { at: 'call', call: MOVE, made: true } },
  { scene: 'unmanaged', crash: { at: 'jump', checkpoint: 12, hours: -24 } },
  { scene: 'managed', crash: { at: 'timeout', seconds: 4 } },
];

function cell(scene: SceneKind, call: CallKind, strike: string): Cell {
  const found = [...STRIKES, LATER, LATE].find(({ name }) => name === strike);
  if (!found) throw new Error(`there is no fault ${strike}`);
  return { scene, call, strike: found };
}
