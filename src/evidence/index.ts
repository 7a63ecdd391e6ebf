/** The registry: a collector is one file and one line here. All of them start together, before the first change. */
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
