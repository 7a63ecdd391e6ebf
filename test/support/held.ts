/** Incidents in the middle of a run, as a test needs them. */
import { CreateSecurityGroupCommand, DescribeNetworkInterfacesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { labConfig } from '../../src/lab/client.ts';
import type { IncidentRoom } from './incident-room.ts';
import { setGroups } from './releaser.ts';

export const holdIncident = {
  /** Another execution's claim, or that of `holder`, until then, in milliseconds since 1970. */
  async until({ account, world, deployment }: IncidentRoom, until: number, holder = 'somebody'): Promise<void> {
    const table = new DynamoDBClient(labConfig({ endpoint: account.endpoint, region: world.region }));
    await table.send(
      new UpdateItemCommand({
        TableName: deployment.table,
        Key: { pk: { S: `target#${world.account}#${world.region}#${world.instanceId}` } },
        UpdateExpression: 'SET holder = :holder, leaseUntil = :until',
        ExpressionAttributeValues: { ':holder': { S: holder }, ':until': { N: String(until) } },
      }),
    );
  },

  /** The first interface is where it would be while the host is collected from. */
  async halfContained(room: IncidentRoom, kind: 'lifeline' | 'interim' | 'open'): Promise<void> {
    const { account, world } = room;
    const ec2 = new EC2Client(labConfig({ endpoint: account.endpoint, region: world.region }));
    const [interfaceId = ''] = world.interfaceIds;
    const { NetworkInterfaces = [] } = await ec2.send(
      new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [interfaceId] }),
    );
    const { GroupId = '' } = await ec2.send(
      new CreateSecurityGroupCommand({
        VpcId: NetworkInterfaces[0]?.VpcId,
        GroupName: `secresponse-${kind}`,
        Description: kind,
        TagSpecifications: [{ ResourceType: 'security-group', Tags: [{ Key: 'secresponse:group', Value: kind }] }],
      }),
    );
    await setGroups(room, interfaceId, [GroupId]);
  },
};
