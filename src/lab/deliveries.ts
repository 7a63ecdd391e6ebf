/** Carries what EventBridge delivers to Lambda targets from the local AWS to listeners in this process. */

export interface Delivery {
  ruleArn: string;
  targetArn: string;
  targetId: string;
  /** Where the rule is. */
  account: string;
  region: string;
  /** The EventBridge event. */
  event: unknown;
}

const WAIT_S = 20;

/**
 * Asks the local AWS for deliveries as long as someone listens.
 * @param after the number of the last delivery that nobody here wants to hear.
 */
export function listenForDeliveries(base: string, after: number) {
  const listeners = new Set<(delivery: Delivery) => void>();
  let latest = after;
  let asking: AbortController | null = null;

  return {
    add(listener: (delivery: Delivery) => void): () => void {
      listeners.add(listener);
      if (!asking) void ask((asking = new AbortController()));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) stop();
      };
    },
    close() {
      listeners.clear();
      stop();
    },
  };

  function stop() {
    asking?.abort();
    asking = null;
  }

  async function ask(turn: AbortController): Promise<void> {
    while (!turn.signal.aborted) {
      try {
        const answer = await fetch(`${base}/deliveries?after=${latest}&wait=${WAIT_S}`, { signal: turn.signal });
        const { deliveries } = (await answer.json()) as { deliveries: (Delivery & { number: number })[] };
        for (const { number, ...delivery } of deliveries) {
          latest = number;
          for (const listener of listeners) listener(delivery);
        }
      } catch {
        // The server is gone or busy; a listener that still waits gets its deliveries when it is back.
        if (!turn.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }
}
