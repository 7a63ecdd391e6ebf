/** Whatever tags, titles and descriptions hold, the mail stays in form and says nothing that we did not say. */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { MAX_BYTES, notificationFor } from '../../src/notify/message.ts';
import { reportHtml } from '../../src/notify/report.ts';
import { attacked } from './attacked.ts';
import * as samples from './samples.ts';

const { context } = samples;

/** Links that are not from the finding. */
const OURS = /^(?:s3:\/\/example-evidence\/evidence|https:\/\/eu-west-1\.console\.aws\.amazon\.com)\//;
const INVISIBLE = /[\p{Cf}\p{Co}\p{Cs}\u0085\u2028\u2029]|(?!\n)\p{Cc}/u;

test('the subject is printable ASCII of at most 99 characters', () => {
  fc.assert(
    fc.property(attacked, (result) => {
      expect(notificationFor(result, context).subject).toMatch(/^[\x21-\x7e][\x20-\x7e]{0,98}$/);
    }),
  );
});

test('the mail has the same lines in the first column as without foreign text, and shows nothing invisible', () => {
  const column = (text: string): string[] => text.split('\n').filter((line) => /^\S/.test(line));
  fc.assert(
    fc.property(attacked, (result) => {
      const { text, json } = notificationFor(result, context);
      const harmless = { ...result, finding: { ...result.finding, title: 'a', description: 'a', type: 'a', id: 'a' } };
      harmless.instance = { vpcs: [], tags: {}, state: 'running' };
      harmless.decision = { ...result.decision, reasons: ['a'] };
      harmless.evidence = result.evidence.map((evidence) => ({ ...evidence, reason: 'a' }));
      harmless.changes = result.changes.map((change) => ({ ...change, reason: 'a', description: 'a' }));
      harmless.failures = ['a'];
      expect(column(text)).toEqual(column(notificationFor(harmless, context).text));
      expect(text).not.toMatch(INVISIBLE);
      expect(JSON.stringify(json)).not.toMatch(INVISIBLE);
      const links = text.match(/\S*:\/\/\S*/g) ?? [];
      expect(links.filter((link) => !OURS.test(link) && link !== result.finding.consoleUrl)).toEqual([]);
    }),
  );
});

test('the message is valid JSON within the limit', () => {
  fc.assert(
    fc.property(attacked, ({ ...result }) => {
      const { message, json } = notificationFor(result, context);
      expect(Buffer.byteLength(message)).toBeLessThan(MAX_BYTES);
      const document = JSON.parse(message) as Record<string, string>;
      expect(JSON.parse(document['sqs'] ?? '')).toEqual(json);
    }),
  );
});

test('a failed response claims nothing, in mail and report', () => {
  fc.assert(
    fc.property(attacked, (result) => {
      const failed = { ...result, status: 'failed' as const, isolation: null };
      const { subject, text, message } = notificationFor(failed, context);
      expect(`${subject}${text}${message}${reportHtml(failed, context)}`).not.toMatch(/quarantined/i);
    }),
  );
});

/** Every tag and attribute that the report may have; what is foreign can only be text or a quoted value. */
const TAGS =
  /^(?:!doctype|html|head|meta|title|style|body|main|header|footer|section|div|span|h1|h2|h3|p|ul|li|dl|dt|dd|q|blockquote|table|caption|thead|tbody|tr|th|td|code|pre|strong|a|br|figure|img|figcaption)$/;
const ATTRIBUTES = /^(?:html|lang|charset|http-equiv|content|name|class|role|scope|data-label|href|rel|src|alt)$/;

test('the report holds no element, attribute or link that is not its own', () => {
  fc.assert(
    fc.property(attacked, (result) => {
      const page = reportHtml(result, context).replace(/<style>[^<]*<\/style>/, '');
      const tags = [...page.matchAll(/<\/?([^\s>]*)([^>]*)>/g)];
      const attributes = tags.flatMap(([, , text = '']) => [...text.matchAll(/ ([a-z-]+)="([^"<>]*)"/g)]);
      const strange = [
        ...tags.map(([, name = '']) => name).filter((name) => !TAGS.test(name)),
        ...attributes.map(([, name = '']) => name).filter((name) => !ATTRIBUTES.test(name)),
        ...attributes.filter(([, name, value = '']) => name === 'href' && !value.startsWith('https://')),
        // What is left of the tags and of the page without attributes and tags.
        ...tags
          .map(([, , text = '']) => text.replaceAll(/ [a-z-]+="[^"<>]*"| html$/g, ''))
          .filter((text) => text !== ''),
        ...(page.replaceAll(/<[^>]*>/g, '').match(/[<>]/g) ?? []),
      ];
      expect(strange).toEqual([]);
    }),
  );
});
