/** Jest's resolver: a library is a file that asks the process for it. */
const { existsSync, mkdirSync, writeFileSync, renameSync } = require('node:fs');
const { join } = require('node:path');

const LIBRARIES =
  /^(@aws-sdk|@smithy|@aws|@aws-lambda-powertools|@cloud-copilot|@middy)\/|^(yaml|zod|fast-check)(\/|$)/;

module.exports = (path, options) => {
  // Of this run, and only of it: another checkout has its libraries elsewhere. global-setup.ts makes it.
  const ofRun = process.env.SECRESPONSE_TEST_FOLDER;
  if (!ofRun || !LIBRARIES.test(path) || options.basedir.includes('node_modules'))
    return options.defaultResolver(path, options);
  const folder = join(ofRun, 'libraries');
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
