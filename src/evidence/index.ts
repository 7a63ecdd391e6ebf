/**
 * The registry: a collector is one file and one line here. All of them start together, before the first change. What runs on
 * the host itself (os-triage.ts) comes after them, and only before a quarantine.
 */
import type { Collector } from './collector.ts';
import { consoleOutput } from './console-output.ts';
import { consoleScreenshot } from './console-screenshot.ts';
import { ebsSnapshots } from './ebs-snapshots.ts';
import { findingEvent } from './finding-event.ts';
import { instanceMetadata } from './instance-metadata.ts';

export const collectors: readonly Collector[] = [
  findingEvent,
  instanceMetadata,
  consoleScreenshot,
  consoleOutput,
  ebsSnapshots,
];
