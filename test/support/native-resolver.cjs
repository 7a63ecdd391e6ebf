/** Jest's resolver: a library is a file that asks the process for it. */
const { existsSync, mkdirSync, writeFileSync, renameSync } = require('node:fs');
const { join } = require('node:path');
const { tmpdir } = require('node:os');

const LIBRARIES =
  /^(@aws-sdk|@smithy|@aws|@aws-lambda-powertools|@cloud-copilot|@middy)\/|^(yaml|zod|fast-check)(\/|$)/;
const folder = join(process.env.SECRESPONSE_TEST_FOLDER ?? tmpdir(), 'libraries');

module.exports = (path, options) => {
  if (!LIBRARIES.test(path) || options.basedir.includes('node_modules')) return options.defaultResolver(path, options);
  const file = join(folder, `${path.replaceAll('/', '__')}.cjs`);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      `${file}.${process.pid}`,
      `const library = requireOfProcess(${JSON.stringify(options.defaultResolver(path, options))});
// As Node.js has it, what is imported by default is all that a CommonJS file exports.
module.exports = typeof library.default === 'function' && library[Symbol.toStringTag] === 'Module' ? library.default : library;
`,
    );
    renameSync(`${file}.${process.pid}`, file);
  }
  return file;
};
