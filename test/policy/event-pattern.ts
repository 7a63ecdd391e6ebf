/** As much of EventBridge's pattern matching as the compiled patterns use, for the properties that they must have. */

export function matchesPattern(pattern: object, event: unknown): boolean {
  // Conditions on siblings hold in the same element of a list.
  if (Array.isArray(event)) return event.some((element: unknown) => matchesPattern(pattern, element));
  return Object.entries(pattern).every(([key, expected]: [string, unknown]) => {
    const value = isObject(event) ? event[key] : undefined;
    if (!Array.isArray(expected)) return isObject(expected) && matchesPattern(expected, value);
    return expected.some((matcher: unknown) => matchesValue(matcher, value));
  });
}

function matchesValue(matcher: unknown, value: unknown): boolean {
  if (!isObject(matcher)) return matcher === value;
  const [kind, argument] = Object.entries(matcher)[0] ?? [];
  if (kind === 'exists') return (value !== undefined && !isObject(value)) === argument;
  if (kind === 'numeric') return typeof value === 'number' && matchesNumbers(argument as (string | number)[], value);
  if (typeof value !== 'string' || typeof argument !== 'string') return false;
  if (kind === 'prefix') return value.startsWith(argument);
  if (kind === 'suffix') return value.endsWith(argument);
  if (kind === 'wildcard') return wildcard(argument).test(value);
  throw new Error(`matcher ${kind} is not known here`);
}

function matchesNumbers(comparisons: (string | number)[], value: number): boolean {
  if (comparisons.length === 0) return true;
  const [operator, bound, ...rest] = comparisons;
  return compare(value, String(operator), Number(bound)) && matchesNumbers(rest, value);
}

function compare(value: number, operator: string, bound: number): boolean {
  if (operator === '=') return value === bound;
  if (operator === '<') return value < bound;
  if (operator === '<=') return value <= bound;
  if (operator === '>') return value > bound;
  if (operator === '>=') return value >= bound;
  throw new Error(`operator ${operator} is not known here`);
}

function wildcard(text: string): RegExp {
  if (text.includes('**')) throw new Error('EventBridge refuses ** in a wildcard');
  const expression = text
    .replaceAll('\\\\', '\\')
    .split('*')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('.*');
  return new RegExp(`^${expression}$`, 's');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
