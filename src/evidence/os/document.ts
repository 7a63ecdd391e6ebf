/** The stack's own Systems Manager document: the collection scripts, and nothing else, with parameters that are no code. */
import { isDeepStrictEqual } from 'node:util';
import { PARAMETERS, scriptText, type ParameterName, type Platform } from './orders.ts';

/** What AWS takes, parameters included. */
export const DOCUMENT_LIMIT_BYTES = 64 * 1024;

export function collectionDocument(): object {
  const names = Object.keys(PARAMETERS) as ParameterName[];
  const values = Object.fromEntries(names.map((name) => [name, `{{ ${name} }}`])) as Record<ParameterName, string>;
  const defaults: Partial<Record<ParameterName, string>> = { place: '1', at: '1', seconds: '0', limit: '60', url: '' };
  const step = (platform: Platform) => ({
    action: platform === 'Windows' ? 'aws:runPowerShellScript' : 'aws:runShellScript',
    name: platform === 'Windows' ? 'windows' : 'linux',
    precondition: { StringEquals: ['platformType', platform] },
    inputs: { timeoutSeconds: '{{ limit }}', runCommand: [scriptText(platform, values)] },
  });
  return {
    schemaVersion: '2.2',
    description:
      'secresponse: collects volatile information of a suspect host. Changes nothing but one private folder.',
    parameters: Object.fromEntries(
      names.map((name) => [
        name,
        {
          type: 'String',
          description: PARAMETERS[name].text,
          allowedPattern: PARAMETERS[name].pattern,
          ...(defaults[name] === undefined ? {} : { default: defaults[name] }),
        },
      ]),
    ),
    mainSteps: [step('Linux'), step('Windows')],
  };
}

/** Whether a document, as AWS holds it, is the one of this version: somebody else's commands shall not run on a host. */
export function isCollectionDocument(content: string): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(content), JSON.parse(JSON.stringify(collectionDocument())));
  } catch {
    return false;
  }
}
