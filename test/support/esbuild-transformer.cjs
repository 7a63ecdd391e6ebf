// Jest's transformer: strips the types with the esbuild that the bundle is built with.
const { transformSync } = require('esbuild');
module.exports = {
  process: (source, path) =>
    transformSync(source, { loader: 'ts', format: 'esm', target: 'node24', sourcefile: path, sourcemap: 'inline' }),
};
