/**
 * `POST /secresponse` and `GET /secresponse/{incidentId}` as resources of CloudFormation. osls's own `http` events would bring
 * functions and roles of their own for the access log, and could not write problem details; so the API is written out.
 */
import { createHash } from 'node:crypto';
import { bodyModel } from '../finding/api-request.ts';
import { apiRole } from './api-role.ts';
import { gatewayResponses } from './api-responses.ts';

export interface ApiStack {
  /** `off`, `iam` (signed requests) or `key` (an API key with a usage plan). */
  mode: string;
  service: string;
  stage: string;
}

type Resources = Record<string, { Type: string; Properties: object; [attribute: string]: unknown }>;

const api = { Ref: 'Api' };
const messageKey = { 'Fn::GetAtt': ['MessageKey', 'Arn'] };
export const responderAlias = { 'Fn::Join': [':', [{ 'Fn::GetAtt': ['ResponderLambdaFunction', 'Arn'] }, 'durable']] };

/** Requests per second that a person could need, with room; a loop gets 429. */
const THROTTLE = { RateLimit: 5, BurstLimit: 10 };

export function apiFunction({ mode }: ApiStack): object {
  if (mode === 'off') return {};
  return {
    api: {
      description: 'Starts the responder for requests to the API, and tells what has become of them',
      handler: 'src/handlers/api.handler',
      role: 'ApiRole',
      memorySize: 512,
      // API Gateway waits no longer.
      timeout: 29,
      environment: { RESPONDER_FUNCTION: responderAlias, INCIDENT_TABLE: { Ref: 'Ledger' } },
    },
  };
}

export function apiResources(stack: ApiStack): object {
  if (stack.mode === 'off') return {};
  const { service, stage } = stack;
  const definition = { ...routes(stack), ...gatewayResponses(api) };
  // A deployment is a picture of the API as it was; another API needs another deployment, so another name.
  const digest = createHash('sha256').update(JSON.stringify(definition)).digest('hex').slice(0, 16);
  const deployment = `ApiDeployment${digest}`;
  return {
    Resources: {
      ...definition,
      ...accessLog(stack),
      [deployment]: {
        Type: 'AWS::ApiGateway::Deployment',
        DependsOn: Object.keys(definition).filter((name) => name !== 'Api'),
        Properties: { RestApiId: api },
      },
      ApiStage: {
        Type: 'AWS::ApiGateway::Stage',
        DependsOn: 'ApiAccount',
        Properties: {
          RestApiId: api,
          DeploymentId: { Ref: deployment },
          StageName: stage,
          AccessLogSetting: {
            DestinationArn: { 'Fn::GetAtt': ['ApiLogs', 'Arn'] },
            Format: JSON.stringify(ACCESS_LOG),
          },
          MethodSettings: [
            {
              HttpMethod: '*',
              ResourcePath: '/*',
              ThrottlingRateLimit: THROTTLE.RateLimit,
              ThrottlingBurstLimit: THROTTLE.BurstLimit,
              MetricsEnabled: true,
              LoggingLevel: 'ERROR',
              // Bodies name instances and reasons: not for the log.
              DataTraceEnabled: false,
            },
          ],
        },
      },
      ApiMayInvoke: {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          Action: 'lambda:InvokeFunction',
          FunctionName: { 'Fn::GetAtt': ['ApiLambdaFunction', 'Arn'] },
          Principal: 'apigateway.amazonaws.com',
          SourceArn: {
            'Fn::Sub': 'arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*/secresponse*',
          },
        },
      },
      ...(stack.mode === 'key' ? keyAndPlan(service, stage) : {}),
      ApiRole: apiRole(service, stage, responderAlias),
    },
    Outputs: {
      ApiUrl: {
        Description: `POST {"instance_id":"i-…"} here (${stack.mode === 'key' ? 'header x-api-key' : 'signed with SigV4'})`,
        Value: { 'Fn::Sub': `https://\${Api}.execute-api.\${AWS::Region}.\${AWS::URLSuffix}/${stage}/secresponse` },
      },
      ...(stack.mode === 'key'
        ? {
            ApiKeyId: {
              Description: 'aws apigateway get-api-key --include-value --api-key …',
              Value: { Ref: 'ApiKey' },
            },
          }
        : {}),
    },
    extensions: { ApiLogGroup: { Properties: { KmsKeyId: messageKey } } },
  };
}

