/** Error answers as each AWS protocol writes them, so that the SDK reads the right error name. */
import type { Operation } from './operation.ts';

export type AnsweredFault = 'throttle' | 'error' | 'denied';

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** @returns what AWS would answer when it throttles, fails or denies this operation. */
export function faultAnswer(kind: AnsweredFault, call: Operation): Answer {
  const { code, status, message } = describe(kind, call);
  switch (call.protocol) {
    case 'ec2':
      return xml(
        status,
        `<Response><Errors><Error>${fields(code, message)}</Error></Errors>${requestId('ID')}</Response>`,
      );
    case 'query': {
      const type = status < 500 ? 'Sender' : 'Receiver';
      const error = `<Error><Type>${type}</Type>${fields(code, message)}</Error>`;
      return xml(status, `<ErrorResponse>${error}${requestId('Id')}</ErrorResponse>`);
    }
    case 'rest-xml':
      return xml(
        status,
        `<?xml version="1.0" encoding="UTF-8"?><Error>${fields(code, message)}${requestId('Id')}</Error>`,
      );
    case 'json':
    case 'rest-json':
      return {
        status,
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': code },
        body: JSON.stringify({ __type: code, message }),
      };
  }
}

function describe(kind: AnsweredFault, { service, operation, protocol }: Operation) {
  const json = protocol === 'json' || protocol === 'rest-json';
  switch (kind) {
    case 'throttle':
      if (service === 'ec2') return { code: 'RequestLimitExceeded', status: 503, message: 'Request limit exceeded.' };
      if (service === 's3') return { code: 'SlowDown', status: 503, message: 'Please reduce your request rate.' };
      return { code: json ? 'ThrottlingException' : 'Throttling', status: 400, message: 'Rate exceeded' };
    case 'denied': {
      const message = `User: arn:aws:sts::000000000000:assumed-role/lab/lab is not authorized to perform: ${service}:${operation}`;
      if (service === 'ec2') return { code: 'UnauthorizedOperation', status: 403, message };
      if (service === 's3') return { code: 'AccessDenied', status: 403, message: 'Access Denied' };
      return { code: json ? 'AccessDeniedException' : denialOf(service), status: json ? 400 : 403, message };
    }
    case 'error':
      return {
        code: json ? 'InternalServerError' : 'InternalError',
        status: 500,
        message: 'We encountered an internal error. Please try again.',
      };
  }
}

/** SNS has a code of its own. */
function denialOf(service: string): string {
  return service === 'sns' ? 'AuthorizationError' : 'AccessDenied';
}

function xml(status: number, body: string): Answer {
  return { status, headers: { 'content-type': 'text/xml' }, body };
}

function fields(code: string, message: string): string {
  return `<Code>${code}</Code><Message>${message}</Message>`;
}

function requestId(ending: 'ID' | 'Id'): string {
  return `<Request${ending}>00000000-0000-4000-8000-000000000000</Request${ending}>`;
}
