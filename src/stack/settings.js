/** `${file(src/stack/settings.js):mode}`: parameters that are checked before a stack is made with them. */
import { UsageError } from '../cli/command.ts';
import { variable } from './variables.ts';

export const mode = variable(async (resolveVariable) => {
  const value = await resolveVariable('param:mode');
  if (value !== 'observe' && value !== 'enforce') throw new UsageError(`mode is ${value}: it takes observe or enforce`);
  return value;
});
