/** Names of executions. */

/** Arn of an execution on this machine; `holder` in a claim. */
export function localExecutionArn(account: string, region: string, name: string): string {
  return `arn:aws:lambda:${region}:${account}:function:responder:local/durable-execution/${name}/${name}`;
}

export function isLocalExecution(arn: string): boolean {
  return arn.includes(':local/durable-execution/');
}

/** The function that an execution is of, with its version: what starts others like it. */
export function functionOf(executionArn: string): string {
  return executionArn.slice(0, executionArn.indexOf('/durable-execution/'));
}
