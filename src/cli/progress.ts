/** Shows each step as it happens: live on a terminal, plain lines elsewhere. */
import { clean } from '../notify/sanitise.ts';
import type { Progress } from '../runbook/engine.ts';

export interface ProgressView {
  show(progress: Progress): void;
  /** Wipes what is live; call before anything else is printed. */
  end(): void;
}

interface Running {
  name: string;
  since: number;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** `live`: on a terminal, whose cursor is moved, past the filter that other output goes through. */
export function progressView(lines: (text: string) => void, live: boolean): ProgressView {
  const write = live ? (text: string): void => void process.stderr.write(text) : lines;
  const began = performance.now();
  const running = new Map<string, Running>();
  let drawn = 0;
  let frame = 0;

  const wipe = (): void => {
    if (drawn > 0) write(`\u001B[${drawn}A\u001B[0J`);
    drawn = 0;
  };
  const draw = (): void => {
    if (!live) return;
    wipe();
    frame += 1;
    for (const { name, since } of running.values())
      write(`  ${FRAMES[frame % FRAMES.length]} ${name} ${seconds(performance.now() - since)}\n`);
    drawn = running.size;
  };
  const timer = live ? setInterval(draw, 100) : undefined;
  timer?.unref();

  const line = (mark: string, name: string, note: string): void => {
    wipe();
    write(`  ${seconds(performance.now() - began).padStart(7)}  ${mark} ${name.padEnd(24)} ${clean(note)}\n`);
    draw();
  };

  return {
    show({ name, kind, ms, result, parent }) {
      const id = `${parent ?? ''}/${name}`;
      switch (kind) {
        case 'start':
          running.set(id, { name, since: performance.now() });
          draw();
          break;
        case 'waiting':
          line('·', name, 'waiting');
          break;
        case 'done': {
          const startedAt = running.get(id)?.since;
          running.delete(id);
          const { mark, note } = outcome(result);
          const took = startedAt === undefined ? (ms ?? 0) : performance.now() - startedAt;
          line(mark, name, [`${Math.round(took)} ms`, note].filter(Boolean).join('  '));
          break;
        }
        case 'failed':
          running.delete(id);
          line('✗', name, 'failed');
      }
    },
    end() {
      clearInterval(timer);
      running.clear();
      wipe();
    },
  };
}

/** Reads the few forms that steps answer with; anything else is a plain success. */
function outcome(result: unknown): { mark: string; note: string } {
  if (typeof result !== 'object' || result === null) return { mark: '✓', note: '' };
  const inner = (result as { evidence?: unknown }).evidence ?? result;
  const answer = inner as { ok?: boolean; error?: string; status?: string; reason?: string; value?: unknown };
  if (answer.ok === false || (answer.ok === undefined && typeof answer.error === 'string'))
    return { mark: '✗', note: String(answer.error) };
  if (answer.status === 'failed') return { mark: '✗', note: answer.reason ?? '' };
  if (answer.status === 'skipped') return { mark: '–', note: answer.reason ?? '' };
  return { mark: '✓', note: '' };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
