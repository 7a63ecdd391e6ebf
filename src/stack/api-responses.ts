/** What API Gateway itself answers, as problem details (RFC 9457). */
import { STATUS_CODES } from 'node:http';

/** Kind of response → its status; without one, the status is in the answer's head only. */
const KINDS: Record<string, number | undefined> = {
  BAD_REQUEST_BODY: 400,
  BAD_REQUEST_PARAMETERS: 400,
  UNAUTHORIZED: 401,
  ACCESS_DENIED: 403,
  EXPIRED_TOKEN: 403,
  INVALID_API_KEY: 403,
  INVALID_SIGNATURE: 403,
  // Also what an unknown route gets.
  MISSING_AUTHENTICATION_TOKEN: 403,
  REQUEST_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  QUOTA_EXCEEDED: 429,
  THROTTLED: 429,
  INTEGRATION_FAILURE: 504,
  INTEGRATION_TIMEOUT: 504,
  DEFAULT_4XX: undefined,
  DEFAULT_5XX: undefined,
};

export function gatewayResponses(restApi: object) {
  return Object.fromEntries(Object.entries(KINDS).map(([kind, status]) => [logicalId(kind), response(kind, status)]));

  function response(kind: string, status: number | undefined) {
    const title = status === undefined ? {} : { title: STATUS_CODES[status], status };
    const body = JSON.stringify({ type: 'about:blank', ...title });
    return {
      Type: 'AWS::ApiGateway::GatewayResponse',
      Properties: {
        RestApiId: restApi,
        ResponseType: kind,
        ...(status === undefined ? {} : { StatusCode: String(status) }),
        ResponseParameters: { 'gatewayresponse.header.Content-Type': "'application/problem+json'" },
        // messageString comes with its quotes.
        ResponseTemplates: { 'application/json': `${body.slice(0, -1)},"detail":$context.error.messageString}` },
      },
    };
  }
}

function logicalId(kind: string): string {
  const words = kind.toLowerCase().split('_');
  return `ApiAnswers${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}`;
}
