/** `incidents` and `report`: the ledger as a person reads it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { IncidentRow } from '../../src/aws/incidents.ts';
import { ledgerGateway } from '../../src/aws/ledger.ts';
import { incidents } from '../../src/cli/incidents.ts';
import { run } from '../../src/cli/main.ts';
import { labConfig } from '../../src/lab/client.ts';
import { budgetsFor } from '../support/budgets.ts';
import { incidentRoom, isWrite, patientBudgets, type IncidentRoom } from '../support/incident-room.ts';
import { UNSEEN } from '../support/hostile.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { release } from '../support/releaser.ts';
import { scratchFolder } from '../support/scratch.ts';

const local = useLocalAws();

async function command(room: IncidentRoom, args: string[], cwd = process.cwd()) {
  const env = { ...room.env, SECRESPONSE_BUDGETS: JSON.stringify(budgetsFor(room.account)) };
  Object.assign(process.env, env);
  const answer = { code: -1, out: '', err: '' };
  answer.code = await run(args, {
    out: (text) => void (answer.out += text),
    err: (text) => void (answer.err += text),
    env,
    cwd,
  });
  return answer;
}

async function rowsOf(room: IncidentRoom, ...filters: string[]): Promise<IncidentRow[]> {
  const { code, out } = await command(room, ['incidents', ...filters, '--json']);
  expect(code).toBe(0);
  return (JSON.parse(out) as { incidents: IncidentRow[] }).incidents;
}

const other = (room: IncidentRoom, change: object) =>
  room.event(({ detail }) => void Object.assign(detail, { id: 'other' }, change));

test('newest first: released, then open; what each was about, and nothing is written', async () => {
  const room = await incidentRoom(await local.newAccount());
  const first = await room.respond(room.event());
  await release(room, { incident_id: first.incidentId, reason: 'false alarm' });
  const updatedAt = new Date().toISOString();
  const second = await room.respond(
    other(room, { severity: 5, updatedAt, service: { archived: false, eventLastSeen: updatedAt } }),
  );
  const start = room.account.proxy.calls.length;
  const rows = await rowsOf(room);
  expect(rows).toMatchObject([
    { incidentId: second.incidentId, status: 'collected', response: 'collect', open: true, isolated: null },
    {
      incidentId: first.incidentId,
      status: 'released',
      target: first.target,
      response: 'quarantine',
      rule: first.decision.rule,
      finding: first.finding.type,
      findings: 1,
      startedAt: first.startedAt,
      open: false,
      isolated: false,
      approvalPending: false,
    },
  ]);
  const { code, out } = await command(room, ['incidents']);
  expect(code).toBe(0);
  const [head = '', ...lines] = out.trimEnd().split('\n');
  expect(head).toMatch(/^STARTED +INCIDENT +STATUS +INSTANCE +ACCOUNT +REGION +RESPONSE +RULE +ISOLATED +OPEN$/);
  expect(lines.map((line) => line.split(/ {2,}/)[1])).toEqual([second.incidentId, first.incidentId]);
  expect(room.calls(start).filter(isWrite)).toEqual([]);
});

test('isolated and verified; a run under way that has left nothing but its claim; a request for approval', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  expect(await rowsOf(room)).toMatchObject([{ incidentId, status: 'quarantined', isolated: true, open: true }]);

  const asking = await incidentRoom(await local.newAccount());
  const type = 'UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS';
  const asked = await asking.respond(
    asking.event(({ detail }) => {
      detail.type = type;
      detail['resource'] = { ...(detail['resource'] as object), resourceType: 'AccessKey' };
    }),
  );
  expect(await rowsOf(asking)).toMatchObject([
    { incidentId: asked.incidentId, status: 'awaiting-approval', approvalPending: true, isolated: null },
  ]);
  expect((await command(asking, ['incidents'])).out).toContain('awaiting-approval, a person is asked');

  const begun = await incidentRoom(await local.newAccount());
  await ledgerGateway(begun.deployment.table, {
    ...labConfig({ endpoint: begun.account.endpoint, region: begun.world.region }),
    budgets: patientBudgets,
  }).claim({
    target: begun.world,
    holder: 'arn:execution',
    leaseMs: null,
    incidentId: 'inc-0123456789abcdef',
    asked: 'quarantine',
    insist: false,
    finding: { id: 'one', severity: 'HIGH' },
    critical: false,
    now: Date.now(),
  });
  expect(await rowsOf(begun)).toMatchObject([
    { incidentId: 'inc-0123456789abcdef', status: 'in-progress', response: 'quarantine', open: true, isolated: null },
  ]);
});

test('filters, each by itself; what is no such value is refused: exit code 2', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId, target } = await room.respond(room.event());
  const found = async (...filters: string[]) => (await rowsOf(room, ...filters)).map((row) => row.incidentId);
  expect(await found('--status', 'quarantined', '--account', target.account, '--instance', target.instanceId)).toEqual([
    incidentId,
  ]);
  expect(await found('--status', 'released')).toEqual([]);
  expect(await found('--account', '999999999999')).toEqual([]);
  expect(await found('--instance', 'i-00000000000000000')).toEqual([]);
  expect((await command(room, ['incidents', '--status', 'released'])).out).toBe(
    'None of the 1 incidents in the ledger is such a one.\n',
  );
  for (const [name, value] of [
    ['--status', 'quarantine'],
    ['--account', '12'],
    ['--instance', '../i-1'],
  ] as const) {
    const { code, err } = await command(room, ['incidents', name, value]);
    expect([code, err]).toEqual([2, expect.stringMatching(new RegExp(`^secresponse incidents: ${name} takes .*\n$`))]);
  }
  room.account.proxy.fault({ operation: 'Scan', kind: 'denied' });
  const { code, err } = await command(room, ['incidents']);
  expect([code, err]).toEqual([2, expect.stringContaining('could not be read from the ledger: AccessDenied')]);
});

test('an entry that somebody has written into the ledger forges no line and moves no cursor', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId } = await room.respond(room.event());
  await new DynamoDBClient(labConfig({ endpoint: room.account.endpoint, region: room.world.region })).send(
    new UpdateItemCommand({
      TableName: room.deployment.table,
      Key: { pk: { S: `incident#${incidentId}` } },
      UpdateExpression: 'SET #status = :text, #response = :text, startedAt = :text',
      ExpressionAttributeNames: { '#status': 'status', '#response': 'response' },
      ExpressionAttributeValues: { ':text': { S: '\u001B[2J\nreleased\u202E \u009B31m' } },
    }),
  );
  const { out } = await command(room, ['incidents']);
  expect(out).not.toMatch(UNSEEN);
  expect(out.trimEnd().split('\n')).toHaveLength(2);
  const json = await command(room, ['incidents', '--json']);
  expect(json.out).not.toMatch(UNSEEN);
  expect((JSON.parse(json.out) as { incidents: IncidentRow[] }).incidents[0]?.status).toContain('\u009B31m');
});

test('an empty ledger says so', async () => {
  const room = await incidentRoom(await local.newAccount());
  expect(await command(room, ['incidents'])).toEqual({ code: 0, out: 'The ledger has no incident.\n', err: '' });
  expect(incidents.usage).toContain('awaiting-approval');
});

test('report: the text that the mail had, what became of it since, and the page of the last run', async () => {
  const room = await incidentRoom(await local.newAccount());
  const { incidentId, evidencePrefix } = await room.respond(room.event());
  const [mail] = await room.messages();
  const told = await command(room, ['report', incidentId]);
  expect(told).toMatchObject({ code: 0, err: '' });
  expect(mail?.body).toContain('"mode":"enforce"');
  expect(told.out).toContain(`Isolated: ${room.world.instanceId} can open no new connection`);
  const kept = (await room.objects()).find(({ key }) => key.endsWith('/notification.txt'));
  expect(Buffer.from(kept?.body ?? []).toString()).toContain(told.out.slice(0, 2_000));

  const cwd = scratchFolder();
  const page = await command(room, ['report', incidentId, '--html', 'page.html'], cwd);
  expect(page).toMatchObject({
    code: 0,
    out: `page.html: s3://${room.deployment.bucket}/${evidencePrefix}report.html\n`,
  });
  const stored = (await room.objects()).find(({ key }) => key.endsWith('/report.html'));
  expect(readFileSync(join(cwd, 'page.html'))).toEqual(Buffer.from(stored?.body ?? []));

  await release(room, { incident_id: incidentId, reason: 'false alarm' });
  expect((await command(room, ['report', incidentId])).out).toMatch(/^Now released, since \d{4}-.*\. What was told/);
});

test('report: unknown, malformed, unfinished or without a page: one line and an exit code', async () => {
  const room = await incidentRoom(await local.newAccount());
  const refused = async (...args: string[]) => {
    const { code, out, err } = await command(room, ['report', ...args]);
    expect([out, err.split('\n').length]).toEqual(['', 2]);
    return `${code} ${err}`;
  };
  expect(await refused()).toMatch(/^2 .*give the id of one incident/);
  expect(await refused('../../etc/passwd')).toMatch(/^2 .*is no incident's id/);
  expect(await refused('inc-unknown')).toMatch(/^2 .*the ledger knows no incident inc-unknown/);
  const { incidentId } = await room.respond(room.event());
  const folder = scratchFolder();
  writeFileSync(join(folder, 'file'), '');
  expect(await refused(incidentId, '--html', join(folder, 'file', 'page.html'))).toMatch(/^2 .*cannot be written/);
  room.account.proxy.fault({ operation: 'ListObjectsV2', kind: 'denied' });
  expect(await refused(incidentId, '--html', join(folder, 'page.html'))).toMatch(
    /^1 .*the report could not be read from s3:.*AccessDenied/,
  );
});
