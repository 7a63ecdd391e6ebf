/** Several at once, with a line of progress now and then, and one for each that broke something. */

const PROGRESS_MS = 15_000;

export async function inTurn<Item, Result extends { faults: string[] }>(
  what: string,
  items: readonly Item[],
  workers: number,
  work: (item: Item, worker: number) => Promise<Result>,
  nameOf: (item: Item) => string,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const timer = setInterval(() => tell(`${what}: ${results.length} of ${items.length}`), PROGRESS_MS);
  try {
    await Promise.all(
      Array.from({ length: workers }, async (_, worker) => {
        for (let at = next++; at < items.length; at = next++) {
          const item = items[at] as Item;
          const result = await work(item, worker);
          for (const fault of result.faults) tell(`! ${nameOf(item)}: ${fault}`);
          results[at] = result;
        }
      }),
    );
  } finally {
    clearInterval(timer);
  }
  tell(`${what}: all ${items.length}`);
  return results;
}
