/** The project's policies without the time that cutting connections takes: for tests of something else. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { loadPolicies } from '../../src/cli/policies-dir.ts';
import type { Policies } from '../../src/policy/policy.ts';
import { scratchFolder } from './scratch.ts';

/** A folder of them, for commands and bundles. */
export function quickPoliciesDir(): string {
  const folder = scratchFolder();
  const document = parseDocument(readFileSync(resolve('policies/default.yml'), 'utf8'));
  document.setIn(['containment', 'dwellSeconds'], 0);
  writeFileSync(join(folder, 'default.yml'), document.toString());
  return folder;
}

export function quickPolicies(): Policies {
  return withoutDwell(loadPolicies(process.cwd()).policies);
}

export function withoutDwell(policies: Policies): Policies {
  const own = policies.default;
  return { ...policies, default: { ...own, containment: { ...own.containment, dwellSeconds: 0 } } };
}
