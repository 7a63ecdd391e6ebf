/** Whole outputs as committed files, so that a reader can see what people get. `UPDATE_EXPECTED=1` writes them anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';

const folder = join(import.meta.dirname, 'expected');

export function expectFile(name: string, content: string): void {
  const file = join(folder, name);
  if (process.env['UPDATE_EXPECTED'] === '1') writeFileSync(file, content);
  expect(content).toBe(readFileSync(file, 'utf8'));
}
