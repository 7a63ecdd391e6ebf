/**
 * Jest's environment for Node.js, and in it the libraries of a process: Jest compiles whatever a test imports anew for each
 * test file, and the AWS SDK takes longer for that than most of the tests take. Here each worker loads them once.
 */
const { TestEnvironment } = require('jest-environment-node');

/** What libraries throw and hand out has to be of the classes that the tests' own code knows. */
const SHARED = [
  'Error',
  'AggregateError',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
  'Date',
];

module.exports = class extends TestEnvironment {
  async setup() {
    await super.setup();
    for (const name of SHARED) this.global[name] = globalThis[name];
    this.before = { ...process.env };
    // The SDK reads its settings where it was loaded.
    Object.defineProperty(this.global.process, 'env', { value: process.env });
    this.global.requireOfProcess = require;
  }

  async teardown() {
    for (const name of Object.keys(process.env)) if (!(name in this.before)) delete process.env[name];
    Object.assign(process.env, this.before);
    await super.teardown();
  }
};
