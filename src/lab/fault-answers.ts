/** Error answers as each AWS protocol writes them, so that the SDK reads the right error name. */
import type { Operation, Protocol } from './operation.ts';

export type AnsweredFault = 'throttle' | 'error' | 'denied';

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

interface Fault {
  status: number;
  code: string;
  message: string;
}

/** @returns what AWS would answer when it throttles, fails or denies this operation. */
export function faultAnswer(kind: AnsweredFault, call: Operation): Answer {
  return WRITERS[call.protocol](FAULTS[kind](call));
}

const FAULTS: Record<AnsweredFault, (call: Operation) => Fault> = {
  throttle({ service, protocol }) {
    if (service === 'ec2') return { status: 503, code: 'RequestLimitExceeded', message: 'Request limit exceeded.' };
    if (service === 's3') return { status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' };
    return { status: 400, code: isJson(protocol) ? 'ThrottlingException' : 'Throttling', message: 'Rate exceeded' };
  },
  denied({ service, operation, protocol }) {
    const message = `User: arn:aws:sts::000000000000:assumed-role/lab/lab is not authorized to perform: ${service}:${operation}`;
    if (isJson(protocol)) return { status: 400, code: 'AccessDeniedException', message };
    return { status: 403, code: DENIALS[service] ?? 'AccessDenied', message };
  },
  error: ({ protocol }) => ({
    status: 500,
    code: isJson(protocol) ? 'InternalServerError' : 'InternalError',
    message: 'We encountered an internal error. Please try again.',
  }),
};

/** Services with a code of their own for an access that is denied. */
const DENIALS: Record<string, string> = { ec2: 'UnauthorizedOperation', sns: 'AuthorizationError' };

const WRITERS: Record<Protocol, (fault: Fault) => Answer> = {
  ec2: (fault) => xml(fault, `<Response><Errors><Error>${fields(fault)}</Error></Errors>${requestId('ID')}</Response>`),
  query(fault) {
    const type = fault.status < 500 ? 'Sender' : 'Receiver';
    return xml(
      fault,
      `<ErrorResponse><Error><Type>${type}</Type>${fields(fault)}</Error>${requestId('Id')}</ErrorResponse>`,
    );
  },
  'rest-xml': (fault) => xml(fault, `<Error>${fields(fault)}${requestId('Id')}</Error>`),
  json,
  'rest-json': json,
};

function isJson(protocol: Protocol): boolean {
  return protocol === 'json' || protocol === 'rest-json';
}

function json({ status, code, message }: Fault): Answer {
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': code };
  return { status, headers, body: JSON.stringify({ __type: code, message }) };
}

function xml({ status }: Fault, body: string): Answer {
  return { status, headers: { 'content-type': 'text/xml' }, body };
}

function fields({ code, message }: Fault): string {
  return `<Code>${code}</Code><Message>${message}</Message>`;
}

function requestId(ending: 'ID' | 'Id'): string {
  return `<Request${ending}>00000000-0000-4000-8000-000000000000</Request${ending}>`;
}
