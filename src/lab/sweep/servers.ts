/** A local AWS for each worker: none is disturbed by what another one does, and each is emptied now and then. */
import { attachLocalAws, startLocalAws, type LocalAws } from '../local-aws.ts';

/** What runs have left makes it slow and large. */
const RUNS_UNTIL_EMPTIED = 20;

export interface Servers {
  /** The endpoint for the worker's next run; nothing of an earlier one goes on there. */
  next: (worker: number) => Promise<string>;
  stop: () => Promise<void>;
}

/** `at`: one that runs already, which all share and nobody empties. */
export async function startServers(workers: number, at: string | undefined): Promise<Servers> {
  const servers: LocalAws[] =
    at === undefined
      ? await Promise.all(Array.from({ length: workers }, () => startLocalAws()))
      : [await attachLocalAws(at)];
  const runs = servers.map(() => 0);
  return {
    async next(worker) {
      const own = worker % servers.length;
      const server = servers[own];
      if (!server) throw new Error('there is no local AWS');
      runs[own] = (runs[own] ?? 0) + 1;
      if (at === undefined && runs[own] % RUNS_UNTIL_EMPTIED === 0) await server.reset();
      return server.endpoint;
    },
    stop: async () => void (await Promise.all(servers.map((server) => server.stop()))),
  };
}
