/** A table for a terminal: columns as wide as their widest cell, two spaces between them. Cells are one line each. */
export function table(heads: string[], rows: string[][]): string {
  const widths = heads.map((head, at) => Math.max(...[head, ...rows.map((row) => row[at] ?? '')].map(width)));
  const line = (cells: string[]): string =>
    cells
      .map((cell, at) => cell + ' '.repeat(Math.max(0, (widths[at] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd();
  return `${[heads, ...rows].map(line).join('\n')}\n`;
}

function width(text: string): number {
  return Array.from(text).length;
}
