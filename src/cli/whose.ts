/** What the commands that change the ledger share: who calls, and the ledger of the stack. */
import { caller, connect, type Aws } from '../aws/connect.ts';
import { attempt } from '../aws/deadline.ts';
import type { Places } from '../aws/connect.ts';
import type { Budgets } from '../runbook/budgets.ts';
import { UsageError, type Io } from './command.ts';
import { settingsOf } from './settings.ts';

export interface Whose {
  account: string;
  region: string;
  /** ARN of the credentials, as STS says; for the record. */
  by: string;
  places: Places;
  budgets: Budgets;
  /** Gateways to the account and Region of the stack. */
  home: Aws;
}

/** @throws UsageError where the settings or the credentials are no good */
export async function whose({ env }: Io): Promise<Whose> {
  const { settings, budgets } = settingsOf(env);
  const { places } = settings;
  const region = places.homeRegion;
  const answer = await attempt(budgets.readMs, 'sts:GetCallerIdentity', () => caller({ region, budgets }));
  if (!answer.ok) throw new UsageError(`the account of the AWS credentials could not be read: ${answer.error}`);
  const { account, arn } = answer.value;
  return {
    account,
    region,
    by: arn ?? `account ${account}`,
    places,
    budgets,
    home: connect({ account, region }, places, budgets),
  };
}

/** Runs a call of the ledger. @throws UsageError with what could not be done */
export async function ledgerCall<T>({ budgets }: Whose, what: string, call: () => Promise<T>): Promise<T> {
  const answer = await attempt(budgets.closeMs, 'the ledger', call);
  if (!answer.ok) throw new UsageError(`${what}: ${answer.error}`);
  return answer.value;
}
