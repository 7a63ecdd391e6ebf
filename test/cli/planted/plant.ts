/** A misconfiguration of an account that is in order otherwise, and what the doctor has to say about it. */
import type { Planted, ReadyAccount } from '../../support/ready-account.ts';

/** `rule`: the one that it changes. */
export type Plant = Planted | (((room: ReadyAccount) => Promise<unknown>) & { rule?: string });
export type Row = [
  name: string,
  check: string,
  level: 'not-ready' | 'warning',
  says: RegExp,
  plant: Plant,
  env?: object,
];

/** KMS changes a key by its id. */
export const idOf = (key: string): string => key.split('/').at(-1) ?? '';
