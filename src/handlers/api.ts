/** The Lambda function behind the API: starts the responder, and tells what has become of it. */
import { randomBytes } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { attempt, errorLine } from '../aws/deadline.ts';
import { requestsGateway, type IncidentState, type Requests } from '../aws/requests.ts';
import { responderStarter, type Start } from '../aws/starter.ts';
import { isIncidentId, parseApiRequest } from '../finding/api-request.ts';
import { FindingError } from '../finding/finding.ts';
import { visible } from '../finding/names.ts';
import { defaultBudgets } from '../runbook/budgets.ts';

/** What API Gateway sends, as far as it is used here. */
export interface ApiEvent {
  httpMethod: string;
  /** The route: `/secresponse/{incidentId}`. */
  resource: string;
  pathParameters?: Record<string, string | undefined> | null;
  body?: string | null;
  isBase64Encoded?: boolean;
}

export interface ApiAnswer {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

export interface ApiDeps {
  /** Where the API is, and so are the instances that it is asked about. */
  account: string;
  region: string;
  start: Start;
  requests: Requests;
  now?: () => number;
}

export type Api = (event: ApiEvent) => Promise<ApiAnswer>;

/** The two things that a request waits for, one after the other: API Gateway waits 29 s, all in all. */
export const apiLimits = { startMs: 15_000, ledgerMs: 8_000 };

/** With these Lambda takes no request, however often it was tried; throttling may follow a try that was accepted. */
const REFUSALS = new Set([
  'AccessDeniedException',
  'ResourceNotFoundException',
  'InvalidParameterValueException',
  'UnrecognizedClientException',
]);

export function createApi({ account, region, start, requests, now = Date.now }: ApiDeps): Api {
  async function post(event: ApiEvent): Promise<ApiAnswer> {
    const request = parseApiRequest(bodyText(event));
    // The name of the execution is the id of its incident: started twice by a lost answer, it runs once.
    const incidentId = `inc-${randomBytes(8).toString('hex')}`;
    const target = { account, region: request.region ?? region, instanceId: request.instance_id };
    const started = await attempt(apiLimits.startMs, 'starting the responder', () => start(incidentId, request));
    if (!started.ok) {
      console.error(JSON.stringify({ incidentId, target, error: started.error }));
      const retry = { 'Retry-After': '5' };
      if (REFUSALS.has(started.code))
        return problem(503, 'The responder could not be started. Nothing was changed; try again.', retry);
      // The answer may have been lost, and not the request.
      return problem(
        503,
        `It is not known whether the responder was started. Look for incident ${incidentId}, or try again: a second run on the same instance joins the first one or waits for it.`,
        retry,
        { incidentId },
      );
    }
    // The responder is under way: that nobody can look it up yet is no reason to say that it failed.
    const noted = await attempt(apiLimits.ledgerMs, 'the ledger', () =>
      requests.accept(incidentId, target, new Date(now()).toISOString()),
    );
    if (!noted.ok) console.error(JSON.stringify({ incidentId, target, error: noted.error }));
    return json(202, { incidentId, status: 'accepted', target }, { Location: `secresponse/${incidentId}` });
  }

  async function get(event: ApiEvent): Promise<ApiAnswer> {
    const id = event.pathParameters?.['incidentId'] ?? '';
    const unknown = problem(404, `There is no incident ${JSON.stringify(id)}.`);
    if (!isIncidentId(id)) return unknown;
    const found = await attempt(apiLimits.ledgerMs, 'the ledger', () => requests.state(id));
    if (!found.ok) {
      console.error(JSON.stringify({ incidentId: id, error: found.error }));
      return problem(503, 'The ledger does not answer; try again.', { 'Retry-After': '5' });
    }
    return found.value ? json(200, stateOf(found.value)) : unknown;
  }

  return async (event) => {
    try {
      if (event.resource === '/secresponse')
        return event.httpMethod === 'POST' ? await post(event) : notAllowed(event, 'POST');
      if (event.resource === '/secresponse/{incidentId}')
        return event.httpMethod === 'GET' ? await get(event) : notAllowed(event, 'GET');
      return problem(404, 'There is POST /secresponse and GET /secresponse/{incidentId}.');
    } catch (error) {
      if (error instanceof FindingError) return problem(400, error.message);
      // What went wrong inside is for the log, not for the caller.
      console.error(JSON.stringify({ error: errorLine(error) }));
      return problem(500, 'The request could not be handled.');
    }
  };
}

function bodyText({ body, isBase64Encoded }: ApiEvent): string {
  return isBase64Encoded ? Buffer.from(body ?? '', 'base64').toString() : (body ?? '');
}

/** What the ledger has, without what only machines and the vault need. */
function stateOf({ result, joined, ...state }: IncidentState): object {
  const outcome = result && {
    decision: result.decision,
    isolation: result.isolation,
    changes: result.changes.map(({ action, status, reason, description, verified }) => ({
      action,
      status,
      ...(reason === undefined ? {} : { reason }),
      description,
      verified,
    })),
    evidence: result.evidence.map(({ collector, status, reason }) => ({
      collector,
      status,
      ...(reason === undefined ? {} : { reason }),
    })),
    failures: result.failures,
    residualRisks: result.residualRisks,
  };
  return { ...state, ...(joined === undefined ? {} : { joined }), ...outcome };
}

function notAllowed({ httpMethod, resource }: ApiEvent, allowed: string): ApiAnswer {
  return problem(405, `${resource} takes ${allowed}, not ${httpMethod}.`, { Allow: allowed });
}

function json(statusCode: number, body: object, headers: Record<string, string> = {}): ApiAnswer {
  return answer(statusCode, 'application/json', body, headers);
}

/** RFC 9457. */
function problem(
  status: number,
  detail: string,
  headers: Record<string, string> = {},
  more: Record<string, string> = {},
): ApiAnswer {
  const body = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, ...more };
  return answer(status, 'application/problem+json', body, headers);
}

function answer(statusCode: number, type: string, body: object, headers: Record<string, string>): ApiAnswer {
  return {
    statusCode,
    headers: { 'Content-Type': type, 'Cache-Control': 'no-store', ...headers },
    // Somebody may look at it in a terminal.
    body: visible(JSON.stringify(body)),
  };
}

let api: Api | undefined;

/** The entry point of the bundle. */
export function handler(event: ApiEvent, { invokedFunctionArn }: { invokedFunctionArn: string }): Promise<ApiAnswer> {
  api ??= fromEnvironment(invokedFunctionArn, process.env);
  return api(event);
}

function fromEnvironment(functionArn: string, env: NodeJS.ProcessEnv): Api {
  const { RESPONDER_FUNCTION: responder, INCIDENT_TABLE: table } = env;
  if (!responder || !table) throw new Error('RESPONDER_FUNCTION and INCIDENT_TABLE have to be set');
  const [, , , region = '', account = ''] = functionArn.split(':');
  const settings = { region, budgets: defaultBudgets };
  return createApi({
    account,
    region,
    start: responderStarter(responder, settings),
    requests: requestsGateway(table, settings),
  });
}
