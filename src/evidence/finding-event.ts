import { jsonObject, type Collector } from './collector.ts';

/** The event that started it all, as it came. */
export const findingEvent: Collector = {
  name: 'finding',
  title: 'The finding as it came',
  permissions: [],
  take: (_aws, { event }) => Promise.resolve({ taken: [jsonObject('finding.json', event)] }),
};
