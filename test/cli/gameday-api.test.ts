/** `gameday --api`: what it prints can be tried, until it is told to end. */
import { expect, test } from '@jest/globals';
import { gameday } from '../../src/cli/gameday.ts';
import { serveRehearsal } from '../../src/cli/gameday-api.ts';
import { loadPolicies } from '../../src/cli/policies-dir.ts';
import { attachLocalAws } from '../../src/lab/local-aws.ts';
import { eventRules } from '../../src/policy/event-rules.ts';
import { buildBundle } from '../../src/stack/esbuild.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { quickPoliciesDir } from '../support/quick-policies.ts';
import { ROOT, runCommand } from './run-command.ts';

const local = useLocalAws();

test('prints a curl line that quarantines the victim, and one that tells of it', async () => {
  const aws = await attachLocalAws(local.endpoint);
  let printed = '';
  let end = (): void => {};
  const until = new Promise<void>((resolve) => (end = resolve));
  const serving = serveRehearsal({
    aws,
    rules: eventRules(loadPolicies(ROOT, 'policies').policies),
    bundle: (outfile) => buildBundle({ outfile, policiesDir: quickPoliciesDir() }),
    mode: 'enforce',
    onStage: () => {},
    say: (text) => (printed += text),
    view: { show: () => {}, end: () => {} },
    until,
  });
  try {
    const [, url = '', body = ''] = await seen(() => /-X POST (\S+) -H \S+ \S+ -d '(.+)'/.exec(printed));
    const answer = await fetch(url, { method: 'POST', body });
    expect(answer.status).toBe(202);
    const { incidentId } = (await answer.json()) as { incidentId: string };
    await seen(() => /QUARANTINED/.exec(printed));
    const state = await seen(async () => {
      const found = (await (await fetch(`${url}/${incidentId}`)).json()) as { status: string };
      return found.status === 'accepted' ? null : found;
    });
    expect(state).toMatchObject({ incidentId, status: 'quarantined', isolation: { verified: true } });
  } finally {
    end();
  }
  expect(await serving).toMatchObject({ bucket: expect.stringMatching(/^secresponse-vault-/) });
  await aws.stop();
}, 120_000);

test.each([['--json'], ['--event=finding.json']])('--api goes not with %s', async (option) => {
  await expect(runCommand(gameday, ['--api', option])).rejects.toThrow('it goes neither with --event nor with --json');
});

async function seen<Found>(look: () => Found | null | Promise<Found | null>): Promise<Found> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('it was not seen within a minute');
}
