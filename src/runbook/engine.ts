/**
 * The durable SDK off Lambda: runs the same handler as AWS Lambda does, with the checkpoints in a file or in memory.
 * A run that was killed goes on at its last checkpoint when it is started again on the same store.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  DurableExecutionInvocationInputWithClient,
  type DurableExecutionClient,
  type OperationUpdate,
  type WireOperation,
} from '@aws/durable-execution-sdk-js';
import { localExecutionArn } from './execution-arn.ts';

/** What a durable execution is made of between two invocations; JSON-safe. */
export interface ExecutionState {
  version: 1;
  arn: string;
  input: unknown;
  /** Process that runs it; another living process must leave it alone. */
  pid: number;
  operations: WireOperation[];
  done?: { result?: unknown; error?: string };
}

/** Keeps one execution's state. `save` returns once the state would survive a crash. */
export interface ExecutionStore {
  load(): ExecutionState | null;
  save(state: ExecutionState): void;
}

/** One line of a run's progress, from its checkpoints. */
export interface Progress {
  name: string;
  kind: 'start' | 'done' | 'failed' | 'waiting';
  /** Milliseconds since the operation began, for `done` and `failed`. */
  ms?: number;
  /** What a finished step returned. */
  result?: unknown;
  parent?: string;
}

export type DurableHandler = (event: never, context: never) => Promise<unknown>;

