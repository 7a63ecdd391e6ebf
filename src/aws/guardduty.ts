/** GuardDuty, as far as reading one finding and asking for a sample goes. */
import {
  CreateSampleFindingsCommand,
  GetFindingsCommand,
  GuardDutyClient,
  ListDetectorsCommand,
} from '@aws-sdk/client-guardduty';
import { clientConfig, plain, underDeadline, type ClientSettings } from './client.ts';

/** The finding as the API writes it, or why there is none. JSON-safe. */
export type FoundFinding = { body: unknown } | { none: string };

export function guardDutyGateway(settings: ClientSettings) {
  const client = new GuardDutyClient(clientConfig(settings));
  const { region } = settings;

  async function detectors(): Promise<string[]> {
    const { DetectorIds = [] } = await client.send(new ListDetectorsCommand({}), underDeadline());
    return DetectorIds;
  }

  return {
    /** Looks in the given detector, else in the one that the account has in the Region. */
    async finding(findingId: string, detectorId?: string): Promise<FoundFinding> {
      const candidates = detectorId === undefined ? await detectors() : [detectorId];
      if (candidates.length === 0) return { none: `GuardDuty has no detector in ${region}` };
      for (const DetectorId of candidates) {
        const { Findings = [] } = await client.send(
          new GetFindingsCommand({ DetectorId, FindingIds: [findingId] }),
          underDeadline(),
        );
        const found = Findings.find(({ Id }) => Id === findingId);
        if (found) return { body: plain(found) };
      }
      return { none: `detector ${candidates.join(', ')} in ${region} knows no finding ${findingId}` };
    },

    /** Has a sample finding of the type made. @throws Error where there is no detector in the Region, or none that may. */
    async createSample(type: string): Promise<void> {
      const [DetectorId] = await detectors();
      if (DetectorId === undefined) throw new Error(`GuardDuty has no detector in ${region}: switch it on`);
      await client.send(new CreateSampleFindingsCommand({ DetectorId, FindingTypes: [type] }), underDeadline());
    },
  };
}
