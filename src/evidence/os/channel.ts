/** Runs orders on a host through Run Command, and brings back what it has in pieces. */
import { setTimeout as sleep } from 'node:timers/promises';
import { deadlineSignal, errorLine } from '../../aws/deadline.ts';
import type { CommandReading, Ssm } from '../../aws/ssm.ts';
import { parametersOf, pieceOf, scriptText, type Answer, type Order, type Platform } from './orders.ts';

export interface CommandRecord {
  commandId: string;
  do: Order['do'];
  at: number;
  status: string;
  sentAt: string;
}

export interface Channel {
  ssm: Ssm;
  instanceId: string;
  incidentId: string;
  platform: Platform;
  /** The stack's document; absent: AWS's own, and the script goes in as a parameter. */
  document?: { name: string; version: string };
  deliveryMs: number;
  pollMs: number;
  now: () => number;
  /** Every command that was sent. */
  commands: CommandRecord[];
}

/** More at once would only wait for one another on the host. */
const AT_ONCE = 6;
/** The script that brings one piece. */
const PIECE_SECONDS = 30;
/** Looks in a row that fail before the command is given up. */
const BLIND_LOOKS = 3;
const WAITING = new Set(['Pending', 'Delayed']);

/** @returns standard output. @throws Error where the agent does not take the order in time, or the command fails. */
export async function runOrder(channel: Channel, order: Order): Promise<string> {
  const record = await sendOrder(channel, order);
  const deliverBefore = performance.now() + channel.deliveryMs;
  let blind = 0;
  for (let pause = Math.min(300, channel.pollMs); ; pause = channel.pollMs) {
    await sleep(pause, undefined, { signal: deadlineSignal() });
    const seen = await look(channel, record);
    blind = seen instanceof Error ? blind + 1 : 0;
    if (seen instanceof Error) {
      if (blind < BLIND_LOOKS) continue;
      throw new Error(`what became of the command could not be read: ${errorLine(seen)}`);
    }
    record.status = seen?.details || seen?.status || 'Pending';
    const status = seen?.status ?? 'Pending';
    if (WAITING.has(status) && performance.now() > deliverBefore)
      throw new Error(`the agent did not take the command within ${channel.deliveryMs / 1000} s`);
    if (!seen || WAITING.has(status) || status === 'InProgress' || status === 'Cancelling') continue;
    if (status === 'Success') return seen.stdout;
    const said = errorLine(new Error(seen.stderr.slice(-300)));
    throw new Error(`the command ended as ${record.status}${seen.stderr.trim() === '' ? '' : `: ${said}`}`);
  }
}

/** Sends without waiting for anything. */
export async function sendOrder(channel: Channel, order: Order): Promise<CommandRecord> {
  const { platform, document, instanceId } = channel;
  const values = parametersOf(order);
  const commandId = await channel.ssm.send({
    instanceId,
    comment: `secresponse ${channel.incidentId}: ${order.do}`,
    ...(document
      ? {
          document: document.name,
          version: document.version,
          parameters: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]])),
        }
      : {
          document: platform === 'Windows' ? 'AWS-RunPowerShellScript' : 'AWS-RunShellScript',
          parameters: { commands: [scriptText(platform, values)], executionTimeout: [values.limit] },
        }),
  });
  const sentAt = new Date(channel.now()).toISOString();
  const record = { commandId, do: order.do, at: order.at ?? 1, status: 'Pending', sentAt };
  channel.commands.push(record);
  return record;
}

/** A look that fails is no answer, unless AWS will never give one. */
async function look(channel: Channel, { commandId }: CommandRecord): Promise<CommandReading | Error | null> {
  try {
    return await channel.ssm.invocation(channel.instanceId, commandId);
  } catch (error) {
    if (/AccessDenied|UnauthorizedOperation/.test(errorLine(error)) || deadlineSignal()?.aborted) throw error;
    return error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * Fills `pieces` from the second on, several at a time; the last one takes the folder on the host away.
 * @throws Error of the first piece that cannot be had; the others stay in `pieces`.
 */
export async function bringPieces(
  channel: Channel,
  token: string,
  answer: Answer,
  pieces: Uint8Array[],
): Promise<void> {
  const order = { token, place: answer.place, limit: PIECE_SECONDS };
  let next = 2;
  const worker = async (): Promise<void> => {
    while (next < answer.pieces) {
      const at = next;
      next += 1;
      const read = () => runOrder(channel, { ...order, do: 'read', at });
      try {
        pieces[at - 1] = pieceOf(await read().catch(read));
      } catch (error) {
        // The others need not go on: the result ends at the gap.
        next = Infinity;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (answer.pieces > 1)
    pieces[answer.pieces - 1] = pieceOf(await runOrder(channel, { ...order, do: 'last', at: answer.pieces }));
}
