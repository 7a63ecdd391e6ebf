/** What a probe is: a few calls that the local AWS answers as AWS does, and stock moto does not. */
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingClient } from '@aws-sdk/client-elastic-load-balancing';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { GuardDutyClient } from '@aws-sdk/client-guardduty';
import { IAMClient } from '@aws-sdk/client-iam';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SSMClient } from '@aws-sdk/client-ssm';
import { labConfig } from '../../../src/lab/client.ts';
import { createWorld, type World, type WorldOptions } from '../../../src/lab/world.ts';

export interface Probe {
  /** The mend: file.function below src/lab/mends. */
  mend: string;
  /** What holds, as a sentence. */
  holds: string;
  run(lab: Lab): Promise<unknown>;
  answer: unknown;
}

export type Lab = ReturnType<typeof labAt>;

/** The clients make one attempt: a probe wants the first answer. */
export function labAt(endpoint: string) {
  const config = { ...labConfig({ endpoint }), maxAttempts: 1 };
  return {
    endpoint,
    autoScaling: new AutoScalingClient(config),
    ec2: new EC2Client(config),
    elb: new ElasticLoadBalancingV2Client(config),
    elbClassic: new ElasticLoadBalancingClient(config),
    events: new EventBridgeClient(config),
    guardduty: new GuardDutyClient(config),
    iam: new IAMClient(config),
    s3: new S3Client(config),
    sns: new SNSClient(config),
    ssm: new SSMClient(config),
    world: (options: Omit<WorldOptions, 'endpoint'> = {}): Promise<World> => createWorld({ endpoint, ...options }),
  };
}

/** @returns the name of the error that the call fails with. */
export async function failure(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'no error';
  } catch (error) {
    return (error as Error).name;
  }
}
