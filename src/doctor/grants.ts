/** What the policy of a role, a function or a queue lets a service of AWS do. Pure. */
import { globMatches } from '../policy/globs.ts';

export interface Use {
  /** `lambda.amazonaws.com`. */
  service: string;
  /** `sts:AssumeRole`. */
  action: string;
  /** ARN; absent: the policy has none, as a role's. */
  resource?: string;
  /** What AWS says about the call, by the key of the condition in lower case. */
  context: Readonly<Record<string, string>>;
}

/** `unclear`: it depends on what this does not understand. */
export type Grant = 'yes' | 'no' | 'unclear';

type Statement = Record<string, unknown>;

export function granted(policy: string, use: Use): Grant {
  const statements = statementsOf(policy).map((statement) => ({
    effect: statement['Effect'],
    applies: applies(statement, use),
  }));
  const of = (effect: string, grant: Grant): boolean =>
    statements.some((one) => one.effect === effect && one.applies === grant);
  if (of('Deny', 'yes')) return 'no';
  if (of('Allow', 'yes')) return of('Deny', 'unclear') ? 'unclear' : 'yes';
  return of('Allow', 'unclear') ? 'unclear' : 'no';
}

function statementsOf(policy: string): Statement[] {
  try {
    const { Statement = [] } = JSON.parse(policy) as { Statement?: Statement | Statement[] };
    return [Statement].flat();
  } catch {
    return [];
  }
}

function applies(statement: Statement, { service, action, resource, context }: Use): Grant {
  const actions = texts(statement['Action']).map((one) => one.toLowerCase());
  const parts: Grant[] = [
    principal(statement, service),
    'NotAction' in statement ? 'unclear' : yes(actions.some((glob) => globMatches(glob, action.toLowerCase()))),
    resource === undefined
      ? 'yes'
      : 'NotResource' in statement
        ? 'unclear'
        : yes(texts(statement['Resource']).some((glob) => globMatches(glob, resource))),
    ...Object.entries((statement['Condition'] ?? {}) as Record<string, object>).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, values]) => condition(operator, context[key.toLowerCase()], texts(values))),
    ),
  ];
  if (parts.includes('no')) return 'no';
  return parts.includes('unclear') ? 'unclear' : 'yes';
}

function principal(statement: Statement, service: string): Grant {
  if ('NotPrincipal' in statement) return 'unclear';
  const said = statement['Principal'];
  if (typeof said !== 'object' || said === null) return yes(said === '*');
  const services = texts((said as Record<string, unknown>)['Service']);
  // The name that some Regions have.
  return yes(services.some((one) => one === service || one === `${service}.cn`));
}

function condition(operator: string, value: string | undefined, wanted: string[]): Grant {
  const [, kind] = /^(StringEquals|StringLike|ArnEquals|ArnLike|Bool)(?:IfExists)?$/.exec(operator) ?? [];
  if (kind === undefined || value === undefined || wanted.some((one) => one.includes('?'))) return 'unclear';
  const isExact = kind === 'StringEquals' || kind === 'Bool';
  return yes(wanted.some((one) => (isExact ? one === value : globMatches(one, value))));
}

function yes(is: boolean): Grant {
  return is ? 'yes' : 'no';
}

function texts(value: unknown): string[] {
  return [value].flat().map(String);
}
