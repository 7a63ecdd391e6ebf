/** How a person undoes the recorded changes, as AWS CLI commands. Pure. */
import type { IncidentResult, Json } from './incident.ts';

/** One command a line; empty where nothing was changed. */
export function releaseHint(result: IncidentResult): string {
  const { region, instanceId } = result.target;
  const lines = result.changes.flatMap((change): string[] => {
    if (change.status === 'skipped' || change.from === null) return [];
    const from = change.from as { [key: string]: Json };
    switch (change.action) {
      case 'quarantine-network':
        return Object.entries(from).map(([id, state]) => {
          const groups = (state as { groups: string[] }).groups.join(' ');
          return `aws ec2 modify-network-interface-attribute --region ${region} --network-interface-id ${id} --groups ${groups}`;
        });
      case 'instance-profile':
        return (from['profiles'] as string[]).map(
          (arn) =>
            `aws ec2 associate-iam-instance-profile --region ${region} --instance-id ${instanceId} --iam-instance-profile Arn=${arn}`,
        );
      case 'termination-protection':
        return [
          `aws ec2 modify-instance-attribute --region ${region} --instance-id ${instanceId} --no-disable-api-termination`,
        ];
      default:
        return [];
    }
  });
  return lines.join('\n');
}
