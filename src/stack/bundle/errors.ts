/** The SDK writes out a class for each error that a service may answer with, used or not, and registers it. */
import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** As the SDK's generator writes each of them. */
const CLASS = new RegExp(
  [
    String.raw`export class (\w+) extends __BaseException \{`,
    // Absent in clients of some versions.
    String.raw`(?:static shapeId = "([\w.]+)#\1";\s+)?name = "\1";`,
    String.raw`\$fault = "(client|server)";`,
    String.raw`((?:(?:\$retryable = \{[^}]*\}|\w+);\s+)*)constructor\(opts\) \{`,
    String.raw`super\(\{`,
    String.raw`name: "\1",`,
    String.raw`\$fault: "\3",`,
    String.raw`\.\.\.opts,?`,
    String.raw`\}\);`,
    String.raw`Object\.setPrototypeOf\(this, \1\.prototype\);`,
    String.raw`((?:this\.\w+ = opts\.\w+;\s+)*)\}`,
    String.raw`\}`,
  ].join(String.raw`\s+`),
  'g',
);

const FACTORY = `
const __error = (namespace, name, $fault, fields) => {
  const made = class extends __BaseException {
    constructor(opts) {
      super({ name, $fault, ...opts });
      this.name = name;
      this.$fault = $fault;
      Object.setPrototypeOf(this, new.target.prototype);
      for (const field of fields) this[field] = opts[field];
    }
  };
  if (namespace !== null) made.shapeId = namespace + '#' + name;
  return made;
};
`;

/** The same classes from one pattern: some 80 KiB less in the responder. One that is written otherwise stays as it is. */
export const errorClasses: Plugin = {
  name: 'error-classes',
  setup(build) {
    build.onLoad(
      { filter: /@aws-sdk[\\/]client-[^\\/]+[\\/]dist-es[\\/]models[\\/]errors\.js$/ },
      async ({ path }) => ({
        contents: madeByFactory(await readFile(path, 'utf8')),
        loader: 'js',
      }),
    );
  },
};

function madeByFactory(source: string): string {
  const classes = source.replaceAll(CLASS, (whole, name, namespace, fault, declared: string, assigned: string) => {
    const fields = [...assigned.matchAll(/this\.(\w+)/g)].map(([, field]) => field);
    // `$retryable` has a value of its own.
    if (declared.includes('$')) return whole;
    return `export const ${name} = __error(${[namespace ?? null, name, fault, fields].map((part) => JSON.stringify(part)).join(', ')});`;
  });
  const afterImports = classes.lastIndexOf('\n', classes.search(/^export /m)) + 1;
  return classes.slice(0, afterImports) + FACTORY + classes.slice(afterImports);
}
