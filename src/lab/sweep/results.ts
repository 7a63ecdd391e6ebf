/** Keeps what came of the whole sweep beside its code. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crashName, type CrashResult } from './crashes.ts';
import { cellName, type CellResult } from './faults.ts';
import { brokenDemands, brokeOnce, crashTable, faultTable, LEGEND } from './table.ts';

export interface Sweep {
  cells: CellResult[];
  crashes: CrashResult[];
  /** Steps inside which no process was killed. */
  neverInside: string[];
  seconds: number;
  /** Part of it was done before, by one that was interrupted. */
  resumed: boolean;
}

const FILE = fileURLToPath(new URL('RESULTS.md', import.meta.url));
const [BEGIN, END] = ['<!-- npm run sweep writes from here -->', '<!-- to here -->'];

export function resultText({ cells, crashes, neverInside, seconds, resumed }: Sweep): string {
  const broken = brokenDemands(cells, crashes);
  const slowest = cells.toSorted((one, other) => (other.seconds ?? 0) - (one.seconds ?? 0))[0]?.seconds ?? 0;
  return [
    `${cells.length} faults, ${crashes.length} crashes; ${broken.length} demands broken; the slowest verified isolation under a fault took ${slowest} s.`,
    '',
    ...(cells.length > 0 ? [faultTable(cells), '', ...LEGEND, ''] : []),
    ...(crashes.length > 0 ? [crashTable(crashes), ''] : []),
    ...(neverInside.length > 0 ? [`Never killed inside: ${neverInside.join(', ')}`, ''] : []),
    ...broken,
    ...brokeOnce(cells, crashes),
    `${Math.round(seconds / 60)} min${resumed ? ' for what an earlier sweep had left' : ''}`,
    '',
  ].join('\n');
}

/** What people wrote around it stays. */
export function keepResults(sweep: Sweep): void {
  const text = readFileSync(FILE, 'utf8');
  const [before = '', rest = ''] = text.split(BEGIN);
  const [, after = ''] = rest.split(END);
  writeFileSync(FILE, `${before}${BEGIN}\n\n\`\`\`text\n${resultText(sweep)}\`\`\`\n\n${END}${after}`);
}

/** One document: what came of each, and every demand that was broken. */
export function jsonOf({ cells, crashes }: Sweep): string {
  return `${JSON.stringify({
    outcomes: Object.fromEntries([
      ...cells.map((cell) => [cellName(cell), cell.outcome] as const),
      ...crashes.map(({ scene, crash, outcome }) => [`${scene}: ${crashName(crash)}`, outcome] as const),
    ]),
    broken: brokenDemands(cells, crashes),
  })}\n`;
}
