/** What finds, and what decides. */
import { runPolicyTests } from '../policy/run-tests.ts';
import { formatProblem } from '../policy/problems.ts';
import { defineCheck, notReady, ok, warning, type Check } from './check.ts';

const guardDuty = defineCheck({
  name: 'guardduty',
  permission: 'guardduty:GetDetector',
  read: ({ readings }) => readings.account.detectors(),
  judge(detectors, { region }) {
    if (detectors.length === 0)
      return notReady(`GuardDuty has no detector in ${region}: it finds nothing`, `enable GuardDuty in ${region}`);
    return detectors.map(({ detectorId, isEnabled, frequency }) => {
      if (!isEnabled)
        return notReady(`GuardDuty detector ${detectorId} is suspended: it finds nothing`, `enable it in ${region}`);
      if (frequency === 'FIFTEEN_MINUTES')
        return ok(`GuardDuty detector ${detectorId} repeats findings every 15 minutes`);
      return warning(
        `GuardDuty detector ${detectorId} tells of a finding's further occurrences only every ${frequency === 'ONE_HOUR' ? 'hour' : '6 hours'}`,
        `aws guardduty update-detector --region ${region} --detector-id ${detectorId} --finding-publishing-frequency FIFTEEN_MINUTES`,
      );
    });
  },
});

const policies: Check = {
  name: 'policies',
  permission: '',
  run: async (room) => {
    if ('problems' in room.policies) {
      const { problems } = room.policies;
      return problems.map((problem) => notReady(formatProblem(problem), 'npx secresponse policy check'));
    }
    const failures = runPolicyTests(room.policies.policies, room.policies.tests);
    if (failures.length > 0)
      return failures.map((failure) => notReady(formatProblem(failure), 'npx secresponse policy check'));
    const { limits } = room.policies.policies.default;
    const of = (count: number | null, what: string): string => `${count === null ? 'any number of' : count} ${what}`;
    return [
      ok(
        `valid, their tests pass; limits: ${of(limits.quarantinesPerHour, 'quarantines an hour')}, ` +
          `${of(limits.quarantinesPerDay, 'a day')}, ${of(limits.collectionsPerHour, 'collections an hour')}, ` +
          `${limits.groupShare} % of a group, ${limits.reservePerHour} more an hour for critical findings`,
      ),
    ];
  },
};

const stopFlag = defineCheck({
  name: 'stop-flag',
  permission: 'dynamodb:GetItem',
  needs: 'ledger',
  read: ({ aws }) => aws.ledger.control(),
  judge: ({ stopped }) =>
    stopped === null
      ? ok('findings are responded to')
      : notReady(
          `stopped since ${stopped.at} by ${stopped.by} (${stopped.reason}): new findings are parked`,
          'npx secresponse resume, then npx secresponse replay',
        ),
});

export const detection: Check[] = [guardDuty, policies, stopFlag];
