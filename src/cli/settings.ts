/** The environment of a person's command: what is wrong with it is bad configuration, told in one line. */
import { readSettings, type Settings } from '../handlers/settings.ts';
import { budgetsFrom, type Budgets } from '../runbook/budgets.ts';
import { UsageError } from './command.ts';

/** @throws UsageError */
export function settingsOf(env: NodeJS.ProcessEnv): { settings: Settings; budgets: Budgets } {
  try {
    return { settings: readSettings(env), budgets: budgetsFrom(env) };
  } catch (error) {
    throw new UsageError(`settings: ${(error as Error).message}`, { cause: error });
  }
}
