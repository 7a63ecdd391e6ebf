/** A person's command: other systems hear of its incidents as well; its lines are its own output, and nobody counts its runs. */
import type { Telemetry } from '../runbook/outside.ts';
import type { Io } from './command.ts';

export function commandTelemetry(io: Pick<Io, 'err'>): Telemetry {
  return {
    line(_level, message, { stateEvent }) {
      if (typeof stateEvent !== 'string') return;
      io.err(`Other systems were not told (${message}): ${stateEvent}\n`);
    },
  };
}
