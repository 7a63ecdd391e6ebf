/** Systems Manager, as far as the collection from a host needs it. Every method is one AWS call. */
import {
  CancelCommandCommand,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  GetDocumentCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { clientConfig, errorName, underDeadline, type ClientSettings } from './client.ts';

export interface AgentReading {
  /** Online, ConnectionLost, Inactive. */
  ping: string;
  /** Linux, Windows, MacOS. */
  platform: string;
  agentVersion: string;
}

export interface CommandRequest {
  instanceId: string;
  document: string;
  version?: string;
  parameters: Record<string, string[]>;
  comment: string;
}

export interface CommandReading {
  /** Pending, InProgress, Delayed, Success, Cancelled, TimedOut, Failed, Cancelling. */
  status: string;
  /** The status in more words: DeliveryTimedOut, ExecutionTimedOut, Undeliverable … */
  details: string;
  /** At most 24,000 characters. */
  stdout: string;
  /** At most 8,000 characters. */
  stderr: string;
}

export type Ssm = ReturnType<typeof ssmGateway>;

export function ssmGateway(settings: ClientSettings) {
  const client = new SSMClient(clientConfig(settings));

  return {
    /** Null where Systems Manager does not know the instance. */
    async agent(instanceId: string): Promise<AgentReading | null> {
      const answer = await client.send(
        new DescribeInstanceInformationCommand({ Filters: [{ Key: 'InstanceIds', Values: [instanceId] }] }),
        underDeadline(),
      );
      const [found] = answer.InstanceInformationList ?? [];
      if (!found) return null;
      return {
        ping: found.PingStatus ?? 'unknown',
        platform: found.PlatformType ?? 'unknown',
        agentVersion: found.AgentVersion ?? 'unknown',
      };
    },

    /** @returns the command's id. After a lost answer the SDK may send it twice: what is run must bear that. */
    async send(request: CommandRequest): Promise<string> {
      const answer = await client.send(
        new SendCommandCommand({
          InstanceIds: [request.instanceId],
          DocumentName: request.document,
          ...(request.version === undefined ? {} : { DocumentVersion: request.version }),
          Parameters: request.parameters,
          Comment: request.comment.slice(0, 100),
          // The least that AWS takes: a command that waits longer must not run after isolation.
          TimeoutSeconds: 30,
        }),
        underDeadline(),
      );
      if (!answer.Command?.CommandId) throw new Error('SendCommand answered without a command id');
      return answer.Command.CommandId;
    },

    /** Null while AWS does not know the invocation yet. */
    async invocation(instanceId: string, commandId: string): Promise<CommandReading | null> {
      try {
        const answer = await client.send(
          new GetCommandInvocationCommand({ InstanceId: instanceId, CommandId: commandId }),
          underDeadline(),
        );
        return {
          status: answer.Status ?? 'Pending',
          details: answer.StatusDetails ?? '',
          stdout: answer.StandardOutputContent ?? '',
          stderr: answer.StandardErrorContent ?? '',
        };
      } catch (error) {
        if (errorName(error) === 'InvocationDoesNotExist') return null;
        throw error;
      }
    },

    /** Asks for an end; AWS does not promise one. */
    async cancel(instanceId: string, commandId: string): Promise<void> {
      await client.send(new CancelCommandCommand({ CommandId: commandId, InstanceIds: [instanceId] }), underDeadline());
    },

    /** The default version of a document, and its number. */
    async document(name: string): Promise<{ content: string; version: string }> {
      const answer = await client.send(new GetDocumentCommand({ Name: name, DocumentFormat: 'JSON' }), underDeadline());
      return { content: answer.Content ?? '', version: answer.DocumentVersion ?? '1' };
    },
  };
}
