/**
 * A finding may name hundreds of instances (an attack sequence up to 400), and an execution takes no more than 3,000
 * operations, some 50 an instance. In Lambda an execution therefore works on a part of them, and starts one for each other
 * part. What cannot be started is done here: that may be too much for one execution, but then it fails, and people are told.
 */
import { createHash } from 'node:crypto';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { attempt } from '../aws/deadline.ts';
import type { Start } from '../aws/starter.ts';
import { FindingError, type Finding } from '../finding/finding.ts';
import { isObject } from '../finding/validate.ts';
import { shown } from '../notify/log-fields.ts';
import type { IncidentResult } from './incident.ts';
import type { OutsideDeps } from './outside.ts';
import { partitioned } from './partitioned.ts';
import { respond, type RunbookDeps } from './runbook.ts';

/** Targets of one execution. */
const PART_SIZE = 20;

/** What the execution of a part is started with: what the first one was asked, as far as it has been looked up. */
export interface PartRequest {
  secresponse: 'part';
  /** 0 is the first one, which is never started. */
  part: number;
  input: unknown;
  /** What the person asked for who named the finding by its id. */
  request?: NonNullable<Finding['request']>;
}

/** Null for everything else. */
export function partRequest(event: unknown): PartRequest | null {
  const isPart = isObject(event) && event['secresponse'] === 'part' && Number.isInteger(event['part']);
  return isPart ? (event as unknown as PartRequest) : null;
}

/** The finding as each execution has to see it. Whom it may not act on is told by the first one. */
function partsOf(finding: Finding, account: string): Finding[] {
  const ours = finding.targets.filter((target) => target.account === account);
  const others = finding.targets.filter((target) => target.account !== account);
  const [first = [], ...more] = partitioned(ours, PART_SIZE);
  return [
    { ...finding, targets: [...first, ...others] },
    ...more.map((targets) => ({ ...finding, targets, refused: [] })),
  ];
}

/** @throws FindingError where the finding has no such part. */
export function partOf(finding: Finding, { part }: PartRequest, account: string): Finding {
  const found = partsOf(finding, account)[part];
  if (!found) throw new FindingError('part', `the finding has no part ${part}`);
  return found;
}

export interface InParts {
  /** Of the targets that were responded to here. */
  incidents: IncidentResult[];
  /** Executions that respond to the others. */
  started: string[];
}

/** Responds to a finding with any number of targets. `asked`: what another execution has the same finding from. */
export async function respondInParts(
  ctx: DurableContext,
  finding: Finding,
  asked: Pick<PartRequest, 'input' | 'request'>,
  deps: RunbookDeps,
  start: Start,
): Promise<InParts> {
  const parts = partsOf(finding, deps.account);
  if (parts.length === 1) return { incidents: await respond(ctx, finding, asked.input, deps), started: [] };
  const outcomes = await inParts(ctx, parts, deps, start, {
    payload: (part): PartRequest => ({ secresponse: 'part', part, ...asked }),
    here: (child, part) => respond(child, part, asked.input, deps),
  });
  return {
    incidents: outcomes.flatMap((outcome) => ('here' in outcome ? outcome.here : [])),
    started: outcomes.flatMap((outcome) => ('started' in outcome ? outcome.started : [])),
  };
}

/** The first part is done here, and each other one by an execution of its own, or here as well. */
export async function inParts<Part, Result>(
  ctx: DurableContext,
  parts: readonly Part[],
  deps: OutsideDeps & Pick<RunbookDeps, 'executionArn'>,
  start: Start,
  how: { payload: (index: number) => object; here: (child: DurableContext, part: Part) => Promise<Result> },
): Promise<({ here: Result } | { started: string })[]> {
  return Promise.all(
    parts.map((part, index) =>
      ctx.runInChildContext(`part ${index}`, async (child) => {
        // Its own name, so that a step that runs twice starts nothing twice; and another one for each event, as a finding
        // that comes again, or is sent again by a person, is answered again.
        const name = `part-${createHash('sha256').update(deps.executionArn).digest('hex').slice(0, 32)}-${index}`;
        const started =
          index > 0 &&
          (await child.step('start', async () => {
            const asked = await attempt(deps.budgets.closeMs, 'starting an execution', () =>
              start(name, how.payload(index)),
            );
            deps.telemetry?.line(asked.ok ? 'info' : 'warn', 'part of the targets', {
              incidentId: 'none',
              execution: name,
              ...(asked.ok ? {} : { notStarted: shown(asked.error) }),
            });
            return asked.ok;
          }));
        return started ? { started: name } : { here: await how.here(child, part) };
      }),
    ),
  );
}
