/** `${file(src/stack/document.js):content}`: the commands that the responder may run on a host, as Systems Manager holds them. */
import { collectionDocument } from '../evidence/os/document.ts';
import { variable } from './variables.ts';

export const content = variable(async () => untouched(collectionDocument()));

/** Scripts have variables, too: osls would take `${…}` for its own, and `\${…}` for one of its own to be left as it is. */
function untouched(value) {
  if (typeof value === 'string') return value.includes('${') ? { 'Fn::Join': ['$', apart(value)] } : value;
  if (Array.isArray(value)) return value.map(untouched);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, untouched(item)]));
}

function apart(text) {
  const [first, ...others] = text.split('${');
  return [first, ...others.map((part) => `{${part}`)];
}
