/** The notification that a quarantine was denied, or that nobody decided about it. Pure. */
import type { IncidentResult } from '../runbook/incident.ts';
import { when } from './facts.ts';
import { fitting, SUBJECT_LENGTH, type Level } from './levels.ts';
import type { Notification } from './message.ts';
import { ascii, clean, cut, mapTexts } from './sanitise.ts';
import { bullets, row, section, wrap } from './text.ts';

export function decisionMessage(result: IncidentResult): Notification {
  return fitting((level) => compose(result, level));
}

function compose(result: IncidentResult, limits: Level): Notification {
  const { incidentId, target, approval, failures } = mapTexts(
    { ...result, finding: null, evidence: [], changes: [] },
    (text) => cut(clean(text), limits.text),
  ) as IncidentResult;
  const { account, region, instanceId } = target;
  const denied = approval?.state === 'denied';
  const lead = denied ? '[DENIED] NOT isolated:' : '[NOBODY DECIDED] NOT isolated:';
  const subject = ascii(`${lead} ${instanceId} ${account} ${region}`, SUBJECT_LENGTH);
  const summary = denied
    ? `The quarantine of ${instanceId} was denied. It is NOT isolated, and findings about it start nothing for 24 hours.`
    : `Nobody approved the quarantine of ${instanceId}. It is NOT isolated, and findings about it start nothing for 24 hours.`;
  const command = `npx secresponse respond --instance ${instanceId}`;
  const text = [
    [...wrap(summary, ''), ''].join('\n'),
    section('WHICH INCIDENT', [
      ...row({ label: 'Incident', value: incidentId }),
      ...row({ label: 'Instance', value: `${instanceId} in ${account}, ${region}` }),
      ...row({ label: 'Asked', value: approval?.because ?? '' }),
      ...(approval?.by === undefined ? [] : row({ label: 'By (claimed)', value: approval.by, foreign: true })),
      ...row({ label: 'Reason', value: approval?.reason ?? '', foreign: true }),
      ...row({ label: 'When', value: when(approval?.decidedAt ?? '') }),
    ]),
    section('WHAT FAILED', bullets(failures, limits.items, 'Nothing.')),
    section('HOW TO GO ON', ['  To isolate it all the same:', `  ${command}`]),
  ].join('\n');
  const json = { version: 1, summary, incidentId, target, status: result.status, approval, commands: [command] };
  const attributes = { status: denied ? 'denied' : 'expired', account, region };
  const machine = JSON.stringify(json);
  const machines = ['sqs', 'lambda', 'http', 'https', 'firehose', 'email-json'].map((name) => [name, machine]);
  const message = JSON.stringify({ default: text, email: text, sms: subject, ...Object.fromEntries(machines) });
  return { subject, text, json, attributes, message };
}
