/** Interface endpoints for the agent of Systems Manager in a victim's VPC. */
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  CreateVpcEndpointCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { DEFAULT_REGION, labConfig, required, type Place } from './client.ts';
import type { World } from './world.ts';

/** `admit`: the range that the endpoints let in on 443. @returns their addresses' interfaces, by service. */
export async function createAgentEndpoints(
  place: Place,
  world: Pick<World, 'vpcId' | 'subnetId'>,
  { admit = '10.0.0.0/8' }: { admit?: string } = {},
): Promise<string[]> {
  const ec2 = new EC2Client(labConfig(place));
  const { GroupId } = await ec2.send(
    new CreateSecurityGroupCommand({ VpcId: world.vpcId, GroupName: 'endpoints', Description: 'endpoints of the VPC' }),
  );
  await ec2.send(
    new AuthorizeSecurityGroupIngressCommand({
      GroupId,
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: admit }] }],
    }),
  );
  const made: string[] = [];
  for (const service of ['ssm', 'ssmmessages']) {
    const { VpcEndpoint } = await ec2.send(
      new CreateVpcEndpointCommand({
        VpcId: world.vpcId,
        VpcEndpointType: 'Interface',
        ServiceName: `com.amazonaws.${place.region ?? DEFAULT_REGION}.${service}`,
        SubnetIds: [world.subnetId],
        SecurityGroupIds: [required(GroupId, 'a group id')],
        PrivateDnsEnabled: true,
      }),
    );
    made.push(...required(VpcEndpoint?.NetworkInterfaceIds, 'interfaces'));
  }
  return made;
}
