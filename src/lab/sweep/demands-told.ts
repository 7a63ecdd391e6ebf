/** People and the ledger: they hear of it, once, and what they hear is so. */
import type { IncidentResult } from '../../runbook/incident.ts';
import type { After } from './after.ts';

export function toldFaults(after: After): string[] {
  return [...messageFaults(after), ...ledgerFaults(after), ...wordFaults(after)];
}

function messageFaults({ incident, reading, struck, scene }: After): string[] {
  const { messages } = reading;
  const { notification } = incident;
  const cannot = struck?.lasting === true && struck.kind.service === 'sns';
  if (cannot)
    return [
      ...(notification.status === 'failed' && notification.reason
        ? []
        : [`the notification is ${notification.status}, and cannot have gone out`]),
      ...(reading.deadLetters.some(({ body }) => body.includes(scene.world.instanceId))
        ? []
        : ['what could not be sent is not in the dead letters']),
    ];
  const twice = struck !== null && (struck.lost || struck.killed) ? 2 : 1;
  const faults = [];
  if (notification.status !== 'done') faults.push(`the notification ${notification.status}: ${notification.reason}`);
  if (messages.length < 1 || messages.length > twice) faults.push(`${messages.length} messages`);
  for (const { body, attributes } of messages) {
    if (attributes['status'] !== incident.status) faults.push(`the message says ${attributes['status']}`);
    if (!body.includes(scene.world.instanceId)) faults.push('the message does not name the instance');
  }
  return faults;
}

/** The ledger holds what came of it, and nobody's claim. */
function ledgerFaults({ incident, reading, struck }: After): string[] {
  if (struck?.lasting && struck.kind.service === 'dynamodb')
    return incident.failures.some((line) => /ledger/.test(line)) ? [] : ['the ledger failed, and nothing says so'];
  const item = reading.ledger[`incident#${incident.incidentId}`];
  if (!item) return ['the ledger does not know the incident'];
  const kept = JSON.parse(item['result'] || 'null') as IncidentResult | null;
  const faults = [];
  if (item['status'] !== incident.status) faults.push(`the ledger says ${item['status']}`);
  if (kept?.notification.status !== incident.notification.status)
    faults.push(`the ledger says that the notification is ${kept?.notification.status}`);
  if (kept?.isolation?.verified !== incident.isolation?.verified) faults.push('the ledger tells another isolation');
  const targets = Object.entries(reading.ledger).filter(([key]) => key.startsWith('target#'));
  if (targets.length !== 1) faults.push(`${targets.length} targets in the ledger`);
  for (const [, target] of targets) if (target['holder']) faults.push('the claim was not given back');
  if (Object.keys(reading.ledger).filter((key) => key.startsWith('incident#')).length !== 1)
    faults.push('more than one incident in the ledger');
  return faults;
}

/** No text says quarantined where that was not verified. */
function wordFaults({ incident, reading }: After): string[] {
  if (incident.isolation?.verified) return [];
  const texts = [
    ...reading.messages.map(({ body, attributes }) => body + JSON.stringify(attributes)),
    ...Object.values(reading.vault).map(({ body }) => Buffer.from(body).toString()),
  ];
  return texts.some((text) => /\bquarantined\b/i.test(text)) ? ['a text says quarantined'] : [];
}
