/** `node src/stack/state-event-schema.js > src/notify/state-event.schema.json` */
import { stateEventJsonSchema } from '../notify/state-event-schema.ts';

process.stdout.write(`${JSON.stringify(stateEventJsonSchema(), null, 2)}\n`);
