/** The stack's functions and rules, as they are in AWS. Reads only; null: AWS says that there is no such thing. */
import { EventBridgeClient, ListRulesCommand, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import {
  GetAliasCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  GetPolicyCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { absent, clientConfig, underDeadline, type ClientSettings } from './client.ts';

export interface FunctionReading {
  /** `Active`, `Pending`, `Inactive` or `Failed`. */
  state: string;
  lastUpdate: string;
  /** Why, where AWS says so. */
  reason: string | null;
  isDurable: boolean;
  /** ARN of what it runs as. */
  role: string;
  /** ARN of the queue for what it fails on. */
  deadLetters: string | null;
  environment: Record<string, string>;
}

export interface RuleReading {
  name: string;
  isEnabled: boolean;
  pattern: string | null;
  schedule: string | null;
}

export interface TargetReading {
  arn: string;
  /** What it gets instead of the event, whatever that is. */
  input: string | null;
  /** What it gets of the event, or made of it. */
  reshapedBy: 'InputPath' | 'InputTransformer' | null;
  /** ARN of the queue for what cannot be delivered to it. */
  deadLetters: string | null;
}

export function functionReadings(settings: ClientSettings) {
  const client = new LambdaClient(clientConfig(settings));
  return {
    async configuration(FunctionName: string): Promise<FunctionReading | null> {
      const answer = await absent(/^ResourceNotFound/, () =>
        client.send(new GetFunctionConfigurationCommand({ FunctionName }), underDeadline()),
      );
      if (answer === null) return null;
      return {
        state: answer.State ?? 'unknown',
        lastUpdate: answer.LastUpdateStatus ?? 'Successful',
        reason: answer.StateReason ?? answer.LastUpdateStatusReason ?? null,
        isDurable: answer.DurableConfig !== undefined,
        role: answer.Role ?? '',
        deadLetters: answer.DeadLetterConfig?.TargetArn || null,
        environment: answer.Environment?.Variables ?? {},
      };
    },

    /** Version that the alias names. */
    async alias(FunctionName: string, Name: string): Promise<string | null> {
      const answer = await absent(/^ResourceNotFound/, () =>
        client.send(new GetAliasCommand({ FunctionName, Name }), underDeadline()),
      );
      return answer?.FunctionVersion ?? null;
    },

    /** Who may invoke it by that alias, or, where none is named, by itself: as JSON. Null: nobody, by its own policy. */
    async policy(FunctionName: string, Qualifier: string | null): Promise<string | null> {
      const answer = await absent(/^ResourceNotFound/, () =>
        client.send(
          new GetPolicyCommand({ FunctionName, ...(Qualifier === null ? {} : { Qualifier }) }),
          underDeadline(),
        ),
      );
      return answer?.Policy ?? null;
    },

    /** Null: nothing is reserved. */
    async reservedConcurrency(FunctionName: string): Promise<number | null> {
      const answer = await client.send(new GetFunctionConcurrencyCommand({ FunctionName }), underDeadline());
      return answer.ReservedConcurrentExecutions ?? null;
    },
  };
}

export function ruleReadings(settings: ClientSettings) {
  const client = new EventBridgeClient(clientConfig(settings));
  return {
    /** On the default bus. */
    async rules(NamePrefix: string): Promise<RuleReading[]> {
      const found: RuleReading[] = [];
      let NextToken: string | undefined;
      do {
        const answer = await client.send(
          new ListRulesCommand({ NamePrefix, ...(NextToken ? { NextToken } : {}) }),
          underDeadline(),
        );
        for (const { Name = '', State, EventPattern, ScheduleExpression } of answer.Rules ?? [])
          found.push({
            name: Name,
            isEnabled: (State ?? '').startsWith('ENABLED'),
            pattern: EventPattern ?? null,
            schedule: ScheduleExpression ?? null,
          });
        NextToken = answer.NextToken;
      } while (NextToken);
      return found;
    },

    /** A rule has five at most. */
    async targets(Rule: string): Promise<TargetReading[]> {
      const answer = await client.send(new ListTargetsByRuleCommand({ Rule }), underDeadline());
      return (answer.Targets ?? []).map(({ Arn, Input, InputPath, InputTransformer, DeadLetterConfig }) => ({
        arn: Arn ?? '',
        input: Input ?? null,
        reshapedBy: InputTransformer
          ? 'InputTransformer'
          : // `$` is the whole event.
            InputPath !== undefined && InputPath !== '$'
            ? 'InputPath'
            : null,
        deadLetters: DeadLetterConfig?.Arn || null,
      }));
    },
  };
}
