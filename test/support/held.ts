/** Incidents in the middle of a run, as a test needs them. */
import { CreateTagsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { labConfig } from '../../src/lab/client.ts';
import type { IncidentRoom } from './incident-room.ts';

export const holdIncident = {
  /** Another execution's claim until then, in milliseconds since 1970. */
  async until({ account, world, deployment }: IncidentRoom, until: number): Promise<void> {
    const table = new DynamoDBClient(labConfig({ endpoint: account.endpoint, region: world.region }));
    await table.send(
      new UpdateItemCommand({
        TableName: deployment.table,
        Key: { pk: { S: `target#${world.account}#${world.region}#${world.instanceId}` } },
        UpdateExpression: 'SET holder = :holder, leaseUntil = :until',
        ExpressionAttributeValues: { ':holder': { S: 'somebody' }, ':until': { N: String(until) } },
      }),
    );
  },

  /** Makes a group of ours one of another kind. */
  async tagGroup({ account, world }: IncidentRoom, groupId: string, kind: string): Promise<void> {
    const ec2 = new EC2Client(labConfig({ endpoint: account.endpoint, region: world.region }));
    await ec2.send(new CreateTagsCommand({ Resources: [groupId], Tags: [{ Key: 'secresponse:group', Value: kind }] }));
  },
};
