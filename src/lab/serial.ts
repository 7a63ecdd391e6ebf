/** The sequence of the AWS Security Blog's post as it stands there: one call after the other. What the bench compares with. */
import {
  CreateSecurityGroupCommand,
  CreateSnapshotCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeInstancesCommand,
  DisassociateIamInstanceProfileCommand,
  EC2Client,
  GetConsoleScreenshotCommand,
  ModifyInstanceAttributeCommand,
  ModifyNetworkInterfaceAttributeCommand,
  RevokeSecurityGroupEgressCommand,
} from '@aws-sdk/client-ec2';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { labConfig, type Place } from './client.ts';
import type { Deployment } from './deployment.ts';
import type { World } from './world.ts';

export async function serialSequence(place: Place, { instanceId }: World, deployment: Deployment): Promise<void> {
  const ec2 = new EC2Client(labConfig(place));
  const s3 = new S3Client({ ...labConfig(place), forcePathStyle: true });
  const put = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket: deployment.bucket, Key, Body }));
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
  const instance = Reservations?.[0]?.Instances?.[0];
  await put(`serial/${instanceId}/instance.json`, JSON.stringify(instance));
  const { ImageData = '' } = await ec2.send(new GetConsoleScreenshotCommand({ InstanceId: instanceId }));
  await put(`serial/${instanceId}/console.jpg`, ImageData);
  for (const { Ebs } of instance?.BlockDeviceMappings ?? [])
    await ec2.send(new CreateSnapshotCommand({ VolumeId: Ebs?.VolumeId }));
  await ec2.send(
    new ModifyInstanceAttributeCommand({ InstanceId: instanceId, DisableApiTermination: { Value: true } }),
  );
  const { IamInstanceProfileAssociations = [] } = await ec2.send(
    new DescribeIamInstanceProfileAssociationsCommand({ Filters: [{ Name: 'instance-id', Values: [instanceId] }] }),
  );
  for (const { AssociationId } of IamInstanceProfileAssociations)
    await ec2.send(new DisassociateIamInstanceProfileCommand({ AssociationId }));
  const { GroupId } = await ec2.send(
    new CreateSecurityGroupCommand({
      VpcId: instance?.VpcId,
      GroupName: `serial-${instanceId}`,
      Description: 'serial',
    }),
  );
  await ec2.send(
    new RevokeSecurityGroupEgressCommand({
      GroupId,
      IpPermissions: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    }),
  );
  for (const { NetworkInterfaceId } of instance?.NetworkInterfaces ?? [])
    await ec2.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId, Groups: [GroupId ?? ''] }));
  await new SNSClient(labConfig(place)).send(
    new PublishCommand({ TopicArn: deployment.topicArn, Message: `${instanceId} is quarantined` }),
  );
}
