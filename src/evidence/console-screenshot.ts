import type { Collector } from './collector.ts';

/** What the instance's screen shows. AWS has none of bare-metal and some Graviton instances. */
export const consoleScreenshot: Collector = {
  name: 'console-screenshot',
  title: 'Console screenshot',
  permissions: ['ec2:GetConsoleScreenshot'],
  async take(aws, { target }) {
    try {
      const body = await aws.ec2.consoleScreenshot(target.instanceId);
      return { taken: [{ name: 'console-screenshot.jpg', body, contentType: 'image/jpeg' }] };
    } catch (error) {
      if (error instanceof Error && error.name === 'UnsupportedOperation')
        return { taken: [], skipped: 'AWS takes no screenshot of this kind of instance' };
      // A stopped instance has no screen.
      if (error instanceof Error && error.name === 'IncorrectInstanceState')
        return { taken: [], skipped: 'the instance is not running: it has no screen' };
      throw error;
    }
  },
};
