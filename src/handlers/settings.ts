/** The environment as settings. The only place in the function that reads it. */
import type { Places } from '../aws/connect.ts';

export interface Settings {
  places: Places;
  /** Ceiling over the policies' own mode; undefined: none. */
  mode: 'observe' | 'enforce' | undefined;
}

/**
 * `unsetSessions`: who denies sessions where no function is named. A person's command does it with the person's permissions;
 * a stack has a function for it, or leaves it.
 * @throws Error that names every variable that is missing or cannot be understood.
 */
export function readSettings(env: NodeJS.ProcessEnv, unsetSessions: 'direct' | 'off' = 'direct'): Settings {
  const problems: string[] = [];
  const needed = (name: string): string => {
    const value = env[name]?.trim();
    if (!value) problems.push(`${name} is not set`);
    return value ?? '';
  };
  const optional = (name: string): string | undefined => env[name]?.trim() || undefined;
  const [profile, document, dropBox] = [
    optional('COLLECTION_INSTANCE_PROFILE'),
    optional('COLLECTION_DOCUMENT'),
    optional('DROP_BOX_BUCKET'),
  ];
  const deadLetterQueue = optional('DEAD_LETTER_QUEUE_URL');
  const denier = optional('SESSION_DENIER_FUNCTION');
  const places: Places = {
    bucket: needed('EVIDENCE_BUCKET'),
    topicArn: needed('NOTIFICATION_TOPIC_ARN'),
    table: needed('INCIDENT_TABLE'),
    homeRegion: env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? '',
    ...(deadLetterQueue === undefined ? {} : { deadLetterQueue }),
    ...(dropBox === undefined ? {} : { dropBox }),
    collection: { ...(profile === undefined ? {} : { profile }), ...(document === undefined ? {} : { document }) },
    sessions: denier === undefined ? { kind: unsetSessions } : { kind: 'function', name: denier },
  };
  if (!places.homeRegion) problems.push('AWS_REGION is not set');
  if (places.topicArn && !/^arn:[^:]+:sns:[^:]+:\d{12}:.+$/.test(places.topicArn))
    problems.push(`NOTIFICATION_TOPIC_ARN is no topic's ARN: ${places.topicArn}`);
  const mode = env['SECRESPONSE_MODE']?.trim() || undefined;
  if (mode !== undefined && mode !== 'observe' && mode !== 'enforce')
    problems.push(`SECRESPONSE_MODE is ${JSON.stringify(mode)}: it takes observe or enforce`);
  if (problems.length > 0) throw new Error(problems.join('; '));
  return { places, mode: mode as Settings['mode'] };
}
