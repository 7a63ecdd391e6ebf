/**
 * Several at once, with a line of progress now and then. What broke a demand is run again, alone. What is done is written to a
 * file, so that a sweep which was interrupted goes on where it was.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

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
  /** Where results are kept, a line of JSON each. Absent: nowhere. */
  file?: string | undefined;
}

export async function inTurn<Item, Result extends Judged>(
  items: readonly Item[],
  { what, workers, nameOf, file }: Turns<Item>,
  work: (item: Item, worker: number) => Promise<Result>,
): Promise<Result[]> {
  const done = new Map(file === undefined ? [] : earlier<Result>(file));
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const judged = async (item: Item, worker: number): Promise<Result> => {
    const result = await work(item, worker);
    for (const fault of result.faults) tell(`! ${nameOf(item)}: ${fault}`);
    return result;
  };
  const keep = (item: Item, result: Result): void => {
    done.set(nameOf(item), result);
    if (file !== undefined) appendFileSync(file, `${JSON.stringify([nameOf(item), result])}\n`);
  };
  const left = items.filter((item) => !done.has(nameOf(item)));
  const broken: [Item, Result][] = [];
  let next = 0;
  const timer = setInterval(() => tell(`${what}: ${Math.min(next, left.length)} of ${left.length} begun`), PROGRESS_MS);
  try {
    await Promise.all(
      Array.from({ length: workers }, async (_, worker) => {
        for (let item = left[next++]; item !== undefined; item = left[next++]) {
          const result = await judged(item, worker);
          if (result.faults.length > 0) broken.push([item, result]);
          else keep(item, result);
        }
      }),
    );
    for (const [item, { faults }] of broken) {
      const again = await judged(item, 0);
      keep(item, again.faults.length > 0 ? again : { ...again, once: faults });
    }
  } finally {
    clearInterval(timer);
  }
  tell(`${what}: all ${items.length}`);
  return items.flatMap((item) => done.get(nameOf(item)) ?? []);
}

function earlier<Result>(file: string): [string, Result][] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as [string, Result]);
}
