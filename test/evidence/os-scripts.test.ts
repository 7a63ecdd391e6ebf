import { expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectionDocument, DOCUMENT_LIMIT_BYTES } from '../../src/evidence/os/document.ts';
import { answerOf, parametersOf } from '../../src/evidence/os/orders.ts';
import { linuxScript, windowsScript } from '../../src/evidence/os/scripts.ts';
import { buildBundle } from '../../src/stack/esbuild.ts';

test.each(['dash', 'bash', 'sh'])('%s reads the Linux script', (shell) => {
  execFileSync(shell, ['-n'], { input: linuxScript });
});

test('neither script has what Systems Manager would replace, and neither installs or compiles', () => {
  for (const text of [linuxScript, windowsScript]) {
    expect(text).not.toContain('{{');
    expect(text).not.toMatch(/\b(apt|apt-get|yum|dnf|apk add|gcc|make|pip|Install-\w+|Invoke-Expression|iex)\b/);
  }
});

test('every bracket of the Windows script has its partner', () => {
  const bare = windowsScript.replaceAll(/^#.*$/gm, '').replaceAll(/'[^']*'|"[^"]*"/g, '');
  const open: string[] = [];
  const partner: Record<string, string> = { ')': '(', ']': '[', '}': '{' };
  for (const sign of bare)
    if ('([{'.includes(sign)) open.push(sign);
    else if (partner[sign]) expect(open.pop()).toBe(partner[sign]);
  expect(open).toEqual([]);
});

test('the document is small enough', () => {
  expect(JSON.stringify(collectionDocument()).length).toBeLessThan(DOCUMENT_LIMIT_BYTES);
});

test('no parameter carries code', () => {
  const token = 'a'.repeat(32);
  for (const url of ["https://x/'; id; '", 'https://x/$(id)', 'https://x/`id`', 'https://x/ y', "https://x/\n'"])
    expect(() => parametersOf({ do: 'collect', token, limit: 10, url })).toThrow('url');
  expect(() => parametersOf({ do: 'read', token: '../../etc', limit: 10 })).toThrow('token');
});

test.each(['', 'hello', 'secresponse-os 1 gz 1 - 9999 none 1', 'secresponse-os 2 gz 1 - 1 none 1'])(
  'output that is not of the form is no answer: %j',
  (text) => expect(answerOf(text)).toBeNull(),
);

test('a bundle has the scripts in it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'secresponse-bundle-'));
  const outfile = join(folder, 'document.mjs');
  await buildBundle({ outfile, policiesDir: 'policies', entry: 'src/evidence/os/document.ts' });
  expect(await readFile(outfile, 'utf8')).not.toContain('readFileSync');
  const bundled = (await import(outfile)) as { collectionDocument: () => object };
  expect(bundled.collectionDocument()).toEqual(collectionDocument());
  await rm(folder, { recursive: true });
});
