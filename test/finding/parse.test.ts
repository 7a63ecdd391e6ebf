import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { FindingError } from '../../src/finding/finding.ts';
import { parseFinding } from '../../src/finding/parse.ts';
import { guardDutyEvent, readEvent } from '../events/events.ts';

const CALLER = { account: '111122223333', region: 'eu-west-1' };
const ID = 'i-0abc12345def67890';

test.each(['instance_id', 'instanceId'])(
  "a manual request by %s names one target, in the caller's account and Region",
  (key) => {
    expect(parseFinding({ [key]: ID }, CALLER)).toMatchObject({
      source: 'manual',
      type: 'ManualRequest',
      severity: { score: null },
      targets: [{ ...CALLER, instanceId: ID, facts: {} }],
      request: { dryRun: false, force: false },
    });
  },
);

test('a manual request may name everything itself', () => {
  const place = { account: CALLER.account, region: 'us-east-1' };
  const request = { instance_id: ID, ...place, reason: ' beacons ', dryRun: true, force: true };
  expect(parseFinding(request, CALLER)).toMatchObject({
    ...place,
    description: 'beacons',
    targets: [{ ...place, instanceId: ID }],
    request: { reason: 'beacons', dryRun: true, force: true },
  });
});

test('a manual request about another account is refused, unless an administrator makes it', () => {
  const request = { instance_id: ID, account: '444455556666' };
  expect(parseFinding(request, CALLER)).toMatchObject({ targets: [], refused: [{ account: '444455556666' }] });
  expect(parseFinding(request, { ...CALLER, administrators: [CALLER.account] }).targets).toHaveLength(1);
});

test('a mistyped instance id key is named', () => {
  expect(() => parseFinding({ instanceID: ID }, CALLER)).toThrow('did you mean instance_id?');
});

test.each<[object, object, string]>([
  [{ instance_id: ID, dry_run: true }, CALLER, '"dry_run": not a key of a manual request; did you mean dryRun?'],
  [
    { instance_id: ID, colour: 'red' },
    CALLER,
    '"colour": not a key of a manual request; a manual request has instance_id',
  ],
  [{ instance_id: ID, instanceId: 'i-99999999' }, CALLER, 'name different instances'],
  [
    { instance_id: 'i-12' },
    CALLER,
    'instance_id: expected an instance id: "i-" and 8 or 17 hexadecimal digits, found "i-12"',
  ],
  [{ instance_id: null }, CALLER, 'instance_id: expected an instance id'],
  [{ instance_id: ID, force: 'yes' }, CALLER, 'force: expected true or false, found "yes"'],
  [{ instance_id: ID }, { region: 'eu-west-1' }, 'account: not given'],
  [{ instance_id: ID }, { account: '111122223333' }, 'region: not given'],
])('refused: the manual request %j', (request, options, message) => {
  expect(() => parseFinding(request, options)).toThrow(message);
});

test.each<[unknown, string]>([
  [{ source: 'aws.guardduty', 'detail-type': 'AWS API Call via CloudTrail', detail: {} }, 'A CloudTrail event'],
  [readEvent('guardduty/cloudtrail-call'), 'A CloudTrail event'],
  [readEvent('inspector/scan'), 'An Inspector event (source "aws.inspector2", detail-type "Inspector2 Scan")'],
  [
    { source: 'aws.securityhub', 'detail-type': 'Security Hub Findings - Imported', detail: {} },
    'A Security Hub event',
  ],
  [{ ...guardDutyEvent('instance'), source: 'my.app' }, 'A GuardDuty finding that did not come from GuardDuty'],
  [
    { source: 'aws.ec2', 'detail-type': 'EC2 Instance State-change Notification', detail: {} },
    'An event (source "aws.ec2"',
  ],
  [{ SchemaVersion: '2018-10-08', AwsAccountId: '1', ProductArn: 'x' }, 'An ASFF finding'],
  [{ Findings: [{ ProductArn: 'x' }] }, 'A list of findings: an ASFF finding'],
  [{ class_uid: 2004 }, 'An OCSF finding'],
  [{ finding_id: 'x' }, 'A request by finding id says nothing by itself'],
  [{ Findings: [] }, 'A document with the keys "Findings"'],
  [{}, 'An empty document'],
  [[], 'A document that is an empty list'],
  ['text', 'A document that is "text"'],
  [null, 'A document that is null'],
])('not acted upon, and named: %j', (input, name) => {
  expect(() => parseFinding(input, CALLER)).toThrow(FindingError);
  expect(() => parseFinding(input, CALLER)).toThrow(name);
});

/** Anything may come in, and only a FindingError of one line may come out. */
function expectFindingOrFindingError(input: unknown): void {
  try {
    const finding = parseFinding(input, CALLER);
    expect(JSON.parse(JSON.stringify(finding))).toEqual(finding);
  } catch (error) {
    if (!(error instanceof FindingError)) throw error;
    expect(error.message).not.toMatch(/[\n\r]/);
  }
}

/** As it comes over the wire: without -0, for one. */
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

test('arbitrary JSON gives a finding or a FindingError', () => {
  fc.assert(fc.property(json, expectFindingOrFindingError));
});

test('real-shaped documents with one part replaced give a finding or a FindingError', () => {
  const document = fc.constantFrom(
    'guardduty/instance',
    'guardduty/sample',
    'guardduty/eks-runtime-node',
    'guardduty/access-key-caller',
    'guardduty/attack-sequence-tagged',
    'guardduty/credential-exfiltration',
    'guardduty/get-findings-answer',
    'inspector/package-critical-exploit',
    'inspector/network-internet',
    'inspector/list-findings-answer-pascal',
  );
  fc.assert(
    fc.property(document, fc.nat(), json, (name, position, value) => {
      const input = readEvent(name);
      const places = placesIn(input);
      const place = places[position % places.length];
      if (place !== undefined) Reflect.set(place.parent, place.key, value);
      expectFindingOrFindingError(input);
    }),
    { numRuns: 1000 },
  );
});

test('a document nested without end is refused, not fatal', () => {
  let nested: unknown = 1;
  for (let depth = 0; depth < 50_000; depth += 1) nested = { A: nested };
  expect(() => parseFinding({ Findings: [nested] }, CALLER)).toThrow(FindingError);
});

function placesIn(value: unknown): { parent: object; key: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [{ parent: value, key }, ...placesIn(child)]);
}
