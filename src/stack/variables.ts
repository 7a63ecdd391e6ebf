/** What serverless.yml takes from code: `${file(src/stack/…):name}`. */
import { writeSync } from 'node:fs';
import { UsageError } from '../cli/command.ts';

/** osls's: `param:email`, `self:service`, `sls:stage` → its value. */
type ResolveVariable = (address: string) => Promise<string>;

/** A variable that answers bad input with our lines alone; osls would put its own words around them, and a stack trace. */
export function variable<Value>(resolve: (resolveVariable: ResolveVariable) => Promise<Value>) {
  return async ({ resolveVariable }: { resolveVariable: ResolveVariable }): Promise<Value> => {
    try {
      return await resolve(resolveVariable);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      writeSync(process.stderr.fd, `${error.message}\n`);
      return process.exit(2);
    }
  };
}
