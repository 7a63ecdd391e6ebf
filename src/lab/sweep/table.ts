/** What came of a sweep, as text: calls × faults → outcome. */
import { nameOf } from './calls.ts';
import { crashName, type CrashResult } from './crashes.ts';
import { cellName, LATE, LATER, STRIKES, type CellResult } from './faults.ts';

const MARKS: Record<CellResult['outcome'], string> = {
  whole: 'whole',
  part: 'part',
  unverified: 'unverified',
  'not isolated': 'no',
  'no answer': 'NO ANSWER',
};

export const LEGEND = [
  'whole       isolated, verified, and everything else is as asked',
  'part        isolated and verified; another part failed, and is told',
  'unverified  isolated, but that could not be read back: told as not verified',
  'no          not isolated, and told so: a call that isolation itself needs cannot succeed',
  '!           a demand was broken (listed below the table)',
  '–           not tried: nothing more than what stands beside it',
];

export function faultTable(results: readonly CellResult[]): string {
  const strikes = [...STRIKES, LATER, LATE];
  const rowOf = ({ scene, call }: CellResult): string => `${nameOf(call)}${scene === 'managed' ? '' : ` (${scene})`}`;
  const names = [...new Set(results.map(rowOf))];
  const width = Math.max(...names.map((name) => name.length));
  const cellOf = (name: string, strike: string): string => {
    const found = results.find((one) => rowOf(one) === name && one.strike.name === strike);
    return found ? `${MARKS[found.outcome]}${found.faults.length > 0 ? ' !' : ''}` : '–';
  };
  const line = (first: string, cells: string[]): string =>
    `${first.padEnd(width)}  ${cells.map((cell) => cell.padEnd(15)).join(' ')}`.trimEnd();
  return [
    line(
      '',
      strikes.map(({ name }) => name),
    ),
    ...names.map((name) =>
      line(
        name,
        strikes.map((strike) => cellOf(name, strike.name)),
      ),
    ),
  ].join('\n');
}

export function brokenDemands(results: readonly CellResult[], crashes: readonly CrashResult[]): string[] {
  return [
    ...results.flatMap((cell) => cell.faults.map((fault) => `${cellName(cell)}: ${fault}`)),
    ...crashes.flatMap(({ scene, crash, faults }) => faults.map((fault) => `${scene}: ${crashName(crash)}: ${fault}`)),
  ];
}

/** What broke, and did not when it was run again. */
export function brokeOnce(results: readonly CellResult[], crashes: readonly CrashResult[]): string[] {
  return [
    ...results.flatMap((cell) => (cell.once ?? []).map((fault) => `once: ${cellName(cell)}: ${fault}`)),
    ...crashes.flatMap(({ scene, crash, once = [] }) =>
      once.map((fault) => `once: ${scene}: ${crashName(crash)}: ${fault}`),
    ),
  ];
}

/** How many of each outcome, and of each kind of crash. */
export function crashTable(crashes: readonly CrashResult[]): string {
  const rows = new Map<string, number>();
  for (const { scene, crash, outcome, faults } of crashes) {
    const what =
      crash.at === 'checkpoint'
        ? 'after a checkpoint'
        : crash.at === 'jump'
          ? 'the clock jumps'
          : crash.at === 'timeout'
            ? 'again and again by time-outs'
            : `${crash.made ? 'after' : 'before'} a call was made`;
    const name = `${scene.padEnd(10)} ${what.padEnd(26)} ${MARKS[outcome]}${faults.length > 0 ? ' !' : ''}`;
    rows.set(name, (rows.get(name) ?? 0) + 1);
  }
  return [...rows].map(([name, count]) => `${String(count).padStart(4)}  ${name}`).join('\n');
}
