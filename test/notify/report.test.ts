import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { reportHtml } from '../../src/notify/report.ts';
import { expectFile } from './expected.ts';
import * as samples from './samples.ts';

const { context, isolated, notIsolated, dryRun } = samples;

/** The page without its style. */
function page(...args: Parameters<typeof reportHtml>): string {
  return reportHtml(...args).replace(/<style>[^<]*<\/style>\n/, '');
}

test.each(['isolated', 'notIsolated', 'dryRun'] as const)('%s: the report as a whole', (name) => {
  expectFile(`${name}.html`, page(samples[name], context).replace(/sha256-[A-Za-z0-9+/=]+/, 'sha256-…'));
});

test('nothing is loaded or run, and only its own style is applied', () => {
  const html = reportHtml(isolated, context);
  const style = /<style>([^<]*)<\/style>/.exec(html)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'`;
  expect(html).toContain(`<meta http-equiv="Content-Security-Policy" content="${policy.replaceAll("'", '&#39;')}">`);
  expect(html).not.toMatch(/<script|<link|<iframe|@import|url\(| style=| on[a-z]+=/i);
});

test('the screenshot is in the page', () => {
  const shown = reportHtml(isolated, { ...context, screenshot: { jpegBase64: '/9j/4AAQ' } });
  expect(shown).toContain('src="data:image/jpeg;base64,/9j/4AAQ"');
  const broken = reportHtml(isolated, { ...context, screenshot: { jpegBase64: '"><script>' } });
  expect(broken).not.toContain('<img');
});

test('verdict and failures come before everything else', () => {
  const html = page(notIsolated, context);
  const order = [
    'NOT shown to be isolated',
    '<h2>What failed',
    '<h2>Times',
    '<h2>Finding',
    '<h2>Changes',
    '<h2>Evidence',
  ];
  const places = order.map((text) => html.indexOf(text));
  expect(places).not.toContain(-1);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
});

test('a sample finding and a dry run are named on top', () => {
  const html = page(dryRun, context);
  expect(html).toMatch(/<main>\s*<p class="sample">THIS IS A SAMPLE FINDING/);
  expect(html).toContain('NOTHING WAS CHANGED');
});

test('a report of very many files ends, and says where the rest is', () => {
  const artifacts = Array.from({ length: 10_000 }, (_, index) => samples.artifact('os-triage', `file.${index}`, 7));
  const html = reportHtml({ ...isolated, evidence: [{ collector: 'os-triage', status: 'done', artifacts }] }, context);
  expect(html).toContain('… and 9,000 more, see the manifest.');
  expect(html.length).toBeLessThan(1_000_000);
});
