import type { Collector } from './collector.ts';

/** The last 64 KiB that the instance wrote to its serial console. */
export const consoleOutput: Collector = {
  name: 'console-output',
  title: 'Console output',
  permissions: ['ec2:GetConsoleOutput'],
  async take(aws, { target }) {
    const latest = await aws.ec2.consoleOutput(target.instanceId, true).catch((error: unknown) => {
      // Only Nitro instances have the newest output; others have what was buffered at the last change of state.
      if (error instanceof Error && error.name === 'UnsupportedOperation') return undefined;
      throw error;
    });
    const body = latest === undefined ? await aws.ec2.consoleOutput(target.instanceId, false) : latest;
    if (body === null) return { taken: [], skipped: 'the console has no output' };
    return { taken: [{ name: 'console-output.txt', body, contentType: 'text/plain' }] };
  },
};
