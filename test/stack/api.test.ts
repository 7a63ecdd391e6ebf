/** The API's resources, where the parameter switches it on. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { bodyModel } from '../../src/finding/api-request.ts';
import { apiResources } from '../../src/stack/api.ts';
import { arnOf, packaged, ref, sub, type Template } from './packaged.ts';

const durableAlias = { 'Fn::Join': [':', [arnOf('ResponderLambdaFunction'), 'durable']] };
const methods = ['ApiPost', 'ApiGet'];

let template: Template;

describe('api=key', () => {
  beforeAll(async () => {
    template = await packaged('api=key', 'sessionDenial=on');
  }, 60_000);

  test('its function knows the responder by its alias, and the ledger', async () => {
    expect(template.properties('ApiLambdaFunction')).toMatchObject({
      FunctionName: 'secresponse-dev-api',
      Role: arnOf('ApiRole'),
      Timeout: 29,
    });
    expect(template.environment('ApiLambdaFunction')).toEqual({
      RESPONDER_FUNCTION: durableAlias,
      INCIDENT_TABLE: ref('Ledger'),
    });
    expect(await template.fileNames('api.zip')).toEqual(['src/handlers/api.mjs']);
  });

  test('has two routes that take an API key', () => {
    expect(template.properties('ApiIncidents')).toMatchObject({ PathPart: 'secresponse' });
    expect(template.properties('ApiIncident')).toMatchObject({
      ParentId: ref('ApiIncidents'),
      PathPart: '{incidentId}',
    });
    const found = template.ofType('AWS::ApiGateway::Method').map(([name]) => name);
    expect(found).toEqual(methods);
    for (const name of methods)
      expect(template.properties(name)).toMatchObject({ AuthorizationType: 'NONE', ApiKeyRequired: true });
    expect(template.properties('ApiPost')).toMatchObject({ HttpMethod: 'POST', ResourceId: ref('ApiIncidents') });
    expect(template.properties('ApiGet')).toMatchObject({ HttpMethod: 'GET', ResourceId: ref('ApiIncident') });
  });

  test('the key is for a plan with a quota', () => {
    expect(template.properties('ApiPlan')).toMatchObject({
      ApiStages: [{ ApiId: ref('Api'), Stage: ref('ApiStage') }],
      Throttle: { RateLimit: 5, BurstLimit: 10 },
      Quota: { Limit: 1000, Period: 'DAY' },
    });
    expect(template.properties('ApiPlanKey')).toMatchObject({ KeyId: ref('ApiKey'), UsagePlanId: ref('ApiPlan') });
    expect(template.Outputs['ApiKeyId']?.Value).toEqual(ref('ApiKey'));
  });

  test('requests are validated before anything runs', () => {
    expect(template.properties('ApiBody')).toMatchObject({ ContentType: 'application/json', Schema: bodyModel() });
    expect(bodyModel()).toMatchObject({ required: ['instance_id'], additionalProperties: false });
    expect(template.properties('ApiPost')['RequestModels']).toEqual({ 'application/json': ref('ApiBody') });
    expect(template.properties('ApiValidator')).toMatchObject({
      ValidateRequestBody: true,
      ValidateRequestParameters: true,
    });
    for (const name of methods) expect(template.properties(name)['RequestValidatorId']).toEqual(ref('ApiValidator'));
  });

  test('its stage throttles, logs every access and no body', () => {
    const stage = template.properties('ApiStage') as { AccessLogSetting: { Format: string } };
    expect(stage).toMatchObject({
      StageName: 'dev',
      AccessLogSetting: { DestinationArn: arnOf('ApiLogs') },
      MethodSettings: [
        {
          HttpMethod: '*',
          ResourcePath: '/*',
          ThrottlingRateLimit: 5,
          ThrottlingBurstLimit: 10,
          DataTraceEnabled: false,
        },
      ],
    });
    expect(JSON.parse(stage.AccessLogSetting.Format)).toMatchObject({
      status: '$context.status',
      caller: '$context.identity.userArn',
      sourceIp: '$context.identity.sourceIp',
    });
    expect(template.properties('ApiLogs')).toEqual({
      LogGroupName: '/aws/api-gateway/secresponse-dev',
      RetentionInDays: 365,
      KmsKeyId: arnOf('MessageKey'),
    });
    expect(template.properties('ApiLogGroup')).toMatchObject({ RetentionInDays: 365, KmsKeyId: arnOf('MessageKey') });
    // The account's setting stays: other APIs may use it.
    for (const name of ['ApiAccount', 'ApiLogWriterRole'])
      expect(template.resource(name).DeletionPolicy).toBe('Retain');
  });

  test('what API Gateway answers by itself is a problem, too', () => {
    const answers = template.ofType('AWS::ApiGateway::GatewayResponse').map(
      ([, { Properties }]) =>
        Properties as {
          ResponseType: string;
          StatusCode?: string;
          ResponseParameters: object;
          ResponseTemplates: { 'application/json': string };
        },
    );
    expect(answers.map(({ ResponseType }) => ResponseType)).toEqual(
      expect.arrayContaining(['BAD_REQUEST_BODY', 'THROTTLED', 'INVALID_API_KEY', 'DEFAULT_4XX', 'DEFAULT_5XX']),
    );
    for (const { StatusCode, ResponseParameters, ResponseTemplates } of answers) {
      expect(ResponseParameters).toEqual({ 'gatewayresponse.header.Content-Type': "'application/problem+json'" });
      const text = ResponseTemplates['application/json'].replace('$context.error.messageString', '"why"');
      const { status, ...problem } = JSON.parse(text) as { status?: number };
      expect(problem).toMatchObject({ type: 'about:blank', detail: 'why' });
      expect(status).toBe(StatusCode === undefined ? undefined : Number(StatusCode));
    }
  });

  test('may invoke its function only, which may start the responder and nothing else', () => {
    expect(template.properties('ApiMayInvoke')).toMatchObject({
      FunctionName: arnOf('ApiLambdaFunction'),
      Principal: 'apigateway.amazonaws.com',
      SourceArn: sub('arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*/secresponse*'),
    });
    expect(template.statement('ApiRole', 'StartResponder')).toEqual({
      Sid: 'StartResponder',
      Effect: 'Allow',
      Action: 'lambda:InvokeFunction',
      Resource: durableAlias,
    });
    expect(template.statement('ApiRole', 'KeepRequests')).toMatchObject({
      Action: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
      Resource: arnOf('Ledger'),
      Condition: {
        'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': 'incident#*' },
        Null: { 'dynamodb:LeadingKeys': 'false' },
      },
    });
    expect(template.granted('ApiRole').filter((action) => !/^(logs|kms|dynamodb|xray):/.test(action))).toEqual([
      'lambda:InvokeFunction',
    ]);
  });
});

describe('api=iam', () => {
  const resources = (mode: string) =>
    (
      apiResources({ mode, service: 'secresponse', stage: 'dev' }) as {
        Resources: Record<string, { Properties: object }>;
      }
    ).Resources;

  test('takes signed requests, and there is no key', () => {
    const iam = resources('iam');
    for (const name of methods)
      expect(iam[name]?.Properties).toMatchObject({ AuthorizationType: 'AWS_IAM', ApiKeyRequired: false });
    expect(Object.keys(iam)).toEqual(expect.not.arrayContaining(['ApiKey', 'ApiPlan', 'ApiPlanKey']));
  });

  test('another API is another deployment: the stage would go on with the old one', () => {
    const deployment = (mode: string) => Object.keys(resources(mode)).find((name) => name.startsWith('ApiDeployment'));
    expect(deployment('iam')).not.toBe(deployment('key'));
    expect(deployment('iam')).toBe(deployment('iam'));
  });
});