function routes({ mode, service, stage }: ApiStack): Resources {
  const auth =
    mode === 'iam'
      ? { AuthorizationType: 'AWS_IAM', ApiKeyRequired: false }
      : { AuthorizationType: 'NONE', ApiKeyRequired: true };
  const method = (HttpMethod: string, resource: string, more: object) => ({
    Type: 'AWS::ApiGateway::Method',
    Properties: {
      RestApiId: api,
      ResourceId: { Ref: resource },
      HttpMethod,
      ...auth,
      RequestValidatorId: { Ref: 'ApiValidator' },
      ...more,
      Integration: {
        Type: 'AWS_PROXY',
        IntegrationHttpMethod: 'POST',
        Uri: {
          'Fn::Sub':
            'arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${ApiLambdaFunction.Arn}/invocations',
        },
      },
    },
  });
  return {
    Api: {
      Type: 'AWS::ApiGateway::RestApi',
      Properties: {
        Name: `${service}-${stage}`,
        Description: 'Quarantine of an instance on request',
        EndpointConfiguration: { Types: ['REGIONAL'] },
        ApiKeySourceType: 'HEADER',
      },
    },
    ApiBody: {
      Type: 'AWS::ApiGateway::Model',
      Properties: { RestApiId: api, ContentType: 'application/json', Schema: bodyModel() },
    },
    ApiValidator: {
      Type: 'AWS::ApiGateway::RequestValidator',
      Properties: { RestApiId: api, ValidateRequestBody: true, ValidateRequestParameters: true },
    },
    ApiIncidents: {
      Type: 'AWS::ApiGateway::Resource',
      Properties: { RestApiId: api, ParentId: { 'Fn::GetAtt': ['Api', 'RootResourceId'] }, PathPart: 'secresponse' },
    },
    ApiIncident: {
      Type: 'AWS::ApiGateway::Resource',
      Properties: { RestApiId: api, ParentId: { Ref: 'ApiIncidents' }, PathPart: '{incidentId}' },
    },
    ApiPost: method('POST', 'ApiIncidents', { RequestModels: { 'application/json': { Ref: 'ApiBody' } } }),
    ApiGet: method('GET', 'ApiIncident', { RequestParameters: { 'method.request.path.incidentId': true } }),
  };
}

const ACCESS_LOG = {
  requestId: '$context.requestId',
  requestTime: '$context.requestTime',
  sourceIp: '$context.identity.sourceIp',
  caller: '$context.identity.userArn',
  apiKeyId: '$context.identity.apiKeyId',
  httpMethod: '$context.httpMethod',
  path: '$context.path',
  status: '$context.status',
  error: '$context.error.responseType',
};

function accessLog({ service, stage }: ApiStack): Resources {
  return {
    ApiLogs: {
      Type: 'AWS::Logs::LogGroup',
      Properties: { LogGroupName: `/aws/api-gateway/${service}-${stage}`, RetentionInDays: 365, KmsKeyId: messageKey },
    },
    // One setting for all APIs of the account in this Region: others may have come to need it, so both stay.
    ApiLogWriterRole: {
      Type: 'AWS::IAM::Role',
      DeletionPolicy: 'Retain',
      Properties: {
        Description: 'API Gateway writes access logs with it, of every API in this account and Region',
        AssumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Principal: { Service: 'apigateway.amazonaws.com' }, Action: 'sts:AssumeRole' },
          ],
        },
        ManagedPolicyArns: [
          { 'Fn::Sub': 'arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs' },
        ],
      },
    },
    ApiAccount: {
      Type: 'AWS::ApiGateway::Account',
      DeletionPolicy: 'Retain',
      Properties: { CloudWatchRoleArn: { 'Fn::GetAtt': ['ApiLogWriterRole', 'Arn'] } },
    },
  };
}

function keyAndPlan(service: string, stage: string): Resources {
  return {
    ApiKey: {
      Type: 'AWS::ApiGateway::ApiKey',
      DependsOn: 'ApiStage',
      Properties: { Name: `${service}-${stage}`, Enabled: true },
    },
    ApiPlan: {
      Type: 'AWS::ApiGateway::UsagePlan',
      Properties: {
        UsagePlanName: `${service}-${stage}`,
        ApiStages: [{ ApiId: api, Stage: { Ref: 'ApiStage' } }],
        Throttle: THROTTLE,
        Quota: { Limit: 1000, Period: 'DAY' },
      },
    },
    ApiPlanKey: {
      Type: 'AWS::ApiGateway::UsagePlanKey',
      Properties: { KeyId: { Ref: 'ApiKey' }, KeyType: 'API_KEY', UsagePlanId: { Ref: 'ApiPlan' } },
    },
  };
}
