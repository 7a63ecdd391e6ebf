/** Messages of a few lists: the fullest that fits is sent. Pure. */
import { MAX_BYTES, type Notification } from './message.ts';

/** How much is told of each text and list; the first that fits is taken. */
const LEVELS = [
  { text: 2_000, items: 50 },
  { text: 400, items: 8 },
  { text: 120, items: 1 },
] as const;

export interface Level {
  /** Characters of one text. */
  text: number;
  /** Entries of one list. */
  items: number;
}

export const SUBJECT_LENGTH = 99;

export function fitting(compose: (level: Level) => Notification): Notification {
  const candidates = LEVELS.map(compose);
  const found = candidates.find(({ message }) => new TextEncoder().encode(message).length <= MAX_BYTES - 1_000);
  return (found ?? candidates.at(-1)) as Notification;
}
