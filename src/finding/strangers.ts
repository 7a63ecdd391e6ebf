/** Events that reach this address and are not acted upon: named, so that the message says what came and not only what did not. */
import { show } from './names.ts';
import { isObject } from './validate.ts';

const UNDERSTOOD =
  'Understood are GuardDuty and Inspector findings (EventBridge event, its detail, or the API\'s answer), {"instance_id": "i-…"} and {"finding_id": "…"}.';
const BY_ID =
  'A request by finding id says nothing by itself: the finding has to be read from GuardDuty first, which the responder does.';

/** One line that says what an event with an envelope is. */
export function describeEvent(source: unknown, detailType: unknown): string {
  return `${eventName(source, detailType)} is not acted upon. ${UNDERSTOOD}`;
}

function eventName(source: unknown, detailType: unknown): string {
  const named = `(source ${show(source)}, detail-type ${show(detailType)})`;
  if (typeof detailType === 'string' && detailType.includes('CloudTrail')) return `A CloudTrail event ${named}`;
  if (source === 'aws.inspector2') return `An Inspector event ${named}`;
  if (source === 'aws.securityhub') return `A Security Hub event ${named}`;
  if (detailType === 'GuardDuty Finding') return `A GuardDuty finding that did not come from GuardDuty ${named}`;
  return `An event ${named}`;
}

/** One line that says what a document without envelope is. */
export function describeDocument(input: unknown): string {
  if (isObject(input) && ('finding_id' in input || 'findingId' in input)) return BY_ID;
  return `${documentName(input)} is not acted upon. ${UNDERSTOOD}`;
}

const MARKS: readonly (readonly [keys: readonly string[], name: string])[] = [
  [['class_uid'], 'An OCSF finding (Security Hub)'],
  [['metadata', 'finding_info'], 'An OCSF finding (Security Hub)'],
  [['ProductArn'], 'An ASFF finding (Security Hub)'],
  [['AwsAccountId', 'SchemaVersion'], 'An ASFF finding (Security Hub)'],
  [['assetAttributes'], 'An Inspector Classic finding'],
  [['eventSource', 'eventName'], 'A CloudTrail record'],
  [['Type', 'TopicArn', 'Message'], 'An SNS message'],
  [['Records'], 'A batch of records (SQS, SNS or S3)'],
  [['detail-type'], 'An EventBridge event without a detail'],
];

function documentName(input: unknown): string {
  if (!isObject(input)) return `A document that is ${show(input)}`;
  const list = input['findings'] ?? input['Findings'];
  const first: unknown = Array.isArray(list) ? list[0] : undefined;
  if (isObject(first)) return `A list of findings: ${lowerFirst(documentName(first))}`;
  const mark = MARKS.find(([keys]) => keys.every((key) => key in input));
  if (mark !== undefined) return mark[1];
  const keys = Object.keys(input);
  if (keys.length === 0) return 'An empty document';
  return `A document with the keys ${keys.slice(0, 5).map(show).join(', ')}${keys.length > 5 ? ', …' : ''}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