/** The state in one file, replaced atomically. */
export function fileStore(file: string): ExecutionStore {
  return {
    load() {
      let text: string;
      try {
        text = readFileSync(file, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
      const state = JSON.parse(text) as ExecutionState;
      if (state.version !== 1) throw new Error(`${file}: state version ${String(state.version)} is not known here`);
      return state;
    },
    save(state) {
      mkdirSync(dirname(file), { recursive: true });
      const partial = `${file}.${process.pid}.tmp`;
      writeFileSync(partial, JSON.stringify(state));
      renameSync(partial, file);
    },
  };
}

export function memoryStore(): ExecutionStore {
  let kept: string | null = null;
  return {
    load: () => (kept === null ? null : (JSON.parse(kept) as ExecutionState)),
    save: (state) => void (kept = JSON.stringify(state)),
  };
}

export interface ExecutionOptions {
  store: ExecutionStore;
  /** Name of the execution in its ARN; a new one by default. */
  name?: string;
  /** Another ARN than a local execution's, to play Lambda. */
  arn?: string;
  account?: string;
  region?: string;
  /** Called with the execution's ARN after each checkpoint has been stored. */
  onCheckpoint?: (arn: string) => void;
  onProgress?: (progress: Progress) => void;
  /** Answers what the execution asks for by a callback, as its service would; without it nothing but time goes by. */
  onCallback?: (callbackId: string) => Promise<CallbackAnswer>;
}

export type CallbackAnswer = { result: string } | { timedOut: true };

/**
 * Starts the handler on `input`, or resumes what the store holds, and returns its result.
 * @throws Error with the handler's message where the execution failed.
 */
export async function execute(handler: DurableHandler, input: unknown, options: ExecutionOptions): Promise<unknown> {
  const { store } = options;
  const account = options.account ?? '000000000000';
  const region = options.region ?? 'us-east-1';
  const state = store.load() ?? {
    version: 1 as const,
    arn: options.arn ?? localExecutionArn(account, region, options.name ?? randomUUID()),
    input,
    pid: process.pid,
    operations: [],
  };
  if (state.done) return finished(state.done);
  state.pid = process.pid;
  store.save(state);

  const operations = new Map(state.operations.map((operation) => [operation.Id ?? '', operation]));
  const client = checkpointClient(state, operations, options);
  for (;;) {
    const answer = (await handler(
      new DurableExecutionInvocationInputWithClient(
        {
          DurableExecutionArn: state.arn,
          CheckpointToken: randomUUID(),
          InitialExecutionState: { Operations: [executionOperation(state), ...operations.values()] },
        },
        client,
      ) as never,
      lambdaContext(state.arn) as never,
    )) as { Status: string; Result?: string; Error?: { ErrorMessage?: string } };

    if (answer.Status === 'SUCCEEDED') {
      state.done = { result: answer.Result ? (JSON.parse(answer.Result) as unknown) : undefined };
    } else if (answer.Status === 'FAILED') {
      state.done = { error: answer.Error?.ErrorMessage ?? 'the execution failed without a message' };
    } else {
      await untilDue(operations, options.onCallback);
      state.operations = [...operations.values()];
      store.save(state);
      continue;
    }
    state.operations = [...operations.values()];
    store.save(state);
    return finished(state.done);
  }
}

function finished(done: NonNullable<ExecutionState['done']>): unknown {
  if (done.error !== undefined) throw new Error(done.error);
  return done.result;
}

function executionOperation(state: ExecutionState): WireOperation {
  return {
    Id: 'execution',
    Type: 'EXECUTION',
    Status: 'STARTED',
    StartTimestamp: new Date(0),
    ExecutionDetails: { InputPayload: JSON.stringify(state.input) },
  };
}

function lambdaContext(arn: string): object {
  return {
    functionName: 'responder',
    functionVersion: 'local',
    invokedFunctionArn: arn.slice(0, arn.indexOf('/')),
    awsRequestId: randomUUID(),
    callbackWaitsForEmptyEventLoop: false,
    memoryLimitInMB: '512',
    getRemainingTimeInMillis: () => 900_000,
  };
}

function checkpointClient(
  state: ExecutionState,
  operations: Map<string, WireOperation>,
  options: ExecutionOptions,
): DurableExecutionClient {
  return {
    async checkpoint({ Updates = [] }) {
      const changed: WireOperation[] = [];
      for (const update of Updates) {
        const operation = applied(operations.get(update.Id ?? ''), update);
        operations.set(update.Id ?? '', operation);
        changed.push(operation);
      }
      state.operations = [...operations.values()];
      options.store.save(state);
      options.onCheckpoint?.(state.arn);
      if (options.onProgress) for (const update of Updates) tell(update, operations, options.onProgress);
      return { CheckpointToken: randomUUID(), NewExecutionState: { Operations: changed } };
    },
    async getExecutionState() {
      return { Operations: [executionOperation(state), ...operations.values()] };
    },
  };
}

/** The operation after one update, as the service would keep it. */
function applied(before: WireOperation | undefined, update: OperationUpdate): WireOperation {
  const now = new Date().toISOString();
  const operation: WireOperation = {
    ...before,
    Id: update.Id,
    ParentId: update.ParentId,
    Name: update.Name,
    Type: update.Type,
    SubType: update.SubType,
    StartTimestamp: before?.StartTimestamp ?? now,
    Status: before?.Status,
  };
  const error = update.Error ? { Error: update.Error } : {};
  const result = update.Payload === undefined ? {} : { Result: update.Payload };
  switch (update.Action) {
    case 'SUCCEED':
      operation.Status = 'SUCCEEDED';
      operation.EndTimestamp = now;
      break;
    case 'FAIL':
      operation.Status = 'FAILED';
      operation.EndTimestamp = now;
      break;
    case 'RETRY':
      operation.Status = 'PENDING';
      break;
    case 'CANCEL':
      operation.Status = 'CANCELLED';
      operation.EndTimestamp = now;
      break;
    case 'START':
    case undefined:
      operation.Status = 'STARTED';
  }
  switch (update.Type) {
    case 'STEP': {
      const attempt = (before?.StepDetails?.Attempt ?? 0) + (update.Action === 'RETRY' ? 1 : 0);
      const due = after(update.StepOptions?.NextAttemptDelaySeconds ?? 0);
      operation.StepDetails = {
        Attempt: attempt,
        ...result,
        ...error,
        ...(update.Action === 'RETRY' ? { NextAttemptTimestamp: due } : {}),
      };
      break;
    }
    case 'CONTEXT':
      operation.ContextDetails = {
        ...result,
        ...error,
        ...(update.ContextOptions?.ReplayChildren ? { ReplayChildren: true } : {}),
      };
      break;
    case 'WAIT':
      operation.WaitDetails =
        update.Action === 'START'
          ? { ScheduledEndTimestamp: after(update.WaitOptions?.WaitSeconds ?? 0) }
          : { ...before?.WaitDetails };
      break;
    case 'CALLBACK':
      operation.CallbackDetails = before?.CallbackDetails ?? { CallbackId: randomUUID() };
      break;
    case 'CHAINED_INVOKE':
    case 'EXECUTION':
    case undefined:
      break;
  }
  return operation;
}

function after(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString();
}

/** Sleeps until the first wait has elapsed or the first retry is due, and marks everything that is due. */
async function untilDue(
  operations: Map<string, WireOperation>,
  onCallback: ExecutionOptions['onCallback'],
): Promise<void> {
  const began = performance.now();
  const due = [...operations.values()].flatMap((operation) => {
    const ms = millisecondsUntil(operation);
    return ms === null ? [] : [{ operation, ms }];
  });
  const first = Math.min(...due.map(({ ms }) => ms));
  const asked = [...operations.values()].filter(({ Type, Status }) => Type === 'CALLBACK' && Status === 'STARTED');
  const answers = onCallback ? asked.map((operation) => answered(operation, onCallback).then(() => 0)) : [];
  const slept = due.length === 0 ? [] : [sleep(Math.max(0, first)).then(() => first)];
  if (slept.length + answers.length === 0)
    throw new Error('the execution is suspended, but waits for nothing that this engine knows');
  const passed = Math.max(await Promise.race([...slept, ...answers]), performance.now() - began);
  for (const { operation, ms } of due) {
    if (ms > passed) continue;
    operation.Status = operation.Type === 'WAIT' ? 'SUCCEEDED' : 'READY';
    if (operation.Type === 'WAIT') operation.EndTimestamp = new Date().toISOString();
  }
}

/** Null where it waits for no time. However far the clock was put back, a wait takes no longer than it was to take. */
function millisecondsUntil({ Type, Status, StartTimestamp, ...details }: WireOperation): number | null {
  const left = (at: string | Date): number => new Date(at).getTime() - Date.now();
  if (Type === 'WAIT' && Status === 'STARTED') {
    const end = details.WaitDetails?.ScheduledEndTimestamp;
    return end === undefined ? null : Math.min(left(end), left(end) - left(StartTimestamp ?? end));
  }
  const next = details.StepDetails?.NextAttemptTimestamp;
  return Type === 'STEP' && Status === 'PENDING' && next !== undefined ? left(next) : null;
}

async function answered(
  operation: WireOperation,
  onCallback: NonNullable<ExecutionOptions['onCallback']>,
): Promise<void> {
  const answer = await onCallback(operation.CallbackDetails?.CallbackId ?? '');
  operation.EndTimestamp = new Date().toISOString();
  if ('timedOut' in answer) operation.Status = 'TIMED_OUT';
  else {
    operation.Status = 'SUCCEEDED';
    operation.CallbackDetails = { ...operation.CallbackDetails, Result: answer.result };
  }
}

function tell(
  update: OperationUpdate,
  operations: Map<string, WireOperation>,
  onProgress: (progress: Progress) => void,
): void {
  const operation = operations.get(update.Id ?? '');
  const parent = operations.get(update.ParentId ?? '')?.Name;
  const common = { name: update.Name ?? update.Type ?? '', ...(parent === undefined ? {} : { parent }) };
  if (update.Type === 'WAIT' && update.Action === 'START') return onProgress({ ...common, kind: 'waiting' });
  if (update.Type !== 'STEP') return;
  if (update.Action === 'START') return onProgress({ ...common, kind: 'start' });
  const ms = Date.now() - new Date(operation?.StartTimestamp ?? Date.now()).getTime();
  if (update.Action === 'SUCCEED') {
    const result = update.Payload === undefined ? undefined : (JSON.parse(update.Payload) as unknown);
    onProgress({ ...common, kind: 'done', ms, result });
  }
  if (update.Action === 'FAIL') onProgress({ ...common, kind: 'failed', ms });
}
