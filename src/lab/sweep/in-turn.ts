/** Several at once, with a line of progress now and then. What broke a demand is run again, alone. */

const PROGRESS_MS = 15_000;

export interface Judged {
  faults: string[];
  /** What broke the first time, and not again: a busy machine, or a race. */
  once?: string[];
}

export interface Turns<Item> {
  /** For people. */
  what: string;
  workers: number;
  nameOf: (item: Item) => string;
}

export async function inTurn<Item, Result extends Judged>(
  items: readonly Item[],
  { what, workers, nameOf }: Turns<Item>,
  work: (item: Item, worker: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const judged = async (item: Item, worker: number): Promise<Result> => {
    const result = await work(item, worker);
    for (const fault of result.faults) tell(`! ${nameOf(item)}: ${fault}`);
    return result;
  };
  let next = 0;
  const timer = setInterval(() => tell(`${what}: ${Object.keys(results).length} of ${items.length}`), PROGRESS_MS);
  try {
    await Promise.all(
      Array.from({ length: workers }, async (_, worker) => {
        for (let at = next++; at < items.length; at = next++) results[at] = await judged(items[at] as Item, worker);
      }),
    );
    for (const [at, { faults }] of results.entries())
      if (faults.length > 0) {
        const again = await judged(items[at] as Item, 0);
        results[at] = again.faults.length > 0 ? again : { ...again, once: faults };
      }
  } finally {
    clearInterval(timer);
  }
  tell(`${what}: all ${items.length}`);
  return results;
}
