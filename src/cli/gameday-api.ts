/** `gameday --api`: a victim and the API on this machine, until Ctrl-C. */
import { requestsGateway } from '../aws/requests.ts';
import { createApi } from '../handlers/api.ts';
import type { ResponderResult } from '../handlers/responder.ts';
import type { Deployment } from '../lab/deployment.ts';
import { localStart, serveApi } from '../lab/api-server.ts';
import { stage, type StageOptions } from '../lab/rehearsal.ts';
import { defaultBudgets } from '../runbook/budgets.ts';
import type { Progress } from '../runbook/engine.ts';
import { summary } from './summary.ts';

export interface ServeOptions extends StageOptions {
  say: (text: string) => void;
  view: { show: (progress: Progress) => void; end: () => void };
  /** Ends the serving. */
  until: Promise<unknown>;
}

/** @returns what was deployed, for looking around afterwards. */
export async function serveRehearsal({ say, view, until, ...options }: ServeOptions): Promise<Deployment> {
  const staged = await stage(options);
  const [victim] = staged.victims;
  const { account, region, instanceId } = victim;
  try {
    const start = localStart({
      handler: staged.handler,
      account,
      region,
      onProgress: (progress) => view.show(progress),
      onEnd: (outcome) => {
        view.end();
        if ('error' in outcome) say(`\nThe run failed: ${outcome.error}\n`);
        else say(`\n${(outcome.result as ResponderResult).incidents.map(summary).join('\n')}`);
      },
    });
    const requests = requestsGateway(staged.deployment.table, { region, budgets: defaultBudgets });
    const server = await serveApi(createApi({ account, region, start, requests }));
    say(`
The API is at ${server.url} until Ctrl-C. Quarantine the victim, and ask what has become of it:
  curl -i -X POST ${server.url}/secresponse -H 'Content-Type: application/json' -d '{"instance_id": "${instanceId}"}'
  curl ${server.url}/secresponse/inc-…
`);
    await until;
    await server.stop();
    return staged.deployment;
  } finally {
    await staged.proxy.stop();
  }
}

/** Resolves when the person presses Ctrl-C, or the process is asked to end. */
export function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
