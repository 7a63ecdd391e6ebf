#!/usr/bin/env node
// Checks what the rest cannot run without, then loads it. Plain JavaScript: an older Node has to be able to read this.
const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  process.stderr.write(
    `secresponse needs Node 24 or newer, this is ${process.version}: run it as "npx secresponse" or "npm run" from the project's folder after "npm ci", or install Node 24.\n`,
  );
  process.exitCode = 2;
} else {
  import('./main.ts').then(
    ({ main }) => main(process.argv.slice(2)),
    (error) => {
      const missing = error && error.code === 'ERR_MODULE_NOT_FOUND';
      process.stderr.write(
        missing ? `Not installed yet (${error.message.split('\n')[0]}): run "npm ci" first.\n` : `${error.stack}\n`,
      );
      process.exitCode = 2;
    },
  );
}
