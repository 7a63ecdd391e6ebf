/** What the API's function may do: start the responder, note it and look it up. It may not touch an instance. */

const onIncidents = {
  'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': 'incident#*' },
  // Without keys at all, ForAllValues would hold.
  Null: { 'dynamodb:LeadingKeys': 'false' },
};

export function apiRole(service: string, stage: string, responderAlias: object) {
  const log = `log-group:/aws/lambda/${service}-${stage}-api:*`;
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      Description: 'What the API may do - start the responder, and read and note the state of incidents',
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      },
      Policies: [
        {
          PolicyName: 'api',
          PolicyDocument: {
            Version: '2012-10-17',
            Statement: [
              // Its own log. The log group is the stack's.
              {
                Sid: 'WriteLog',
                Effect: 'Allow',
                Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
                Resource: { 'Fn::Sub': `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:${log}` },
              },
              // Traces of its own runs. AWS knows no narrower resource.
              {
                Sid: 'Trace',
                Effect: 'Allow',
                Action: ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'],
                Resource: '*',
              },
              // The one function, and by its alias only.
              {
                Sid: 'StartResponder',
                Effect: 'Allow',
                Action: 'lambda:InvokeFunction',
                Resource: responderAlias,
              },
              // That a run was asked for, and what came of it: items of incidents, not claims on targets.
              {
                Sid: 'KeepRequests',
                Effect: 'Allow',
                Action: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
                Resource: { 'Fn::GetAtt': ['Ledger', 'Arn'] },
                Condition: onIncidents,
              },
              // The ledger is encrypted; the key works through DynamoDB only.
              {
                Sid: 'UseLedgerKey',
                Effect: 'Allow',
                Action: [
                  'kms:Decrypt',
                  'kms:DescribeKey',
                  'kms:Encrypt',
                  'kms:GenerateDataKey',
                  'kms:ReEncryptFrom',
                  'kms:ReEncryptTo',
                ],
                Resource: { 'Fn::GetAtt': ['LedgerKey', 'Arn'] },
                Condition: {
                  StringEquals: { 'kms:ViaService': { 'Fn::Sub': 'dynamodb.${AWS::Region}.${AWS::URLSuffix}' } },
                },
              },
            ],
          },
        },
      ],
    },
  };
}
