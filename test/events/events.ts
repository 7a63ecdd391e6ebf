/** Real-shaped events to start a test from: take one, change one thing. */
import { readFileSync } from 'node:fs';

export interface GuardDutyEvent {
  [key: string]: unknown;
  account: string;
  detail: GuardDutyDetail;
}

export interface GuardDutyDetail {
  [key: string]: unknown;
  resource: { [key: string]: unknown; resourceType: string; instanceDetails: Record<string, unknown> };
  service: Record<string, unknown>;
}

export interface InspectorEvent {
  [key: string]: unknown;
  account: string;
  detail: { [key: string]: unknown; resources: Record<string, unknown>[] };
}

/** A fresh copy of `test/events/inspector/<name>.json`. */
export function inspectorEvent(name: string): InspectorEvent {
  return readEvent(`inspector/${name}`) as InspectorEvent;
}

/** A fresh copy of `test/events/guardduty/<name>.json`. */
export function guardDutyEvent(name: string): GuardDutyEvent {
  return readEvent(`guardduty/${name}`) as GuardDutyEvent;
}

export function readEvent(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8'));
}
